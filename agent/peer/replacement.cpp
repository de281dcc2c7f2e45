// Signed replacements, and where they are kept.
#include "peer/replacement.h"

#include <tuple>

#include "base/digest.h"
#include "base/log.h"
#include "linux/files.h"
#include "model/node_record.h"

namespace klubster {

namespace {

constexpr std::string_view kSignedHeader = "klubster node replacement v1\n";
constexpr std::size_t kReplacementBytes = 256 * 1024;
constexpr std::size_t kMaxReplacements = 64;
constexpr std::size_t kDigestLetters = 16;

Json unsigned_json(const Replacement& replacement) {
  Json json = Json::object();
  json["v"] = 1;
  json["cluster"] = replacement.cluster_name;
  json["node"] = replacement.node;
  json["machine"] = replacement.machine;
  json["key"] = to_base64(replacement.key);
  json["incarnation"] = replacement.incarnation;
  json["by"] = replacement.by;
  json["time"] = replacement.time;
  return json;
}

std::string signed_text(const Replacement& replacement) {
  return std::string(kSignedHeader) + unsigned_json(replacement).dump();
}

std::string read_name(JsonReader& reader, std::string_view key) {
  std::string name = reader.text(key, 64);
  if (!is_node_name(name)) reader.refuse(key, "expected a node's name");
  return name;
}

}  // namespace

bool Replacement::is_after(const Replacement& other) const {
  return std::tie(incarnation, signature) > std::tie(other.incarnation, other.signature);
}

Json to_json(const Replacement& replacement) {
  Json json = unsigned_json(replacement);
  json["signature"]["key"] = to_base64(replacement.by_key);
  json["signature"]["value"] = to_base64(replacement.signature);
  return json;
}

Replacement read_replacement(JsonReader& reader) {
  Replacement replacement;
  if (reader.number("v") != 1) reader.refuse("v", "expected 1; is the peer's klubster newer?");
  replacement.cluster_name = reader.text("cluster", 256);
  replacement.node = read_name(reader, "node");
  replacement.machine = reader.text("machine", 128);
  replacement.key = read_base64(reader, "key", kEd25519KeyBytes);
  replacement.incarnation = reader.number("incarnation", kMaxIncarnation);
  replacement.by = read_name(reader, "by");
  replacement.time = reader.text("time", 32);
  reader.object("signature", [&](JsonReader& signature) {
    replacement.by_key = read_base64(signature, "key", kEd25519KeyBytes);
    replacement.signature = read_base64(signature, "value", kEd25519SignatureBytes);
  });
  return replacement;
}

void sign_replacement(Replacement& replacement, const Ed25519Key& key) {
  replacement.by_key = key.public_key();
  replacement.signature = key.sign(signed_text(replacement));
}

bool verify_replacement(const Replacement& replacement) {
  return ed25519_verify(replacement.by_key, signed_text(replacement), replacement.signature);
}

Replacements::Replacements(std::string path) : path_(std::move(path)) {
  renew_digest();
}

void Replacements::renew_digest() {
  std::string signatures;
  for (const auto& [node, replacement] : by_node_)
    signatures += replacement.signature;
  digest_ = sha256_hex(signatures).substr(0, kDigestLetters);
}

Result<Replacements> Replacements::load(const std::string& state_dir) {
  Replacements kept(state_dir + "/replacements.json");
  if (!exists(kept.path_)) return kept;
  const Result<std::string> text = read_file(kept.path_, kReplacementBytes);
  if (!text) return Error(text.error()).in("loading replaced nodes");
  const Result<Json> json = parse_json(*text, {.bytes = kReplacementBytes, .depth = 8});
  bool is_sound = json.has_value();
  if (json) {
    JsonReader reader(*json, "replacements");
    reader.objects("replacements", [&](JsonReader& item) {
      Replacement replacement = read_replacement(item);
      is_sound = is_sound && verify_replacement(replacement);
      kept.by_node_[replacement.node] = std::move(replacement);
    });
    is_sound = reader.finish().has_value() && is_sound;
  }
  if (!is_sound) {
    log_warning(kept.path_ + " is damaged, kept as replacements.json.damaged: peers give it again");
    kept.by_node_.clear();
    if (Status moved = rename_durably(kept.path_, kept.path_ + ".damaged"); !moved) {
      return std::move(moved).error();
    }
  }
  kept.renew_digest();
  return kept;
}

const Replacement* Replacements::find(std::string_view node) const {
  const auto found = by_node_.find(node);
  return found == by_node_.end() ? nullptr : &found->second;
}

std::vector<Replacement> Replacements::all() const {
  std::vector<Replacement> list;
  for (const auto& [node, replacement] : by_node_)
    list.push_back(replacement);
  return list;
}

Status Replacements::set(Replacement replacement) {
  if (by_node_.size() >= kMaxReplacements && find(replacement.node) == nullptr) {
    return Error(ErrorKind::kConflict, "TooLarge",
                 std::to_string(kMaxReplacements) +
                     " nodes were replaced already, and no more can " +
                     "be remembered: set members/" + replacement.node + "/key in the config tree");
  }
  const std::string node = replacement.node;
  by_node_[node] = std::move(replacement);
  renew_digest();
  Json json = Json::object();
  json["replacements"] = Json::array();
  for (const auto& [name, kept] : by_node_)
    json["replacements"].push_back(to_json(kept));
  return write_file_durably(path_, json.dump() + "\n", 0600).in("remembering who replaced " + node);
}

}  // namespace klubster
