// Making the worker's request out of what was typed.
#include "unpack/verify.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/text.h"
#include "linux/files.h"
#include "unpack/inspect.h"
#include "unpack/open_package.h"

namespace klubster {

namespace {

// Not by access(2), which forgets the right that is left to a verb run by root.
bool is_there(const std::string& path) {
  struct stat unused = {};
  return ::stat(path.c_str(), &unused) == 0;
}

Result<MinisignPublicKey> key_of(const std::string& given) {
  if (auto key = parse_public_key(given)) return key;
  if (!is_there(given)) {
    return Error(ErrorKind::kInvalid, "BadKey",
                 "--key: expected a file or the line RW… of a minisign public key, found `" +
                     printable(given, 80) + "`");
  }
  const auto text = read_file(given, kMinisignKeyBytes);
  if (!text) return text.error();
  return parse_public_key(*text).in(printable(given));
}

Status read_signature(const VerifyQuestion& question, UnpackRequest& request) {
  const std::string path =
      question.signature.empty() ? question.file + ".minisig" : question.signature;
  if (question.signature.empty() && !is_there(path)) return {};
  auto text = read_file(path, kMinisignSignatureBytes);
  if (!text) return text.error();
  request.signature = std::move(*text);
  return {};
}

// For which cluster the signature says it is: nobody's word yet, but the judge proves it.
std::string claimed_cluster(const UnpackRequest& request) {
  if (!request.signature) return "";
  const auto signature = parse_signature(*request.signature);
  if (!signature) return "";
  const auto comment = parse_trusted_comment(signature->trusted_comment);
  return comment ? comment->cluster : "";
}

Result<UnpackRequest> request_for(const VerifyQuestion& question) {
  UnpackRequest request;
  if (auto read = read_signature(question, request); !read) return read.error();
  for (const auto& given : question.keys) {
    auto key = key_of(given);
    if (!key) return key.error();
    request.keys.push_back(std::move(*key));
  }
  request.limits = question.limits;
  request.sha256 = question.sha256;
  if (!request.sha256.empty() && !is_sha256_hex(request.sha256)) {
    return Error(ErrorKind::kInvalid, "Usage",
                 "--sha256: expected 64 hex digits in small letters, found `" +
                     printable(request.sha256, 80) + "`");
  }
  request.cluster = question.cluster ? *question.cluster : claimed_cluster(request);
  return request;
}

}  // namespace

Result<Verified> verify_package(const VerifyQuestion& question) {
  const auto request = request_for(question);
  if (!request) return request.error();
  const auto blob = open_file(question.file, O_RDONLY | O_NONBLOCK);
  if (!blob) return blob.error();
  auto proof = judge_blob(blob->get(), *request);
  if (!proof) {
    if (proof.error().reason() != "Unpinned") return proof.error();
    return std::move(proof.error()).hint("say what to trust: --key PUBFILE or --sha256 HEX");
  }
  const auto package = open_archive(blob->get(), request->limits, proof->sha256);
  if (!package) return package.error();
  if (auto named = judge_manifest(*proof, package->profile); !named) return named.error();
  return Verified{std::move(*proof), package->profile.name, package->profile.version};
}

std::string describe_verified(const Verified& verified) {
  const auto& signer = verified.proof.signer;
  std::string text = fact_line("Profile", verified.name + " " + verified.version);
  if (signer) {
    text += fact_line("Signed by", signer->key_id);
    text += fact_line("Seq", std::to_string(signer->comment.seq));
    text += fact_line("Cluster", signer->comment.cluster.empty() ? "any" : signer->comment.cluster);
  } else {
    text += fact_line("Signed by", "(no key was given: the digest alone proves it)");
  }
  text += fact_line("Size", std::to_string(verified.proof.bytes) + " bytes");
  return text + fact_line("SHA-256", verified.proof.sha256);
}

Json to_json(const Verified& verified) {
  Json json;
  json["ok"] = true;
  json["name"] = verified.name;
  json["version"] = verified.version;
  json["bytes"] = verified.proof.bytes;
  json["sha256"] = verified.proof.sha256;
  if (const auto& signer = verified.proof.signer) {
    json["signer"]["key"] = signer->key_id;
    json["signer"]["seq"] = signer->comment.seq;
    json["signer"]["cluster"] = signer->comment.cluster;
    json["signer"]["comment"] = signer->comment_text;
  }
  return json;
}

}  // namespace klubster
