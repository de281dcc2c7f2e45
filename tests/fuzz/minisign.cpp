// Fuzz target: texts that come with a download, before anything is proven about them.
#include "unpack/minisign.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto signature = klubster::parse_signature(text);
  // Without a trusted key nothing verifies.
  if (signature && klubster::verify_comment(*signature, {})) __builtin_trap();
  (void)klubster::parse_public_key(text);
  if (!klubster::has_passphrase(text)) (void)klubster::parse_secret_key(text);
  const auto comment = klubster::parse_trusted_comment(text);
  // What is read from a comment is what would be written into one.
  if (comment) {
    const auto again = klubster::parse_trusted_comment(klubster::to_text(*comment));
    if (!again || again->sha256 != comment->sha256 || again->seq != comment->seq) __builtin_trap();
  }
  return 0;
}
