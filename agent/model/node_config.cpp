// The checks that hold a whole config together, and its fields.
#include "model/node_config.h"

#include <algorithm>
#include <iterator>

#include "base/digest.h"
#include "base/text.h"
#include "model/environment.h"
#include "model/key_names.h"
#include "model/schema.h"
#include "model/token.h"

namespace klubster {

namespace {

// Hostnames that images come with: a node that still has one was not named by anybody.
constexpr std::size_t kMaxLabelBytes = 1024, kMaxLabelsBytes = 16 * 1024;
constexpr std::string_view kDistributionNames[] = {
    "nixos",     "debian",   "localhost", "ubuntu",    "fedora",      "raspberrypi",
    "archlinux", "centos",   "rocky",     "almalinux", "alpine",      "opensuse",
    "linux",     "raspbian", "host",      "server",    "unspecified", "(none)"};

class Maker {
 public:
  explicit Maker(const MergedTree& tree, bool secrets_may_be_missing)
      : tree_(tree), lenient_(secrets_may_be_missing) {}

  Result<NodeConfig> run() {
    problems_ = tree_.errors;
    config_.node = tree_.node;
    config_.named_by_match = tree_.node_from == NodeNameFrom::kMatch;
    config_.settings = tree_.settings;
    for (const auto& warning : tree_.warnings)
      config_.warnings.push_back(warning.text());
    take_members();
    take_node();
    take_cluster();
    take_peering();
    take_profile();
    take_core();
    take_values();
    take_behaviour();
    take_telemetry();
    if (!problems_.empty()) return all_problems();
    config_.config_hash = hash();
    return std::move(config_);
  }

 private:
  bool is_set(const std::string& key) const { return tree_.settings.count(key) != 0; }

  // The value, else the schema's default when that is a value and not a description.
  std::string value(const std::string& key) const {
    const auto found = tree_.settings.find(key);
    if (found != tree_.settings.end()) return found->second.value;
    return default_value(*find_key(key));
  }

  // What somebody wrote; the schema's default is a description.
  std::string own_value(const std::string& key) const {
    return is_set(key) ? value(key) : std::string();
  }

  std::vector<std::string> list(std::string_view prefix) const {
    std::vector<std::string> values;
    for (const auto& [name, entry] : tree_.below(prefix))
      values.push_back(entry);
    return values;
  }

  void refuse(const std::string& key, std::string message, std::string reason = "ConfigInvalid") {
    problems_.push_back(tree_.problem(key, std::move(message), std::move(reason)));
  }

  // A value that was refused already must not draw a second complaint that it is missing.
  bool has_problem(std::string_view key) const {
    return std::ranges::any_of(problems_, [&](const TreeProblem& problem) {
      return problem.key == key || problem.key.ends_with("/" + std::string(key));
    });
  }

  void take_members() {
    std::map<std::string, Member> members;
    for (const auto& [rest, entry] : tree_.below("members/")) {
      const auto parts = split(rest, '/');
      Member& member = members[parts[0]];
      member.name = parts[0];
      if (parts[1] == "modes") member.modes = words(entry);
      if (parts[1] == "address") member.address = entry;
      if (parts[1] == "key") member.key = entry;
    }
    std::map<std::string, std::string> addresses;
    for (auto& [name, member] : members) {
      const std::string modes_key = "members/" + name + "/modes";
      if (member.modes.empty() && !has_problem(modes_key)) {
        refuse(modes_key, "expected the member's modes, found no such file");
      }
      const auto [other, is_new] = addresses.emplace(member.address, name);
      if (!member.address.empty() && !is_new) {
        refuse("members/" + name + "/address",
               "expected an address of its own, found that of member " + other->second);
      }
      config_.members.push_back(std::move(member));
    }
  }

  bool has_other_members() const {
    return std::ranges::any_of(config_.members,
                               [&](const Member& member) { return member.name != config_.node; });
  }

