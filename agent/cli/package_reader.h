// Reads a profile's manifest by way of klubster-unpack, which alone opens packages.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "model/profile.h"

namespace klubster {

// Where klubster's other programs are: $KLUBSTER_PROGRAM_DIR, else names::kProgramDir.
std::string program_directory();

// Takes every right of root's from this process but the one to read files (none can be gained
// again): what then reads a package was made by somebody else. Others have nothing to lose. False,
// with errno, when that failed. Async-signal-safe.
bool drop_privileges();

// The manifest of a package file or of a profile's directory. klubster-unpack runs without
// privileges (as nobody, able to read only, when this process is root's), for at most a minute, and
// its answer is read as strictly as a worker's. kInvalid: the package is bad, with all that is
// wrong with it; kInternal, WorkerFailed: no usable answer.
Result<Profile> read_package(const std::string& path);

// The config in what `klubster export` wrote, in the same way: {"v","hash","values"}. kInvalid,
// ArchiveRefused: it is no such file.
Result<Json> read_exported(const std::string& path);

}  // namespace klubster
