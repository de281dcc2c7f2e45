// Judging and unpacking for klubsterd.
#include "unpack/worker_call.h"

#include <filesystem>

#include "base/text.h"
#include "linux/worker.h"
#include "unpack/open_package.h"

namespace klubster {

namespace {

// Removes what is below `staging`, without following links. Nobody else does: what the throw-away
// user wrote is not klubsterd's to remove, and the next try needs an empty directory.
Status empty_directory(const std::string& staging) {
  namespace fs = std::filesystem;
  std::error_code error;
  for (fs::directory_iterator entry(staging, error), end; !error && entry != end;
       entry.increment(error)) {
    fs::remove_all(entry->path(), error);
    if (error) break;
  }
  if (!error) return {};
  return Error(ErrorKind::kIo, "SystemCallFailed",
               "emptying the staging directory: " + printable(error.message()));
}

// Nothing of the package is parsed before judge_blob() has said yes.
Result<Json> run(int blob, const std::string& staging, const UnpackRequest& request) {
  const auto proof = judge_blob(blob, request);
  if (!proof) return proof.error();
  const auto package = unpack_into(blob, staging, request.limits, proof->sha256);
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
  // A try that was cut off left something.
  if (auto emptied = empty_directory(staging); !emptied) return failed_result(emptied.error());
  auto result = run(blob, staging, request);
  if (result) return std::move(*result);
  (void)empty_directory(staging);  // the refusal is the one to tell
  return failed_result(result.error());
}

}  // namespace klubster
