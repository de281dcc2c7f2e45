// Seeing the machine's files as klubsterd does.
#pragma once

#include <cstdint>
#include <optional>

namespace klubster {

// klubsterd is root without capabilities. While this lives, a process of root has no other rights
// to files than that one: what somebody else keeps for himself cannot be read.
class AgentRights {
 public:
  AgentRights();
  AgentRights(const AgentRights&) = delete;
  AgentRights& operator=(const AgentRights&) = delete;
  ~AgentRights();

 private:
  std::optional<std::uint32_t> before_;  // effective capabilities; none: nothing was given up
};

}  // namespace klubster
