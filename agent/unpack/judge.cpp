// The judge: offline, on the very descriptor that is unpacked afterwards.
#include "unpack/judge.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/digest.h"
#include "base/text.h"

namespace klubster {

namespace {

constexpr std::size_t kHashedBytes = 256 * 1024;

Error untrusted(const char* reason, std::string why) {
  return {ErrorKind::kUntrusted, reason, std::move(why)};
}

Result<std::uint64_t> regular_size(int fd) {
  struct stat status = {};
  if (::fstat(fd, &status) != 0) return system_error("looking at the package", errno);
  if (!S_ISREG(status.st_mode)) {
    return Error(ErrorKind::kInvalid, "Usage", "standard input is not a regular file");
  }
  return static_cast<std::uint64_t>(status.st_size);
}

Status judge_comment(const Signer& signer, const UnpackRequest& request, const BlobHashes& blob) {
  const TrustedComment& comment = signer.comment;
  if (comment.size != blob.bytes) {
    return untrusted("WrongSize", "the signature promises " + std::to_string(comment.size) +
                                      " bytes, found " + std::to_string(blob.bytes));
  }
  if (comment.sha256 != blob.sha256_hex) {
    return untrusted("DigestMismatch", "the signature is for sha256 " + comment.sha256 +
                                           ", found " + blob.sha256_hex);
  }
  if (!comment.cluster.empty() && comment.cluster != request.cluster) {
    return untrusted("ClusterDiffers",
                     "the package is signed for cluster " + printable(comment.cluster, 64) +
                         ", this node belongs to " +
                         (request.cluster.empty() ? "none" : printable(request.cluster, 64)));
  }
  const auto least = request.min_seq.find(signer.key_id);
  if (least != request.min_seq.end() && comment.seq < least->second) {
    return untrusted("SignatureStale", "the package has seq " + std::to_string(comment.seq) +
                                           ", from key " + signer.key_id + " seq " +
                                           std::to_string(least->second) + " was accepted before");
  }
  return {};
}

}  // namespace

Result<UnpackRequest> unpack_request_from_json(const Json& json) {
  UnpackRequest request;
  JsonReader reader(json, "unpack request");
  if (reader.number("v") != 1) reader.refuse("v", "expected 1");
  if (reader.has("signature"))
    request.signature = reader.text("signature", kMinisignSignatureBytes);
  for (const auto& text : reader.texts("keys")) {
    auto key = parse_public_key(text);
    if (!key) return std::move(key.error()).in("unpack request: keys");
    request.keys.push_back(std::move(*key));
  }
  request.sha256 = reader.text_or("sha256", "");
  if (!request.sha256.empty() && !is_sha256_hex(request.sha256)) {
    reader.refuse("sha256", "expected 64 hex digits");
  }
  reader.members("minSeq", [&](const std::string& key, const Json& value) {
    const auto* seq = value.as_integer();
    if (seq == nullptr || *seq < 0) return reader.refuse("minSeq", "expected whole numbers");
    request.min_seq[key] = static_cast<std::uint64_t>(*seq);
  });
  request.cluster = reader.text_or("cluster", "");
  reader.object("limits", [&](JsonReader& limits) {
    PackageLimits& own = request.limits;
    own.entries = limits.number_or("entries", own.entries);
    own.bytes = limits.number_or("bytes", own.bytes);
    own.file_bytes = limits.number_or("fileBytes", own.file_bytes);
    own.ratio = limits.number_or("ratio", own.ratio);
    if (own.ratio == 0) limits.refuse("ratio", "expected more than zero");
  });
  if (auto read = reader.finish(); !read) return read.error();
  return request;
}

Result<BlobHashes> hash_blob(int fd, HashesFor purpose) {
  const auto size = regular_size(fd);
  if (!size) return size.error();
  const bool with_blake = purpose == HashesFor::kSignature;
  Hasher sha(HashKind::kSha256), blake(HashKind::kBlake2b512);
  BlobHashes hashes;
  std::string buffer(kHashedBytes, '\0');
  while (true) {
    const ssize_t count =
        ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(hashes.bytes));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("reading the package", errno);
    if (count == 0) break;
    const std::string_view piece(buffer.data(), static_cast<std::size_t>(count));
    sha.update(piece);
    if (with_blake) blake.update(piece);
    hashes.bytes += piece.size();
  }
  if (hashes.bytes != *size) {
    return Error(ErrorKind::kIo, "SystemCallFailed", "the package changed while it was read");
  }
  hashes.sha256_hex = to_hex(sha.finish());
  if (with_blake) hashes.blake2b512 = blake.finish();
  return hashes;
}

Result<Proof> judge_blob(int blob, const UnpackRequest& request) {
  const bool signed_by_someone = request.signature && !request.keys.empty();
  if (!signed_by_someone && request.sha256.empty()) {
    if (request.keys.empty())
      return untrusted("Unpinned", "no key is trusted and no digest pinned");
    return untrusted("SignatureMismatch", "the package has no signature");
  }
  std::optional<MinisignSignature> signature;
  std::optional<Signer> signer;
  if (signed_by_someone) {
    auto parsed = parse_signature(*request.signature);
    if (!parsed) return parsed.error();
    signature = std::move(*parsed);
  }
  const auto hashes = hash_blob(blob, signature ? HashesFor::kSignature : HashesFor::kDigest);
  if (!hashes) return hashes.error();
  if (!request.sha256.empty() && request.sha256 != hashes->sha256_hex) {
    return untrusted("DigestMismatch",
                     "profile/sha256 is " + request.sha256 + ", found " + hashes->sha256_hex);
  }
  if (signature) {
    // The comment first: what it promises tells a damaged download from a wrong signature.
    const auto key = verify_comment(*signature, request.keys);
    if (!key) return key.error();
    auto comment = parse_trusted_comment(signature->trusted_comment);
    if (!comment) return comment.error();
    signer = Signer{key_id_text(key->id), std::move(*comment), signature->trusted_comment};
    if (auto judged = judge_comment(*signer, request, *hashes); !judged) return judged.error();
    if (auto same = verify_hash(*signature, *key, hashes->blake2b512); !same) return same.error();
  }
  return Proof{hashes->sha256_hex, hashes->bytes, std::move(signer)};
}

Status judge_manifest(const Proof& proof, const Profile& profile) {
  if (!proof.signer) return {};
  const TrustedComment& comment = proof.signer->comment;
  if (comment.name == profile.name && comment.version == profile.version) return {};
  return untrusted("SignatureMismatch", "the signature is for " + printable(comment.name, 64) +
                                            " " + printable(comment.version, 64) +
                                            ", the package holds " + profile.name + " " +
                                            profile.version);
}

}  // namespace klubster
