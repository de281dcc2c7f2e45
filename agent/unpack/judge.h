// Whether a package may be unpacked: its signature, its size, its digest, and whom it is for.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "linux/package.h"
#include "model/profile.h"
#include "unpack/minisign.h"

namespace klubster {

// What klubsterd asks klubster-unpack for.
struct UnpackRequest {
  std::optional<std::string> signature;  // text of the .minisig
  std::vector<MinisignPublicKey> keys;
  std::string sha256;                            // pinned, or empty
  std::map<std::string, std::uint64_t> min_seq;  // by key id as minisign prints it
  std::string cluster;
  PackageLimits limits;
};

// kInvalid, reason "BadJson" or "BadKey".
Result<UnpackRequest> unpack_request_from_json(const Json& json);

struct Signer {
  std::string key_id;
  TrustedComment comment;
  std::string comment_text;
};

// What was proven of the bytes behind a descriptor.
struct Proof {
  std::string sha256;
  std::uint64_t bytes = 0;
  std::optional<Signer> signer;
};

// SHA-256 of a regular file from its start and, for a signature, BLAKE2b-512, in one pass. Sizes
// are 64 bit.
struct BlobHashes {
  std::string sha256_hex;
  std::string blake2b512;  // empty when it was not asked for
  std::uint64_t bytes = 0;
};
enum class HashesFor { kDigest, kSignature };
Result<BlobHashes> hash_blob(int fd, HashesFor purpose);

// Reads all of `blob` and judges it. kUntrusted, each with its own story: Unpinned (nothing to
// prove it by), SignatureMismatch, SignatureStale, ClusterDiffers, WrongSize, DigestMismatch.
Result<Proof> judge_blob(int blob, const UnpackRequest& request);

// Whether the signed name and version are those of the manifest. kUntrusted, SignatureMismatch.
Status judge_manifest(const Proof& proof, const Profile& profile);

}  // namespace klubster
