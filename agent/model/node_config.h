// What this node was told to be: the config tree, resolved and checked, each value with its origin.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "model/merge.h"
#include "model/rung.h"

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

// The productive-k3s Core bundle, for packages without modes.
struct CoreSource {
  std::string path;    // an archive or a directory
  std::string url;     // instead of path
  std::string sha256;  // lower-case hex; empty: not pinned
  bool assigned() const { return !path.empty() || !url.empty(); }
};

struct TelemetrySettings {
  bool enabled = false;
  std::string endpoint;  // https
  std::string token;     // secret; empty: none is asked for
  std::string ca;        // PEM; empty: the system's
  bool operator==(const TelemetrySettings&) const = default;
};

struct NodeConfig {
  std::string node;
  bool named_by_match = false;     // of overlays/node=NAME/match
  std::vector<std::string> modes;  // in order; empty: nothing to do yet
  std::string environment;
  bool set_hostname = false;  // before any step
  bool console = true;        // show what is going on above the login prompt
  std::map<std::string, std::string> labels;

  std::string cluster_name;
  std::string cluster_id;
  std::string cluster_token;    // secret; as written in the tree
  std::string token_next;       // likewise; empty: no turning is under way
  std::string first_server;     // empty: no member is a server
  bool init_majority = false;   // of the other servers is enough to form the cluster; else all
  std::vector<Member> members;  // sorted by name, this node included when it is listed

  ProfileSource profile;
  CoreSource core;
  std::map<std::string, std::string> inputs;
  std::map<std::string, std::string> secrets;
  std::vector<std::string> steps_path;

  bool apply_auto = true;
  bool allow_destroy = false;
  std::uint64_t recheck_usec = 0;  // 0: never
  bool repair_drift = false;
  std::string peering_listen;
  std::string peering_discovery;  // auto, mdns, none
  // PEM, all three or none: else the token's authority issues.
  std::string peering_ca, peering_certificate, peering_private_key;
  std::uint64_t recovery_attempts = 0;  // 0: what the manifest says
  std::uint64_t recovery_reboots = 1;
  std::uint64_t recovery_boots = 0;          // short ones in a row; 0: any number
  std::uint64_t recovery_deadline_usec = 0;  // 0: none
  Rung recovery_action = Rung::kRecovery;
  bool bless_when_ready = false;  // else as soon as nothing has failed
  TelemetrySettings telemetry;

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
// --format json` prints (kHidden). `salt` is used for kDigest only. `sensitive`: keys that are
// secrets although the schema does not say so (sensitive_keys() of a profile).
Json to_json(const NodeConfig& config, SecretForm form, std::string_view salt = "",
             const std::set<std::string>& sensitive = {});

// The keys that a stored form (kDigest) keeps as secrets although the schema does not say so.
std::set<std::string> keys_kept_secret(const Json& stored);

// What stands in a stored form (kDigest) for this secret.
std::string secret_digest(std::string_view salt, std::string_view key, std::string_view value);

// Reads a stored form back. Secrets are not in it: they are taken from `secrets` (key -> setting,
// as in MergedTree::settings) and those that are not there become warnings. BadJson for anything
// that to_json() does not write.
Result<NodeConfig> node_config_from_json(const Json& json,
                                         const std::map<std::string, Setting>& secrets);

// Keys whose values differ between two configs, sorted: what a plan shows as changed.
std::vector<std::string> changed_keys(const NodeConfig& before, const NodeConfig& after);

}  // namespace klubster
