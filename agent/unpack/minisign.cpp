// Reading, checking and making minisign's signatures.
#include "unpack/minisign.h"

#include <algorithm>

#include "base/digest.h"
#include "base/text.h"

namespace klubster {

namespace {

constexpr std::string_view kUntrusted = "untrusted comment: ";
constexpr std::string_view kTrusted = "trusted comment: ";
constexpr std::size_t kAlgorithmBytes = 2;
constexpr std::size_t kIdBytes = 8;
constexpr std::size_t kMaxTrustedCommentBytes = 8192;  // minisign.h TRUSTEDCOMMENTMAXBYTES

// struct SeckeyStruct in minisign.h: sig_alg, kdf_alg, chk_alg, kdf_salt, two limits, then
// keynum, secret key and checksum, which a passphrase would hide.
constexpr std::size_t kSecretKeyBytes = 158;
constexpr std::size_t kSaltAt = 2 + 2 + 2;
constexpr std::size_t kSaltBytes = 32;
constexpr std::size_t kSecretIdAt = kSaltAt + kSaltBytes + 8 + 8;
constexpr std::string_view kNoPassphrase("\0\0", 2);
constexpr std::string_view kScrypt = "Sc";
// What minisign asks for itself is 2^20 * 8, in 1 GiB.
constexpr std::uint64_t kMaxScryptMemory = std::uint64_t{1} << 30;
constexpr std::uint64_t kMaxScryptWork = std::uint64_t{1} << 26;

Error bad_key(std::string why) {
  return {ErrorKind::kInvalid, "BadKey", std::move(why)};
}

Error bad_signature(std::string why) {
  return {ErrorKind::kUntrusted, "SignatureMismatch", std::move(why)};
}

// Lines without their ends; a last newline makes no empty line.
std::vector<std::string> lines_of(std::string_view text) {
  auto lines = split(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  for (auto& line : lines) {
    if (line.ends_with('\r')) line.pop_back();
  }
  return lines;
}

// The base64 line of a key file, or the text itself when it is one line.
Result<std::string> key_line(std::string_view text) {
  const auto lines = lines_of(trim(text));
  if (lines.size() == 1) return lines[0];
  if (lines.size() == 2 && lines[0].starts_with("untrusted comment:")) return lines[1];
  return bad_key("expected one line of base64, with or without a comment line before it");
}

Result<std::string> secret_key_bytes(std::string_view text) {
  const auto line = key_line(text);
  if (!line) return line.error();
  auto bytes = from_base64(*line);
  if (!bytes || bytes->size() != kSecretKeyBytes || !bytes->starts_with("Ed")) {
    return bad_key("this is not a secret key file of minisign")
        .hint("take the file that minisign -G -s FILE made");
  }
  const auto kdf = std::string_view(*bytes).substr(2, 2);
  if (kdf != kNoPassphrase && kdf != kScrypt) {
    return bad_key("the secret key is protected in a way that klubster does not know");
  }
  return std::move(*bytes);
}

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte)
    number = number << 8 | static_cast<unsigned char>(*byte);
  return number;
}

// What libsodium's crypto_pwhash_scryptsalsa208sha256() makes of its two limits (pickparams()).
ScryptCost scrypt_cost(std::uint64_t work_limit, std::uint64_t memory_limit) {
  ScryptCost cost{1, 8, 1};
  work_limit = std::max<std::uint64_t>(work_limit, 32'768);
  const bool by_work = work_limit < memory_limit / 32;
  const std::uint64_t max_n = by_work ? work_limit / (cost.r * 4) : memory_limit / (cost.r * 128);
  while (cost.log2_n < 63 && (std::uint64_t{1} << cost.log2_n) <= max_n / 2)
    ++cost.log2_n;
  if (by_work) return cost;
  const auto max_rp = std::min<std::uint64_t>((work_limit / 4) >> cost.log2_n, 0x3fffffff);
  cost.p = static_cast<unsigned>(max_rp) / cost.r;
  return cost;
}

// Takes the passphrase's stream off a secret key's id, halves and checksum.
Status uncover(std::string& bytes, std::string_view passphrase) {
  const std::string_view all = bytes;
  const auto cost = scrypt_cost(little_endian(all.substr(kSaltAt + kSaltBytes, 8)),
                                little_endian(all.substr(kSaltAt + kSaltBytes + 8, 8)));
  // Of a damaged file the numbers are anything.
  if (cost.log2_n > 30 || cost.p == 0 ||
      (std::uint64_t{128} * cost.r << cost.log2_n) > kMaxScryptMemory ||
      (std::uint64_t{cost.r} * cost.p << cost.log2_n) > kMaxScryptWork) {
    return bad_key("the secret key file is damaged: its passphrase would take too much work");
  }
  const auto stream =
      scrypt(passphrase, all.substr(kSaltAt, kSaltBytes), cost, kSecretKeyBytes - kSecretIdAt);
  if (!stream) return stream.error();
  for (std::size_t i = 0; i < stream->size(); ++i)
    bytes[kSecretIdAt + i] = static_cast<char>(bytes[kSecretIdAt + i] ^ (*stream)[i]);
  return {};
}

struct Field {
  std::string_view name;
  std::string* text;
};

}  // namespace

std::string key_id_text(std::string_view id) {
  std::string text = to_hex(std::string(id.rbegin(), id.rend()));  // a little-endian number
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
  return text.substr(std::min(text.find_first_not_of('0'), text.size() - 1));
}

Result<MinisignPublicKey> parse_public_key(std::string_view text) {
  const auto line = key_line(text);
  if (!line) return line.error();
  const auto bytes = from_base64(*line);
  if (!bytes || bytes->size() != kAlgorithmBytes + kIdBytes + kEd25519KeyBytes) {
    return bad_key("expected a minisign public key such as RWQ…, found \"" + printable(*line, 64) +
                   "\"");
  }
  if (!bytes->starts_with("Ed")) return bad_key("the key is not for minisign's Ed25519");
  return MinisignPublicKey{bytes->substr(kAlgorithmBytes, kIdBytes),
                           bytes->substr(kAlgorithmBytes + kIdBytes)};
}

Result<MinisignSignature> parse_signature(std::string_view text) {
  const auto lines = lines_of(text);
  if (lines.size() != 4 || !lines[0].starts_with("untrusted comment:") ||
      !lines[2].starts_with(kTrusted)) {
    return bad_signature(
        "the signature is cut or malformed: expected the four lines that minisign "
        "writes");
  }
  const auto first = from_base64(lines[1]);
  const auto second = from_base64(lines[3]);
  if (!first || first->size() != kAlgorithmBytes + kIdBytes + kEd25519SignatureBytes || !second ||
      second->size() != kEd25519SignatureBytes) {
    return bad_signature("the signature is cut or malformed: its base64 lines do not fit");
  }
  if (first->starts_with("Ed")) {
    return bad_signature("the signature is of minisign's legacy algorithm; sign again without -l");
  }
  if (!first->starts_with("ED")) return bad_signature("the signature's algorithm is unknown");
  MinisignSignature signature;
  signature.key_id = first->substr(kAlgorithmBytes, kIdBytes);
  signature.signature = first->substr(kAlgorithmBytes + kIdBytes);
  signature.trusted_comment = lines[2].substr(kTrusted.size());
  signature.comment_signature = *second;
  if (signature.trusted_comment.size() > kMaxTrustedCommentBytes) {
    return bad_signature("the trusted comment is longer than 8192 bytes");
  }
  return signature;
}

Result<TrustedComment> parse_trusted_comment(std::string_view text) {
  TrustedComment comment;
  std::string seq, size;
  const Field fields[] = {
      {"name", &comment.name}, {"version", &comment.version}, {"seq", &seq},
      {"size", &size},         {"sha256", &comment.sha256},   {"cluster", &comment.cluster}};
  const auto refuse = [](const std::string& why) {
    return bad_signature("the trusted comment " + why)
        .hint("sign it with klubster profile sign FILE KEY");
  };
  for (const auto& word : words(text)) {
    const auto equals = word.find('=');
    for (const auto& field : fields) {
      if (equals == std::string::npos || word.substr(0, equals) != field.name) continue;
      if (!field.text->empty()) return refuse("says " + std::string(field.name) + " twice");
      *field.text = word.substr(equals + 1);
    }
  }
  for (const auto& field : fields) {
    if (field.text->empty() && field.name != "cluster") {
      return refuse("does not say " + std::string(field.name) + "=");
    }
  }
  const auto seq_number = parse_number(seq, INT64_MAX);
  const auto size_number = parse_number(size, INT64_MAX);
  if (!seq_number || !size_number) return refuse("has a seq or size that is no number");
  if (!is_sha256_hex(comment.sha256)) return refuse("has a sha256 that is not 64 hex digits");
  comment.seq = *seq_number;
  comment.size = *size_number;
  return comment;
}

std::string to_text(const TrustedComment& comment) {
  std::string text = "name=" + comment.name + " version=" + comment.version +
                     " seq=" + std::to_string(comment.seq) +
                     " size=" + std::to_string(comment.size) + " sha256=" + comment.sha256;
  if (!comment.cluster.empty()) text += " cluster=" + comment.cluster;
  return text;
}

Result<MinisignPublicKey> verify_comment(const MinisignSignature& signature,
                                         const std::vector<MinisignPublicKey>& keys) {
  const auto found = std::find_if(
      keys.begin(), keys.end(),
      [&](const MinisignPublicKey& candidate) { return candidate.id == signature.key_id; });
  if (found == keys.end()) {
    std::vector<std::string> trusted;
    trusted.reserve(keys.size());
    for (const auto& key : keys)
      trusted.push_back(key_id_text(key.id));
    return bad_signature("it is signed by the key " + key_id_text(signature.key_id) +
                         ", trusted are: " + join(trusted, ", "));
  }
  if (!ed25519_verify(found->key, signature.signature + signature.trusted_comment,
                      signature.comment_signature)) {
    return bad_signature("the signature's text is not the one that " + key_id_text(found->id) +
                         " signed");
  }
  return *found;
}

Status verify_hash(const MinisignSignature& signature, const MinisignPublicKey& key,
                   std::string_view blake2b512) {
  if (ed25519_verify(key.key, blake2b512, signature.signature)) return {};
  return bad_signature("the file is not the one that " + key_id_text(key.id) + " signed");
}

bool has_passphrase(std::string_view secret_key_text) {
  const auto bytes = secret_key_bytes(secret_key_text);
  return bytes && std::string_view(*bytes).substr(2, 2) != kNoPassphrase;
}

Result<MinisignSecretKey> parse_secret_key(std::string_view text, std::string_view passphrase) {
  auto bytes = secret_key_bytes(text);
  if (!bytes) return bytes.error();
  const bool hidden = std::string_view(*bytes).substr(2, 2) != kNoPassphrase;
  if (hidden) {
    if (auto shown = uncover(*bytes, passphrase); !shown) return shown.error();
  }
  const std::string id = bytes->substr(kSecretIdAt, kIdBytes);
  const std::string seed = bytes->substr(kSecretIdAt + kIdBytes, kEd25519KeyBytes);
  const std::string public_key =
      bytes->substr(kSecretIdAt + kIdBytes + kEd25519KeyBytes, kEd25519KeyBytes);
  auto key = Ed25519Key::from_seed(seed);
  // Stands in for minisign's checksum: the public half follows from the seed.
  if (!key || key->public_key() != public_key) {
    if (!hidden) return bad_key("the secret key file is damaged");
    return bad_key("the passphrase is wrong, or the secret key file is damaged")
        .hint("try the passphrase again: without it the key is of no use");
  }
  return MinisignSecretKey{id, std::move(*key)};
}

std::string sign_hash(const MinisignSecretKey& secret, std::string_view blake2b512,
                      std::string_view trusted_comment) {
  const std::string signature = secret.key.sign(blake2b512);
  std::string text =
      std::string(kUntrusted) + "signature from klubster, key " + key_id_text(secret.id) + "\n";
  text += to_base64("ED" + secret.id + signature) + "\n";
  text += std::string(kTrusted) + std::string(trusted_comment) + "\n";
  text += to_base64(secret.key.sign(signature + std::string(trusted_comment))) + "\n";
  return text;
}

}  // namespace klubster
