// What the machine and the cluster say of themselves: Core's word is not taken for it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/call.h"

namespace klubster {

inline constexpr const char* kServerUnit = "k3s.service";
inline constexpr const char* kAgentUnit = "k3s-agent.service";

// Whether a program is in the PATH of this step.
bool has_program(const std::string& name);
bool is_active(const std::string& unit);
// Whether the machine has a unit of that name at all.
bool is_installed_unit(const std::string& unit);

// kubectl with the server's rights, or the kubelet's own on an agent; what it prints. kUnavailable,
// NotReady, when it fails.
Result<std::string> kubectl(const std::vector<std::string>& words, bool as_kubelet = false);
// Whether the API has the object.
bool has_object(const std::string& space, const std::string& kind, const std::string& name);

struct ClusterNode {
  std::string name;
  std::vector<std::string> addresses;
  bool ready = false;
};
// The lines "NAME ADDRESS… STATUS" that kubectl is asked for.
std::vector<ClusterNode> nodes_in(const std::string& text);
// As the API has them. kUnavailable, NotReady.
Result<std::vector<ClusterNode>> list_nodes();
// What is wrong with these nodes, when they should be exactly the members that have a mode; empty:
// nothing.
std::string difference(const std::vector<ClusterNode>& nodes,
                       const std::vector<ClusterMember>& members);

// A server: its unit is active, its API answers, its token is there, its own node is Ready. Returns
// what is missing; empty: nothing.
std::string lacking_of_server(const Call& call);
// An agent: its unit is active, and the cluster has its node as Ready.
std::string lacking_of_agent();
struct StackDeployment {
  const char* label;  // as people are told
  const char* space;
  const char* name;
};
// Those by which Core finds the parts of its stack.
const std::vector<StackDeployment>& stack_deployments();
// Labels: those that are there and those that are not.
struct StackPresence {
  std::vector<std::string> present, absent;
};
StackPresence stack_presence();

// The server's own token, the long form. kInvalid, CoreFailed, when there is none.
Result<std::string> node_token();

}  // namespace klubster
