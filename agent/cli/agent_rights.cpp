// Effective capabilities go; the permitted ones stay, to come back by.
#include "cli/agent_rights.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

namespace klubster {

namespace {

constexpr std::uint32_t kReadsEverything = 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH;

using CapabilitySets = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

std::optional<CapabilitySets> read_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  CapabilitySets sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return std::nullopt;
  return sets;
}

bool set_effective(std::uint32_t effective) {
  auto sets = read_capabilities();
  if (!sets) return false;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  (*sets)[0].effective = effective;
  return ::syscall(SYS_capset, &header, sets->data()) == 0;
}

}  // namespace

AgentRights::AgentRights() {
  if (::geteuid() != 0) return;
  const auto sets = read_capabilities();
  if (!sets) return;
  const std::uint32_t effective = (*sets)[0].effective;
  if (set_effective(effective & ~kReadsEverything)) before_ = effective;
}

AgentRights::~AgentRights() {
  if (before_) (void)set_effective(*before_);
}

}  // namespace klubster