  void take_node() {
    const std::string own = value("node/modes");
    const Member* self = config_.self();
    config_.modes = words(own);
    if (config_.modes.empty() && self != nullptr) config_.modes = self->modes;
    if (!own.empty() && self != nullptr && !self->modes.empty() && self->modes != config_.modes) {
      refuse("node/modes",
             "expected the same as in " + config_.origin("members/" + self->name + "/modes").file +
                 " (`" + join(self->modes, " ") + "`), found `" + join(config_.modes, " ") + "`");
    }
    const bool distribution_name = tree_.node_from == NodeNameFrom::kHostname &&
                                   std::ranges::count(kDistributionNames, config_.node) != 0;
    if (distribution_name && has_other_members()) {
      refuse("node/name",
             "expected a name for this node, since there are other members, found "
             "only the hostname `" +
                 config_.node + "` that the distribution came with");
    } else if (config_.modes.empty() && has_other_members() && !has_problem("node/modes")) {
      refuse_missing_modes();
    }
    config_.environment = value("node/environment");
    const std::string set_hostname = value("node/set-hostname");
    config_.set_hostname = set_hostname.empty() ? config_.named_by_match : set_hostname == "true";
    config_.console = value("node/console") == "true";
    take_labels();
  }

  // They are in each record of the node: what does not fit there no peer would believe.
  void take_labels() {
    config_.labels = tree_.below("node/labels/");
    std::size_t bytes = 0;
    for (const auto& [name, text] : config_.labels) {
      bytes += name.size() + text.size();
      if (text.size() <= kMaxLabelBytes && bytes <= kMaxLabelsBytes) continue;
      const bool alone = text.size() > kMaxLabelBytes;
      return refuse(
          "node/labels/" + name,
          "expected at most " + std::to_string(alone ? kMaxLabelBytes : kMaxLabelsBytes) +
              (alone ? " bytes, found more" : " bytes in all labels together, found more"));
    }
  }

  void refuse_missing_modes() {
    if (has_problem("members/" + config_.node + "/modes")) return;
    std::vector<std::string> names;
    for (const auto& member : config_.members)
      names.push_back(member.name);
    std::string message = "expected the modes of this node, since members/ does not list `" +
                          config_.node + "`, found neither";
    if (const auto meant = nearest(config_.node, names)) {
      message += " (did you mean node " + *meant + "?)";
    }
    refuse("node/modes", std::move(message));
  }

  void take_cluster() {
    config_.cluster_name = value("cluster/name");
    config_.cluster_id = value("cluster/id");
    config_.cluster_token = value("cluster/token");
    if (has_other_members() && config_.cluster_token.empty() && !has_problem("cluster/token")) {
      if (tree_.elsewhere) {
        config_.warnings.push_back(
            "key cluster/token: not in this tree; the machine must get it as the credential " +
            credential_name("cluster/token"));
      } else if (lenient_) {
        config_.warnings.push_back("key cluster/token: this secret cannot be read now");
      } else {
        refuse("cluster/token",
               "expected a token, since there are other members, found no such file "
               "(`klubster token create` makes one; the same on every node)");
      }
    }
    std::vector<std::string> servers;
    for (const auto& member : config_.members) {
      if (member.has_mode("server")) servers.push_back(member.name);
    }
    // A server that nobody calls a member is a cluster by itself.
    if (config_.members.empty() && std::ranges::count(config_.modes, "server") != 0) {
      servers.push_back(config_.node);
    }
    config_.first_server = value("cluster/first-server");
    config_.init_majority = value("cluster/init-quorum") == "majority";
    if (config_.first_server.empty() && !servers.empty()) config_.first_server = servers[0];
    if (is_set("cluster/first-server") && std::ranges::count(servers, config_.first_server) == 0) {
      refuse("cluster/first-server",
             "expected a member with mode server, found `" + config_.first_server + "`");
    }
  }

