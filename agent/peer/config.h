// What klubsterd tells klubster-peerd at its start: the credential `config`.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace klubster {

inline constexpr std::string_view kPeeringPort = "9446";

struct Member {
  std::string name;
  std::vector<std::string> modes;
  std::string address;  // "host:port"; empty: not known
  std::string key;      // raw Ed25519 public key, the only one accepted; empty: first seen
};

struct PeerConfig {
  std::string node;
  std::string machine;  // application-specific hash of the machine id
  std::string boot;
  std::string cluster_name;
  std::string cluster_id;  // empty until the cluster is formed
  std::string token_secret;
  std::string next_token_secret;  // of a second token that is accepted; empty: none
  // PEM of cluster members' own authority; empty: the tokens are it.
  std::string ca_pem, certificate_pem, private_key_pem;
  std::string discovery = "none";  // auto, mdns, none
  std::string listen;              // "[::]:9446", "10.9.0.11:9446"
  std::vector<std::string> modes;
  std::map<std::string, std::string> labels;
  std::vector<Member> members;

  const Member* find_member(std::string_view name) const;
};

// kInvalid, reason "BadJson", "BadToken" or "BadValue"; never with the token in the message.
Result<PeerConfig> parse_peer_config(std::string_view text);

// "host:port" or "[v6]:port"; the host without brackets. kInvalid, reason "BadValue".
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
Result<HostPort> parse_host_port(std::string_view text);
// The other way round, with brackets where the host needs them.
std::string to_text(const HostPort& address);

}  // namespace klubster
