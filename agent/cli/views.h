// What the daemons answer, as people read it. Pure: JSON in, text out.
#pragma once

#include <map>
#include <string>

#include "base/json.h"
#include "cli/sealed_profiles.h"
#include "cli/text_table.h"

namespace klubster {

// Of Agent1.GetStatus: node, boot, generation, profile, conditions per phase, steps with what they
// wait for, problems with the next command.
std::string status_text(const Json& status, const Look& look);
// Of the same: what each step cost, and each worker that brought the profile.
std::string resources_text(const Json& status, const Look& look);
// Of Agent1.Plan and GetPlan: what changes, what happens with each step, what stands in the way.
std::string plan_text(const Json& plan, const Look& look);
// Of Agent1.GetHistory: one line per event.
std::string history_text(const Json& history, const Look& look);
// Of `history --at`: what the node knew at that moment.
std::string past_text(const Json& past, const Look& look);
// Of `history verify`: from where to where the log is sound, and what is damaged.
std::string verdict_text(const Json& verdict, const Look& look);
// Of Peers1.GetPeers.
std::string peers_text(const Json& peers, const Look& look);
// One peer of it in full; empty when there is none of that name.
std::string peer_text(const Json& peers, const std::string& name, const Look& look);

// Of Agent1.CollectGarbage; `uses` gives profiles their names.
std::string garbage_text(const Json& report, const std::map<std::string, ProfileUse>& uses,
                         const Look& look);

// "REASON: message" and the next command for each problem; empty when there is none.
std::string problems_text(const Json& answer, const Look& look);

// Whether `wanted` ("Ready", "Ready/server") holds in a status.
bool condition_holds(const Json& status, const std::string& wanted);

}  // namespace klubster