  void take_peering() {
    config_.token_next = value("cluster/token-next");
    config_.peering_listen = value("peering/listen");
    config_.peering_discovery = value("peering/discovery");
    config_.peering_ca = own_value("peering/ca");
    config_.peering_certificate = own_value("peering/certificate");
    config_.peering_private_key = own_value("peering/private-key");
    if (!config_.token_next.empty() && token_secret(config_.token_next).value_or("") ==
                                           token_secret(config_.cluster_token).value_or("-")) {
      refuse("cluster/token-next", "expected another token than cluster/token, found the same");
    }
    const bool some =
        is_set("peering/ca") || is_set("peering/certificate") || is_set("peering/private-key");
    if (!some) return;
    for (const std::string key : {"peering/ca", "peering/certificate", "peering/private-key"}) {
      if (!is_set(key) && !has_problem(key)) refuse_missing_pki(key);
    }
  }

  void refuse_missing_pki(const std::string& key) {
    const std::string message =
        "expected it, since peering/ca, peering/certificate and peering/private-key belong "
        "together";
    if (key == "peering/private-key" && tree_.elsewhere) {
      config_.warnings.push_back("key " + key +
                                 ": not in this tree; the machine must get it as the credential " +
                                 credential_name(key));
    } else if (key == "peering/private-key" && lenient_) {
      config_.warnings.push_back("key " + key + ": this secret cannot be read now");
    } else {
      refuse(key, message + ", found no such file");
    }
  }

  void take_profile() {
    ProfileSource& profile = config_.profile;
    profile.url = value("profile/url");
    profile.path = value("profile/path");
    profile.mirrors = list("profile/mirrors.d/");
    profile.sha256 = value("profile/sha256");
    profile.ca = value("profile/ca");
    for (const auto& key : list("profile/trusted-keys.d/")) {
      profile.trusted_keys.push_back(*minisign_key_line(key));
    }
    profile.limits.entries = *parse_number(value("profile/limits/entries"));
    profile.limits.bytes = *parse_size(value("profile/limits/bytes"));
    profile.limits.file_bytes = *parse_size(value("profile/limits/file-bytes"));
    profile.limits.ratio = *parse_number(value("profile/limits/ratio"));
    if (!profile.url.empty() && !profile.path.empty()) {
      refuse("profile/path", "expected either profile/url or profile/path, found both");
    }
    if (!profile.mirrors.empty() && profile.url.empty() && !has_problem("profile/url")) {
      refuse("profile/url", "expected the URL that the mirrors are for, found no such file");
    }
    check_pinned();
  }

  // A file .sha256 of productive-k3s names the archive after the digest, by a path of its own.
  void take_core() {
    config_.core.path = value("core/path");
    config_.core.url = value("core/url");
    const auto digest = words(value("core/sha256"));
    if (!digest.empty()) config_.core.sha256 = digest[0];
    if (!digest.empty() && !is_sha256_hex(digest[0])) {
      refuse("core/sha256",
             "expected 64 lower-case hex digits, found `" + printable(digest[0], 80) + "`");
    }
    if (!config_.core.path.empty() && !config_.core.url.empty()) {
      refuse("core/path", "expected either core/path or core/url, found both");
    }
    if (!config_.core.url.empty() && digest.empty() && !has_problem("core/sha256")) {
      refuse("core/url", "expected the bundle's digest in core/sha256, found no such file",
             "Unpinned");
    }
  }

  void check_pinned() {
    const ProfileSource& profile = config_.profile;
    const bool refused_pin =
        has_problem("profile/sha256") ||
        std::ranges::any_of(problems_, [](const TreeProblem& problem) {
          return problem.key.find("profile/trusted-keys.d") != std::string::npos;
        });
    if (profile.assigned() && profile.sha256.empty() && profile.trusted_keys.empty() &&
        !refused_pin) {
      refuse(profile.url.empty() ? "profile/path" : "profile/url",
             "expected a trusted key in profile/trusted-keys.d/ or a digest in profile/sha256 that "
             "proves the package, found neither",
             "Unpinned");
    }
    if (!profile.sha256.empty() || refused_pin) return;
    if (profile.url.starts_with("http://")) {
      refuse("profile/url", "expected https://, since profile/sha256 is not set, found http://");
    }
    for (const auto& [name, url] : tree_.below("profile/mirrors.d/")) {
      if (url.starts_with("http://")) {
        refuse("profile/mirrors.d/" + name,
               "expected https://, since profile/sha256 is not set, found http://");
      }
    }
  }

