// The schema of the config tree.
#include "model/schema.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/digest.h"
#include "base/ed25519.h"
#include "base/text.h"
#include "model/environment.h"
#include "model/profile.h"
#include "model/rung.h"
#include "model/token.h"

namespace klubster {

namespace {

constexpr std::string_view kFirst = "0.1.0";

// pattern, type, default, secret, in place, since, help
constexpr KeySpec kSchema[] = {
    {"node/name", ValueType::kHostname, "the machine's hostname", false, false, kFirst,
     "this node's name; a distribution's default hostname is refused when there are other members"},
    {"node/modes", ValueType::kModes, "what the member entry says", false, true, kFirst,
     "the phases of this node, in order; without a member entry there is no default"},
    {"node/environment", ValueType::kName, "", false, true, kFirst,
     "selects overlays/environment=NAME"},
    {"node/set-hostname", ValueType::kBool, "true when match/ named the node", false, true, kFirst,
     "make the node's name the machine's hostname, before any step"},
    {"node/console", ValueType::kBool, "true", false, true, kFirst,
     "show at the login prompt and after a login how this node is, and how far a download"},
    {"node/labels/<label>", ValueType::kText, "", false, true, kFirst,
     "a label, shown to peers; a prefix is a directory: node/labels/topology.kubernetes.io/zone"},

    {"cluster/name", ValueType::kName, "klubster", false, false, kFirst,
     "peers of a cluster of another name are refused; selects overlays/cluster=NAME"},
    {"cluster/id", ValueType::kName, "", false, false, kFirst,
     "the cluster's id, once it was formed"},
    {"cluster/token", ValueType::kToken, "", true, false, kFirst,
     "makes a node a member; made by `klubster token create`, the same on every node"},
    {"cluster/token-next", ValueType::kToken, "", true, true, kFirst,
     "a second token whose holders are members too, while the token is turned"},
    {"cluster/first-server", ValueType::kHostname, "the first server by name", false, true, kFirst,
     "the member that forms the cluster"},
    {"cluster/init-quorum", ValueType::kQuorum, "all", false, true, kFirst,
     "which of the other servers must have promised before the first one forms the cluster"},

    {"members/<name>/modes", ValueType::kModes, "", false, true, kFirst,
     "what a member does; the entry makes it a member"},
    {"members/<name>/address", ValueType::kEndpoint, "", false, true, kFirst,
     "where its klubster-peerd listens"},
    {"members/<name>/key", ValueType::kEd25519, "", false, true, kFirst,
     "the only identity key accepted for that name"},

    {"profile/url", ValueType::kUrl, "", false, true, kFirst,
     "the assigned profile; http only when profile/sha256 is set"},
    {"profile/mirrors.d/<n>", ValueType::kUrl, "", false, true, kFirst,
     "other places of the same package, tried in order of their file names"},
    {"profile/path", ValueType::kPath, "", false, true, kFirst,
     "the assigned profile as a local file, instead of profile/url"},
    {"profile/sha256", ValueType::kSha256, "", false, true, kFirst, "pins the package"},
    {"profile/trusted-keys.d/<n>", ValueType::kMinisign, "", false, true, kFirst,
     "a signer's minisign public key; without one, profile/sha256 must be set"},
    {"profile/ca", ValueType::kPem, "the system's authorities", false, true, kFirst,
     "certificates that the download's server is checked against"},
    {"profile/limits/entries", ValueType::kNumber, "20000", false, true, kFirst,
     "members that the package may have"},
    {"profile/limits/bytes", ValueType::kSize, "512M", false, true, kFirst,
     "size that the package may have when unpacked"},
    {"profile/limits/file-bytes", ValueType::kSize, "128M", false, true, kFirst,
     "size that one file of the package may have"},
    {"profile/limits/ratio", ValueType::kNumber, "200", false, true, kFirst,
     "how many times larger than the package its content may be"},

    {"core/path", ValueType::kPath, "", false, true, kFirst,
     "the productive-k3s Core bundle that runs packages without modes: an archive or a directory"},
    {"core/url", ValueType::kUrl, "", false, true, kFirst,
     "where that bundle is fetched from, instead of core/path; needs core/sha256"},
    {"core/sha256", ValueType::kText, "", false, true, kFirst,
     "the bundle's SHA-256, alone or as the line of its .sha256 file"},

    {"inputs/<NAME>", ValueType::kVariable, "what the profile says", false, true, kFirst,
     "the value of one of the profile's inputs"},
    {"secrets/<NAME>", ValueType::kVariable, "", true, true, kFirst,
     "the value of one of the profile's sensitive inputs"},

    {"steps/path.d/<n>", ValueType::kPath, "", false, true, kFirst,
     "a directory on the PATH of steps, in order of the file names; none: the system's default"},

    {"apply/auto", ValueType::kBool, "true", false, true, kFirst,
     "carry out changes at boot and on reload; otherwise `klubster apply` does"},
    {"apply/allow-destroy", ValueType::kBool, "false", false, true, kFirst,
     "undo what a new profile or config no longer has; otherwise `klubster apply "
     "--allow-destroy` does"},
    {"apply/recheck", ValueType::kDuration, "1h", false, true, kFirst,
     "how often the `check` of a step that is done is asked again; 0s: never by itself"},
    {"apply/drift", ValueType::kDrift, "report", false, true, kFirst,
     "when that check fails: report it, or repair by running the step again"},

    {"peering/listen", ValueType::kEndpoint, "[::]:9446", false, true, kFirst,
     "where klubster-peerd listens"},
    {"peering/discovery", ValueType::kDiscovery, "auto", false, true, kFirst,
     "find members without an address by mDNS; auto: where Avahi runs"},
    {"peering/ca", ValueType::kPem, "derived from cluster/token", false, true, kFirst,
     "the authorities that issue the members' certificates, instead of the token's"},
    {"peering/certificate", ValueType::kPem, "issued by the node itself", false, true, kFirst,
     "this node's certificate by peering/ca, for the node's name, with an Ed25519 key"},
    {"peering/private-key", ValueType::kPrivateKey, "made at first start", true, true, kFirst,
     "the key of peering/certificate, which then is the node's identity key"},

    {"recovery/attempts", ValueType::kNumber, "what the profile says", false, true, kFirst,
     "how often a step is tried before it has failed, instead of the profile's retry.attempts"},
    {"recovery/reboots", ValueType::kCount, "1", false, true, kFirst,
     "how often in a row a new generation that fails reboots the machine"},
    {"recovery/boots", ValueType::kCount, "10", false, true, kFirst,
     "how many boots in a row may end within 10 minutes of their start, before recovery mode "
     "starts "
     "nothing at all; 0: any number"},
    {"recovery/deadline", ValueType::kDuration, "30m", false, true, kFirst,
     "how long a new generation may work until it is ready; waiting does not count"},
    {"recovery/action", ValueType::kRung, "recovery", false, true, kFirst,
     "the last thing to do about a new generation that fails: none, reboot, rollback to the last "
     "good one, or recovery mode"},
    {"recovery/bless", ValueType::kBless, "sound", false, true, kFirst,
     "a boot is good when the state is sound and nothing has failed, or only once all is ready"},

    {"telemetry/enabled", ValueType::kBool, "false", false, true, kFirst,
     "consent: tell telemetry/endpoint what was installed and how that ended; without it no packet "
     "is sent"},
    {"telemetry/endpoint", ValueType::kUrl, "https://telemetry.productive-k3s.io/telemetry", false,
     true, kFirst, "where the events go; https only"},
    {"telemetry/token", ValueType::kText, "", true, true, kFirst,
     "the bearer token that the endpoint asks for"},
    {"telemetry/ca", ValueType::kPem, "the system's authorities", false, true, kFirst,
     "certificates that the endpoint is checked against"},
};

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// An entry of a `.d` list: what file names commonly look like ("10-main", "main.pub").
bool is_entry_name(std::string_view text) {
  return !text.empty() && text.size() <= 63 && is_alphanumeric(text[0]) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alphanumeric(c) || c == '-' || c == '.' || c == '_'; });
}

// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/: the name part.
bool is_label_name(std::string_view text) {
  return is_entry_name(text) && is_alphanumeric(text.back());
}

bool is_label_prefix(std::string_view text) {
  return text.size() <= 253 && std::ranges::all_of(split(text, '.'), [](const std::string& label) {
           return is_host_label(label);
         });
}

// How many of `parts` the placeholder takes, from `at` on; 0 when it does not fit.
std::size_t placeholder_length(std::string_view placeholder, const std::vector<std::string>& parts,
                               std::size_t at) {
  const std::string& part = parts[at];
  if (placeholder == "<name>") return is_host_label(part) ? 1 : 0;
  if (placeholder == "<n>") return is_entry_name(part) ? 1 : 0;
  if (placeholder == "<NAME>") return is_variable_name(part) ? 1 : 0;
  // <label>: always the last of its pattern.
  if (parts.size() == at + 1) return is_label_name(part) ? 1 : 0;
  return parts.size() == at + 2 && is_label_prefix(part) && is_label_name(parts[at + 1]) ? 2 : 0;
}

bool matches(std::string_view pattern, const std::vector<std::string>& parts) {
  std::size_t at = 0;
  for (const auto& segment : split(pattern, '/')) {
    if (at == parts.size()) return false;
    if (segment[0] != '<') {
      if (parts[at++] != segment) return false;
      continue;
    }
    const std::size_t taken = placeholder_length(segment, parts, at);
    if (taken == 0) return false;
    at += taken;
  }
  return at == parts.size();
}

