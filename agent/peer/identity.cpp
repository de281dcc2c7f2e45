// The identity key and the incarnation on disk.
#include "peer/identity.h"

#include <algorithm>
#include <optional>

#include "base/digest.h"
#include "base/log.h"
#include "base/text.h"
#include "linux/files.h"
#include "model/node_record.h"

namespace klubster {

namespace {

constexpr std::size_t kSmallFile = 4096;
// What others say raises it no further: a node whose number cannot rise never starts again.
constexpr std::uint64_t kMaxSeen = kMaxIncarnation / 2;

Status set_aside(const std::string& path, const std::string& why) {
  log_warning(path + " is damaged (" + why + "): kept as " + path + ".damaged and made anew");
  return rename_durably(path, path + ".damaged");
}

// The trimmed content; nullopt when there is no such file.
Result<std::optional<std::string>> read_small(const std::string& path) {
  if (!exists(path)) return std::optional<std::string>();
  Result<std::string> text = read_file(path, kSmallFile);
  if (!text) return std::move(text).error();
  return std::optional<std::string>(trim(*text));
}

Result<Ed25519Key> make_key(const std::string& path) {
  Ed25519Key key = Ed25519Key::generate();
  const Status written = write_file_durably(path, to_base64(key.seed()) + "\n", 0600);
  if (!written) return written.error();
  return key;
}

Result<Ed25519Key> load_key(const std::string& path) {
  const Result<std::optional<std::string>> text = read_small(path);
  if (!text) return text.error();
  if (!*text) return make_key(path);
  const Result<std::string> seed = from_base64(**text);
  if (seed && seed->size() == kEd25519KeyBytes) return Ed25519Key::from_seed(*seed);
  if (Status moved = set_aside(path, "not a base64 key"); !moved) return std::move(moved).error();
  return make_key(path);
}

Result<std::uint64_t> load_incarnation(const std::string& path) {
  const Result<std::optional<std::string>> text = read_small(path);
  if (!text) return text.error();
  if (!*text) return std::uint64_t{0};
  if (const auto number = parse_number(**text, kMaxIncarnation)) return *number;
  if (Status moved = set_aside(path, "not a number"); !moved) return std::move(moved).error();
  return std::uint64_t{0};
}

}  // namespace

Result<Identity> Identity::load(std::string state_dir) {
  Result<Ed25519Key> key = load_key(state_dir + "/identity.key");
  if (!key) return std::move(key).error().in("loading the identity key");
  Result<std::uint64_t> incarnation = load_incarnation(state_dir + "/incarnation");
  if (!incarnation) return std::move(incarnation).error().in("loading the incarnation");
  return Identity(std::move(state_dir), *std::move(key), *incarnation);
}

Status Identity::raise_incarnation(std::uint64_t seen) {
  const std::uint64_t last = std::max(incarnation_, seen);
  if (seen > kMaxSeen || last >= kMaxIncarnation) {
    return Error(ErrorKind::kConflict, "PeerConflict",
                 "incarnation " + std::to_string(last) + " leaves too few higher ones");
  }
  const std::uint64_t next = last + 1;
  Status written =
      write_file_durably(state_dir_ + "/incarnation", std::to_string(next) + "\n", 0600);
  if (!written) return std::move(written).in("raising the incarnation");
  incarnation_ = next;
  return {};
}

}  // namespace klubster
