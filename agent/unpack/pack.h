// Making packages: the same directory gives the same bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "linux/package.h"
#include "unpack/minisign.h"

namespace klubster {

// Writes the files of `directory` as a gzip-compressed tar to `output`: sorted, mtime 0, owner 0,
// modes 0755 and 0644. Written beside `output` and renamed. kInvalid when `output` lies within
// `directory`; kIo.
Status write_package(const std::string& directory, const PackageFiles& files,
                     const std::string& output);

struct SigningRequest {
  std::string name, version;  // of the manifest
  std::uint64_t seq = 0;
  std::string cluster;  // empty: for any
};

// The secret key in `key_file`. `ask` gives the passphrase of one that has one. kInvalid, reason
// "BadKey"; kIo.
Result<MinisignSecretKey> read_secret_key(const std::string& key_file,
                                          const std::function<Result<std::string>()>& ask);

// Writes `file`.minisig. kIo.
Status sign_package(const std::string& file, const MinisignSecretKey& key,
                    const SigningRequest& request);

}  // namespace klubster
