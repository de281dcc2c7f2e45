// Whether the stack is what it should be, as the SSH driver's own validation asks: Core's exit code
// says nothing of pods that never came.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "core/call.h"
#include "core/cluster.h"

namespace klubster {

// The status with which Rancher's page, or the registry's /v2/, says that it is there (behind a
// login, too). "000" is no answer.
bool answers_well(const std::string& component, const std::string& http_status);

// Of the parts that Core's manifest says it would install, those that are not there.
std::vector<std::string> not_installed(const Json& run, const StackPresence& found);

// What is still missing: deployments that are not available, names that do not resolve, Rancher and
// registry that do not answer by HTTPS, another default StorageClass than Longhorn's; empty:
// nothing.
std::string lacking_of_stack(const Call& call);

}  // namespace klubster
