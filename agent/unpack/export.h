// Reading what `klubster export` wrote: an archive that anybody may have made.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"

namespace klubster {

// {"v":1,"hash","values":{KEY:VALUE,…}} of the plain tar in `file`: its about.json, and its config/
// as a tree. Everything else in it is passed over. kInvalid, ArchiveRefused: it is no export, or
// a member of config/ is no regular file, has a path that leads elsewhere, is there twice, is
// larger than a value may be; TooLarge: more than an export may hold; kIo.
Result<Json> read_export(const std::string& file);

}  // namespace klubster
