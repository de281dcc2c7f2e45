// What this node was told to be: the config tree, resolved and checked, each value with its origin.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "model/merge.h"

namespace klubster {

struct Member {
  std::string name;
  std::vector<std::string> modes;
  std::string address;  // HOST:PORT; empty: not known
  std::string key;      // Ed25519 public key, base64; empty: not pinned
  bool operator==(const Member&) const = default;
  bool has_mode(std::string_view mode) const;
};

// The archive budgets of trust.md.
struct ArchiveLimits {
  std::uint64_t entries = 20'000;
  std::uint64_t bytes = 512ULL << 20;
  std::uint64_t file_bytes = 128ULL << 20;
  std::uint64_t ratio = 200;
  bool operator==(const ArchiveLimits&) const = default;
};

struct ProfileSource {
  std::string url;                        // https, or http with a pinned digest
  std::vector<std::string> mirrors;       // tried in order after url
  std::string path;                       // a local file instead of url
  std::string sha256;                     // lower-case hex; empty: not pinned
  std::vector<std::string> trusted_keys;  // minisign, the base64 line
  std::string ca;                         // PEM; empty: the system's
  ArchiveLimits limits;
  bool assigned() const { return !url.empty() || !path.empty(); }
};

struct NodeConfig {
  std::string node;
  bool named_by_match = false;     // of overlays/node=NAME/match
  std::vector<std::string> modes;  // in order; empty: nothing to do yet
  std::string environment;
  bool set_hostname = false;  // before any step
  std::map<std::string, std::string> labels;

  std::string cluster_name;
  std::string cluster_id;
  std::string cluster_token;    // secret; as written in the tree
  std::string first_server;     // empty: no member is a server
  std::vector<Member> members;  // sorted by name, this node included when it is listed

  ProfileSource profile;
  std::map<std::string, std::string> inputs;
  std::map<std::string, std::string> secrets;
  std::vector<std::string> steps_path;

  bool apply_auto = true;
  std::string peering_listen;
  std::uint64_t recovery_attempts = 0;  // 0: what the manifest says

  // The settings that all of the above was made from, secrets included.
  std::map<std::string, Setting> settings;
  // SHA-256 in hex over the sorted keys and values. Secrets enter through one digest over all of
  // them, keyed with the token where there is one: the same tree gives the same hash on every
  // machine, and the hash does not help to guess a weak secret of a cluster.
  std::string config_hash;
  std::vector<std::string> warnings;

  const Member* find_member(std::string_view name) const;
  const Member* self() const { return find_member(node); }
  // Where the value of `key` comes from; layer 1 when it is the built-in default.
  Origin origin(std::string_view key) const;
};

// From a merged tree. All mistakes at once: kInvalid, reason ConfigInvalid (Unpinned when that is
// the only one), one line each: "FILE: key KEY: expected …, found …".
Result<NodeConfig> make_node_config(const MergedTree& tree);

enum class SecretForm {
  kHidden,  // "(secret)"
  kDigest,  // {"salt","digest"}: equal for equal secrets under the same salt
};
// {"v":1,"node","hash","namedByMatch","values":{KEY:{"value"|"secret","layer","file"}}}: what a
// generation keeps on disk (kDigest, with a salt of its own) and what `klubster config dump
// --format json` prints (kHidden). `salt` is used for kDigest only.
Json to_json(const NodeConfig& config, SecretForm form, std::string_view salt = "");

// Reads a stored form back. Secrets are not in it: they are taken from `secrets` (key -> setting,
// as in MergedTree::settings) and those that are not there become warnings. BadJson for anything
// that to_json() does not write.
Result<NodeConfig> node_config_from_json(const Json& json,
                                         const std::map<std::string, Setting>& secrets);

// Keys whose values differ between two configs, sorted: what a plan shows as changed.
std::vector<std::string> changed_keys(const NodeConfig& before, const NodeConfig& after);

}  // namespace klubster
