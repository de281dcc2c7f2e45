// File systems that nobody trusts, mounted where nobody else sees them.
#pragma once

#include <string>

#include "base/result.h"
#include "linux/files.h"

namespace klubster {

// The file system of a block device as a directory that stands in no tree: it goes with the
// descriptor, also when the process is killed. Read-only, without devices, setuid, programs and
// links; a journal is not replayed. `type` is ext4, vfat or iso9660; another is kInvalid, BadValue.
Result<UniqueFd> mount_detached(const std::string& device, const std::string& type);

}  // namespace klubster
