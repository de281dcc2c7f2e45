// Judging and unpacking for klubsterd.
#include "unpack/worker_call.h"

#include "linux/worker.h"
#include "unpack/open_package.h"

namespace klubster {

namespace {

// Nothing of the package is parsed before judge_blob() has said yes.
Result<Json> run(int blob, const std::string& staging, const UnpackRequest& request) {
  const auto proof = judge_blob(blob, request);
  if (!proof) return proof.error();
  const auto package = unpack_into(blob, staging, request.limits);
  if (!package) return package.error();
  if (auto named = judge_manifest(*proof, package->profile); !named) return named.error();

  Json result;
  result["v"] = 1;
  result["ok"] = true;
  result["sha256"] = proof->sha256;
  result["bytes"] = proof->bytes;
  result["entries"] = package->entries;
  if (proof->signer) {
    result["signer"]["key"] = proof->signer->key_id;
    result["signer"]["seq"] = proof->signer->comment.seq;
    result["signer"]["comment"] = proof->signer->comment_text;
  }
  result["profile"] = to_json(package->profile);
  return result;
}

}  // namespace

Json judge_and_unpack(int blob, const std::string& staging, const UnpackRequest& request) {
  auto result = run(blob, staging, request);
  return result ? std::move(*result) : failed_result(result.error());
}

}  // namespace klubster