  void take_values() {
    config_.inputs = tree_.below("inputs/");
    config_.secrets = tree_.below("secrets/");
    for (const auto* prefix : {"inputs/", "secrets/"}) {
      for (const auto& [name, unused] : tree_.below(prefix)) {
        if (is_denied_variable(name)) {
          refuse(prefix + name, "expected a name that may reach a step, found " + name +
                                    ", which would change how programs run");
        }
      }
    }
    config_.steps_path = list("steps/path.d/");
  }

  void take_behaviour() {
    config_.apply_auto = value("apply/auto") == "true";
    config_.allow_destroy = value("apply/allow-destroy") == "true";
    config_.recheck_usec = parse_duration_usec(value("apply/recheck")).value_or(0);
    config_.repair_drift = value("apply/drift") == "repair";
    config_.recovery_attempts = parse_number(value("recovery/attempts")).value_or(0);
    config_.recovery_reboots = parse_number(value("recovery/reboots")).value_or(0);
    config_.recovery_boots = parse_number(value("recovery/boots")).value_or(0);
    config_.recovery_deadline_usec = parse_duration_usec(value("recovery/deadline")).value_or(0);
    config_.recovery_action = rung_of(value("recovery/action")).value_or(Rung::kRecovery);
    config_.bless_when_ready = value("recovery/bless") == "ready";
  }

  void take_telemetry() {
    config_.telemetry = {value("telemetry/enabled") == "true", value("telemetry/endpoint"),
                         own_value("telemetry/token"), own_value("telemetry/ca")};
    if (config_.telemetry.endpoint.starts_with("http://")) {
      refuse("telemetry/endpoint",
             "expected https://, since a token may go with it, found http://");
    }
  }

  Error all_problems() const {
    std::vector<std::string> lines;
    for (const auto& problem : problems_)
      lines.push_back(problem.text());
    std::ranges::sort(lines);
    const auto reason = [](const char* name) {
      return [name](const TreeProblem& problem) { return problem.reason == name; };
    };
    const bool hidden = std::ranges::any_of(problems_, reason("AccessDenied"));
    const bool only_unpinned = std::ranges::all_of(problems_, reason("Unpinned"));
    return Error(ErrorKind::kInvalid,
                 hidden          ? "AccessDenied"
                 : only_unpinned ? "Unpinned"
                                 : "ConfigInvalid",
                 join(lines, "\n"));
  }

  std::string hash() const {
    const auto part = [](std::string_view text) {
      return std::to_string(text.size()) + ":" + std::string(text);
    };
    std::string open = part("node/name") + part(config_.node);
    std::string secret;
    for (const auto& [key, setting] : config_.settings) {
      if (key == "node/name") continue;  // counts the same, however the name was found
      (find_key(key)->secret ? secret : open) += part(key) + part(setting.value);
    }
    const std::string token = token_secret(config_.cluster_token).value_or("");
    const std::string digest = hkdf_sha256(part(token) + secret, "", "klubster config secrets", 32);
    return sha256_hex("klubster config 1\n" + open + part("secrets") + part(digest));
  }

