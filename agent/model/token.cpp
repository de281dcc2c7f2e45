// Making and reading the cluster token.
#include "model/token.h"

#include <optional>

#include "base/digest.h"

namespace klubster {

namespace {

constexpr std::string_view kPrefix = "kt1";
constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::size_t kChecksumBytes = 3;                                 // 24 bits
constexpr std::size_t kLetters = (kTokenBytes + kChecksumBytes) * 8 / 5;  // 56, no padding
constexpr std::size_t kGroup = 8;
static_assert((kTokenBytes + kChecksumBytes) % 5 == 0);

Error bad_token(std::string found) {
  return Error(ErrorKind::kInvalid, "BadToken", std::move(found));
}

std::string checksum(std::string_view secret) {
  Hasher hasher(HashKind::kSha256);
  hasher.update("klubster token 1\n");
  hasher.update(secret);
  return hasher.finish().substr(0, kChecksumBytes);
}

std::string to_base32(std::string_view bytes) {
  std::string text;
  unsigned bits = 0;
  unsigned pending = 0;
  for (const char c : bytes) {
    pending = (pending << 8) | static_cast<unsigned char>(c);
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += kAlphabet[(pending >> bits) & 31];
    }
    pending &= (1U << bits) - 1;
  }
  return text;
}

// Of whole groups of five bytes.
std::optional<std::string> from_base32(std::string_view text) {
  std::string bytes;
  unsigned bits = 0;
  unsigned pending = 0;
  for (const char c : text) {
    const auto value = kAlphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    pending = (pending << 5) | static_cast<unsigned>(value);
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>((pending >> bits) & 0xFF);
      pending &= (1U << bits) - 1;
    }
  }
  return bytes;
}

}  // namespace

std::string make_token() {
  const std::string secret = random_bytes(kTokenBytes);
  const std::string letters = to_base32(secret + checksum(secret));
  std::string token(kPrefix);
  for (std::size_t at = 0; at < letters.size(); at += kGroup) {
    token += "-" + letters.substr(at, kGroup);
  }
  return token;
}

Result<std::string> token_secret(std::string_view text) {
  if (text.empty()) return bad_token("an empty file");
  if (!text.starts_with(kPrefix)) return bad_token("text that does not begin with `kt1-`");
  std::string letters;
  for (const char c : text.substr(kPrefix.size())) {
    if (c != '-') letters += c;
  }
  const auto bytes = from_base32(letters);
  if (!bytes) return bad_token("a letter that no token has (a-z, 2-7 and - only)");
  if (letters.size() != kLetters) {
    return bad_token(std::to_string(letters.size()) + " letters after `kt1` where a token has " +
                     std::to_string(kLetters) + " (was it cut off?)");
  }
  std::string secret = bytes->substr(0, kTokenBytes);
  if (bytes->substr(kTokenBytes) != checksum(secret)) {
    return bad_token("a token whose checksum is wrong (a letter was changed)");
  }
  return secret;
}

}  // namespace klubster
