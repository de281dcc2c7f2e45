// Copies a file's bytes, of an untrusted medium too.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "cli/media_contents.h"

namespace klubster {

// Copies the blob to the new file `to`, synced. kInvalid, MediaRefused, when what is there now is
// no regular file of the size that was seen, or a link although the medium is `foreign`; kIo.
Status copy_blob(const MediaBlob& blob, const std::string& to, mode_t mode, bool foreign);

}  // namespace klubster