  const MergedTree& tree_;
  bool lenient_;
  std::vector<TreeProblem> problems_;
  NodeConfig config_;
};

}  // namespace

std::string secret_digest(std::string_view salt, std::string_view key, std::string_view value) {
  return to_hex(hkdf_sha256(value, salt, "klubster secret " + std::string(key), 32));
}

bool Member::has_mode(std::string_view mode) const {
  return std::ranges::count(modes, mode) != 0;
}

const Member* NodeConfig::find_member(std::string_view name) const {
  const auto found = std::ranges::find(members, name, &Member::name);
  return found == members.end() ? nullptr : &*found;
}

Origin NodeConfig::origin(std::string_view key) const {
  const auto found = settings.find(std::string(key));
  return found == settings.end() ? Origin{} : found->second.origin;
}

Result<NodeConfig> make_node_config(const MergedTree& tree) {
  return Maker(tree, false).run();
}

Json to_json(const NodeConfig& config, SecretForm form, std::string_view salt,
             const std::set<std::string>& sensitive) {
  Json json;
  json["v"] = 1;
  json["node"] = config.node;
  json["hash"] = config.config_hash;
  json["namedByMatch"] = config.named_by_match;
  if (form == SecretForm::kDigest) json["salt"] = to_hex(salt);
  Json values = Json::object();
  for (const auto& [key, setting] : config.settings) {
    Json entry;
    if (!find_key(key)->secret && !sensitive.contains(key)) {
      entry["value"] = setting.value;
    } else if (form == SecretForm::kHidden) {
      entry["secret"] = "(secret)";
    } else {
      entry["secret"] = secret_digest(salt, key, setting.value);
    }
    entry["layer"] = setting.origin.layer;
    entry["file"] = setting.origin.file;
    values[key] = std::move(entry);
  }
  json["values"] = std::move(values);
  return json;
}

std::set<std::string> keys_kept_secret(const Json& stored) {
  std::set<std::string> keys;
  const auto* values = stored.get("values").as_object();
  if (values == nullptr) return keys;
  for (const auto& [key, entry] : *values) {
    const KeySpec* known = find_key(key);
    if (known != nullptr && !known->secret && !entry.get("secret").is_null()) keys.insert(key);
  }
  return keys;
}

Result<NodeConfig> node_config_from_json(const Json& json,
                                         const std::map<std::string, Setting>& secrets) {
  MergedTree tree;
  JsonReader reader(json, "stored config");
  const std::uint64_t version = reader.number("v");
  if (version != 1) reader.refuse("v", "expected 1, found " + std::to_string(version));
  tree.node = reader.text("node");
  if (reader.boolean_or("namedByMatch", false)) tree.node_from = NodeNameFrom::kMatch;
  (void)reader.text("hash");         // made anew: today's secrets may differ
  (void)reader.text_or("salt", "");  // only changed_keys' callers compare digests
  reader.members("values", [&](const std::string& key, const Json& value) {
    const KeySpec* spec = find_key(key);
    if (spec == nullptr) return reader.refuse(key, "expected a key of this release's schema");
    Setting setting{value.text_or("value"),
                    {static_cast<int>(value.integer_or("layer")), value.text_or("file")},
                    {}};
    const bool sensitive = key.starts_with("inputs/") && !value.get("secret").is_null();
    if (!spec->secret && !sensitive) {
      const auto fits = check_value(*spec, setting.value);
      if (!fits) return reader.refuse(key, fits.error().message());
      tree.settings[key] = std::move(setting);
    } else if (const auto found = secrets.find(key); found != secrets.end()) {
      tree.settings[key] = found->second;
    } else {
      tree.warnings.push_back({setting.origin.file, key, "this secret cannot be read now"});
    }
  });
  if (const auto read = reader.finish(); !read) return read.error();
  return Maker(tree, true).run();
}

std::vector<std::string> changed_keys(const NodeConfig& before, const NodeConfig& after) {
  std::vector<std::string> keys;
  for (const auto& [key, setting] : before.settings) {
    const auto found = after.settings.find(key);
    if (found == after.settings.end() || found->second.value != setting.value) keys.push_back(key);
  }
  for (const auto& [key, setting] : after.settings) {
    if (before.settings.count(key) == 0) keys.push_back(key);
  }
  std::ranges::sort(keys);
  return keys;
}

}  // namespace klubster
