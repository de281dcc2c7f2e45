// Writes a KLUBSTER medium as an ISO 9660 image.
#pragma once

#include <string>

#include "base/result.h"

namespace klubster {

// The regular files and directories below `directory`, root's, with the modes that they have, as
// the new file `output`: labelled KLUBSTER, long names by Rock Ridge. The same tree gives the same
// content, not the same bytes: the time of making stands in the image. kInvalid, BadValue, for what
// else lies there; kIo.
Status write_medium(const std::string& directory, const std::string& output);

}  // namespace klubster
