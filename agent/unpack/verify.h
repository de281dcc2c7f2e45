// Asking the judge about a package, for people: who signed it, or why it is refused.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "unpack/judge.h"

namespace klubster {

struct VerifyQuestion {
  std::string file;
  std::string signature;               // empty: `file`.minisig when it is there
  std::vector<std::string> keys;       // each the line of a public key, or a file with one
  std::string sha256;                  // empty: not pinned
  std::optional<std::string> cluster;  // nullopt: whichever the package is signed for
  PackageLimits limits = {};
};

struct Verified {
  Proof proof;
  std::string name, version;  // of the manifest, which the signature names
};

// The worker's own judgement, manifest included, but for the ratchet, which only a node has. The
// errors are the judge's (judge_blob(), unpack_into(), judge_manifest()); kInvalid, reason
// "BadKey" or "Usage", and kIo when something cannot be read.
Result<Verified> verify_package(const VerifyQuestion& question);

std::string describe_verified(const Verified& verified);
Json to_json(const Verified& verified);

}  // namespace klubster