// The pattern with its placeholders replaced by what stands at the same place of the key.
std::string filled_in(std::string_view pattern, const std::vector<std::string>& parts) {
  auto segments = split(pattern, '/');
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (segments[i][0] == '<' && i < parts.size()) segments[i] = parts[i];
  }
  return join(segments, "/");
}

// "inputs/cluster-domain" is probably meant to be "inputs/CLUSTER_DOMAIN".
std::string with_variable_name(std::string_view pattern, std::vector<std::string> parts) {
  if (!pattern.ends_with("<NAME>")) return "";
  for (char& c : parts.back()) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c == '-' || c == '.') c = '_';
  }
  return filled_in(pattern, parts);
}

bool is_label_text(std::string_view value) {
  return std::ranges::none_of(
      value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

bool is_modes(std::string_view value) {
  const auto modes = words(value);
  for (auto mode = modes.begin(); mode != modes.end(); ++mode) {
    if (!is_mode(*mode) || std::find(modes.begin(), mode, *mode) != mode) return false;
  }
  return !modes.empty();
}

bool is_web_url(std::string_view value) {
  std::string_view rest = value;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return false;
  }
  const auto host = rest.substr(0, rest.find_first_of("/?#"));
  // A password in a URL would be shown on every surface.
  if (host.empty() || host.find('@') != std::string_view::npos) return false;
  return std::ranges::none_of(value, [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7F;
  });
}

bool is_path(std::string_view value) {
  return value.size() > 1 && value[0] == '/' && is_label_text(value) &&
         value.find(':') == std::string_view::npos;
}

bool is_ed25519(std::string_view value) {
  const auto key = from_base64(value);
  return key && key->size() == kEd25519KeyBytes;
}

bool is_pem(std::string_view value) {
  const auto begin = value.find("-----BEGIN CERTIFICATE-----");
  const auto end = value.rfind("-----END CERTIFICATE-----");
  return begin != std::string_view::npos && end != std::string_view::npos && begin < end;
}

bool is_private_key(std::string_view value) {
  return value.find("-----BEGIN PRIVATE KEY-----") != std::string_view::npos &&
         value.find("-----END PRIVATE KEY-----") != std::string_view::npos;
}

bool has_form(ValueType type, std::string_view value) {
  switch (type) {
    case ValueType::kHostname:
      return is_host_label(value);
    case ValueType::kName:
      return is_plain_name(value);
    case ValueType::kBool:
      return value == "true" || value == "false";
    case ValueType::kModes:
      return is_modes(value);
    case ValueType::kText:
      return is_label_text(value);
    case ValueType::kVariable:
      return check_variable_value(value, true).has_value();
    case ValueType::kToken:
      return token_secret(value).has_value();
    case ValueType::kEndpoint:
      return parse_endpoint(value).has_value();
    case ValueType::kUrl:
      return is_web_url(value);
    case ValueType::kPath:
      return is_path(value);
    case ValueType::kSha256:
      return is_sha256_hex(value);
    case ValueType::kMinisign:
      return minisign_key_line(value).has_value();
    case ValueType::kEd25519:
      return is_ed25519(value);
    case ValueType::kPem:
      return is_pem(value);
    case ValueType::kNumber:
      return parse_number(value, 1'000'000'000).value_or(0) > 0;
    case ValueType::kSize:
      return parse_size(value).value_or(0) > 0;
    case ValueType::kDuration:
      return parse_duration_usec(value).has_value();
    case ValueType::kDrift:
      return value == "report" || value == "repair";
    case ValueType::kCount:
      return parse_number(value, 1'000'000'000).has_value();
    case ValueType::kRung:
      return rung_of(value).has_value();
    case ValueType::kBless:
      return value == "sound" || value == "ready";
    case ValueType::kDiscovery:
      return value == "auto" || value == "mdns" || value == "none";
    case ValueType::kPrivateKey:
      return is_private_key(value);
    case ValueType::kQuorum:
      return value == "all" || value == "majority";
  }
  return false;
}

}  // namespace

std::span<const KeySpec> schema() {
  return kSchema;
}

// Asked for each file of a tree, several times: paths are only cut where they may fit.
const KeySpec* find_key(std::string_view key) {
  std::vector<std::string> parts;
  for (const auto& spec : kSchema) {
    const auto open = spec.pattern.find('<');
    if (open == std::string_view::npos) {
      if (spec.pattern == key) return &spec;
    } else if (key.starts_with(spec.pattern.substr(0, open))) {
      if (parts.empty()) parts = split(key, '/');
      if (matches(spec.pattern, parts)) return &spec;
    }
  }
  return nullptr;
}

std::string default_value(const KeySpec& spec) {
  // Placeholders stand for entries that are only there when somebody wrote them.
  const bool fixed = spec.pattern.find('<') == std::string_view::npos;
  return fixed && !spec.default_text.empty() && check_value(spec, spec.default_text)
             ? std::string(spec.default_text)
             : "";
}

std::string nearest_key(std::string_view key) {
  const auto parts = split(key, '/');
  std::vector<std::string> candidates;
  for (const auto& spec : kSchema) {
    std::string candidate = filled_in(spec.pattern, parts);
    if (find_key(candidate) == nullptr) candidate = with_variable_name(spec.pattern, parts);
    // In the right directory only the name can be wrong.
    const auto open = spec.pattern.find('<');
    const bool placed =
        open != std::string_view::npos && key.starts_with(spec.pattern.substr(0, open));
    const bool is_key = find_key(candidate) != nullptr;
    if (is_key && placed && candidate.size() == key.size()) return candidate;
    if (is_key) candidates.push_back(std::move(candidate));
  }
  return nearest(key, candidates).value_or("");
}

std::string_view type_name(ValueType type) {
  constexpr auto kNames = std::to_array<std::string_view>({"hostname",
                                                           "name",
                                                           "bool",
                                                           "modes",
                                                           "text",
                                                           "text",
                                                           "token",
                                                           "endpoint",
                                                           "URL",
                                                           "path",
                                                           "digest",
                                                           "minisign key",
                                                           "Ed25519 key",
                                                           "PEM",
                                                           "number",
                                                           "size",
                                                           "duration",
                                                           "report or repair",
                                                           "count",
                                                           "rung",
                                                           "sound or ready",
                                                           "auto, mdns or none",
                                                           "private key",
                                                           "all or majority"});
  static_assert(kNames.size() == kValueTypes);
  return kNames[static_cast<std::size_t>(type)];
}

std::string_view expectation(ValueType type) {
  constexpr auto kTexts = std::to_array<std::string_view>(
      {"a host name of one label (a-z, 0-9, -; at most 63)",
       "a name (a-z, 0-9, -; at most 63)",
       "true or false",
       "words of server, agent, stack, single-node, each at most once",
       "one line of text",
       "text of at most 32 KiB",
       "a token made by `klubster token create`",
       "HOST:PORT or [IPv6]:PORT",
       "a URL that begins with https:// (http:// where a digest pins it) and holds no password",
       "an absolute path without `:`",
       "a SHA-256 digest of 64 lower-case hex digits",
       "the line RW... of a minisign public key",
       "an Ed25519 public key (32 bytes as base64)",
       "certificates in PEM form",
       "a whole number greater than 0",
       "a size such as 65536, 64K, 512M or 2G",
       "a duration such as 90s, 5m or 1h30m; 0s: never",
       "report or repair",
       "a whole number",
       "none, reboot, rollback or recovery",
       "sound or ready",
       "auto, mdns or none",
       "a private key in PEM form (PKCS #8, BEGIN PRIVATE KEY)",
       "all or majority"});
  static_assert(kTexts.size() == kValueTypes);
  return kTexts[static_cast<std::size_t>(type)];
}

bool allows_newline(ValueType type) {
  // Whether an input may have one is the manifest's to say.
  return type == ValueType::kPem || type == ValueType::kPrivateKey ||
         type == ValueType::kMinisign || type == ValueType::kVariable;
}

Status check_value(const KeySpec& spec, std::string_view value) {
  const auto refused = [&](std::string found) {
    return Error(ErrorKind::kInvalid, "BadValue",
                 "expected " + std::string(expectation(spec.type)) + ", found " + std::move(found));
  };
  if (value.find('\0') != std::string_view::npos) return refused("a NUL byte");
  if (!is_utf8(value)) return refused("bytes that are not UTF-8");
  if (!allows_newline(spec.type) && value.find('\n') != std::string_view::npos) {
    return refused("several lines");
  }
  if (has_form(spec.type, value)) return {};
  if (spec.type == ValueType::kToken) return refused(token_secret(value).error().message());
  if (spec.secret) return refused("something else (not shown, since it is a secret)");
  if (value.empty()) return refused("an empty file");
  std::string found = "`" + printable(value, 80) + "`";
  if (spec.type == ValueType::kModes) {
    const std::vector<std::string> modes(std::begin(kModeNames), std::end(kModeNames));
    for (const auto& word : words(value)) {
      const auto meant = is_mode(word) ? std::nullopt : nearest(word, modes);
      if (meant) found += " (did you mean " + *meant + "?)";
    }
  }
  return refused(std::move(found));
}

bool is_plain_name(std::string_view text) {
  return !text.empty() && text.size() <= 63 && is_lower_or_digit(text[0]) &&
         std::ranges::all_of(text, [](char c) { return is_lower_or_digit(c) || c == '-'; });
}

bool is_host_label(std::string_view text) {
  return is_plain_name(text) && text.back() != '-';
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  const Error wrong(ErrorKind::kInvalid, "BadValue",
                    "expected HOST:PORT or [IPv6]:PORT, found `" + printable(text, 80) + "`");
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong;
  const auto port = parse_number(text.substr(colon + 1), 65535);
  std::string_view host = text.substr(0, colon);
  if (!port || *port == 0 || host.empty()) return wrong;
  if (host.front() == '[') {
    if (host.size() < 4 || host.back() != ']') return wrong;
    host = host.substr(1, host.size() - 2);
    const bool is_ipv6 = host.find(':') != std::string_view::npos &&
                         host.find_first_not_of("0123456789abcdefABCDEF:.") == host.npos;
    if (!is_ipv6) return wrong;
  } else if (host.size() > 253 || !std::ranges::all_of(host, [](char c) {
               return is_alphanumeric(c) || c == '-' || c == '.';
             })) {
    return wrong;
  }
  return Endpoint{std::string(host), static_cast<std::uint16_t>(*port)};
}

Result<std::string> minisign_key_line(std::string_view text) {
  std::string line;
  for (const auto& candidate : split(text, '\n')) {
    const auto trimmed = trim(candidate);
    if (trimmed.empty() || trimmed.starts_with("untrusted comment:")) continue;
    if (!line.empty()) {
      return Error(ErrorKind::kInvalid, "BadKey",
                   "expected one minisign public key, found several");
    }
    line = trimmed;
  }
  // minisign(1): "Ed", eight bytes of key id, 32 of key.
  const auto bytes = from_base64(line);
  if (!bytes || bytes->size() != 42 || !bytes->starts_with("Ed")) {
    return Error(
        ErrorKind::kInvalid, "BadKey",
        "expected the line RW... of a minisign public key, found `" + printable(text, 80) + "`");
  }
  return line;
}

}  // namespace klubster
