// Reading peerd.json.
#include "peer/config.h"

#include <algorithm>
#include <cstdint>

#include "base/digest.h"
#include "base/ed25519.h"
#include "base/json.h"
#include "base/text.h"
#include "model/node_record.h"
#include "model/token.h"

namespace klubster {

namespace {

constexpr std::size_t kMaxConfigBytes = 1024 * 1024;
constexpr std::size_t kMaxPemBytes = 128 * 1024;

Member read_member(JsonReader& reader) {
  Member member;
  member.name = reader.text("name", 64);
  if (!is_node_name(member.name)) reader.refuse("name", "expected a node's name");
  member.modes = reader.texts("modes");
  member.address = reader.text_or("address", "", 512);
  if (!member.address.empty() && !parse_host_port(member.address)) {
    reader.refuse("address", "expected host:port");
  }
  const std::string key = reader.text_or("key", "", 256);
  if (key.empty()) return member;
  const Result<std::string> raw = from_base64(key);
  if (raw && raw->size() == kEd25519KeyBytes) {
    member.key = *raw;
  } else {
    reader.refuse("key", "expected an Ed25519 public key in base64");
  }
  return member;
}

}  // namespace

const Member* PeerConfig::find_member(std::string_view name) const {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const Member& member) { return member.name == name; });
  return found == members.end() ? nullptr : &*found;
}

Result<PeerConfig> parse_peer_config(std::string_view text) {
  Result<Json> json = parse_json(text, {.bytes = kMaxConfigBytes, .depth = 16});
  if (!json) return std::move(json).error().in("klubster-peerd's configuration");
  JsonReader reader(*json, "klubster-peerd's configuration");
  PeerConfig config;
  if (reader.number("v") != 1) reader.refuse("v", "expected 1");
  config.node = reader.text("node", 64);
  if (!is_node_name(config.node)) reader.refuse("node", "expected a node's name");
  config.machine = reader.text("machine", 128);
  config.boot = reader.text_or("boot", "", 128);
  reader.object("cluster", [&](JsonReader& cluster) {
    config.cluster_name = cluster.text_or("name", "", 256);
    config.cluster_id = cluster.text_or("id", "", 128);
  });
  const std::string token = reader.text("token", 1024);
  const std::string next_token = reader.text_or("tokenNext", "", 1024);
  config.ca_pem = reader.text_or("ca", "", kMaxPemBytes);
  config.certificate_pem = reader.text_or("certificate", "", kMaxPemBytes);
  config.private_key_pem = reader.text_or("privateKey", "", kMaxPemBytes);
  config.discovery = reader.text_or("discovery", "none", 16);
  config.listen = reader.text_or("listen", "[::]:" + std::string(kPeeringPort), 512);
  config.modes = reader.texts("modes");
  reader.members("labels", [&](const std::string& name, const Json& value) {
    if (value.as_string() == nullptr) return reader.refuse("labels", "expected texts");
    config.labels[name] = *value.as_string();
  });
  reader.objects("members",
                 [&](JsonReader& member) { config.members.push_back(read_member(member)); });
  if (Status status = reader.finish(); !status) return std::move(status).error();

  Result<std::string> secret = token_secret(token);
  if (!secret) return std::move(secret).error().in("cluster/token");
  config.token_secret = *std::move(secret);
  if (!next_token.empty()) {
    Result<std::string> next = token_secret(next_token);
    if (!next) return std::move(next).error().in("cluster/token-next");
    config.next_token_secret = *std::move(next);
  }
  if (Result<HostPort> listen = parse_host_port(config.listen); !listen) {
    return std::move(listen).error().in("peering/listen");
  }
  return config;
}

Result<HostPort> parse_host_port(std::string_view text) {
  const auto bad = [&] {
    return Error(ErrorKind::kInvalid, "BadValue",
                 "expected host:port, found `" + printable(text, 80) + "`");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad();
  std::string_view host = text.substr(0, colon);
  const auto port = parse_number(text.substr(colon + 1), 65535);
  if (!port) return bad();
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad();
  }
  // Nothing that could change the meaning of a URL or of "NAME:PORT:HOST:PORT".
  const bool plain = std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == ':' || c == '%' || c == '_';
  });
  if (host.empty() || !plain) return bad();
  return HostPort{std::string(host), static_cast<std::uint16_t>(*port)};
}

std::string to_text(const HostPort& address) {
  const bool is_v6 = address.host.find(':') != std::string::npos;
  return (is_v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

}  // namespace klubster
