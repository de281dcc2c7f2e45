// What the agent shows: its status and the body of the node's record, as JSON. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/acquire.h"
#include "engine/boot_assessment.h"
#include "engine/forming.h"
#include "engine/plan.h"
#include "engine/reconcile.h"
#include "model/condition.h"
#include "model/node_config.h"
#include "model/node_state.h"

namespace klubster {

// Everything that status is made from, at one moment.
struct Scene {
  const NodeConfig& config;  // in force
  const NodeState& state;
  const std::optional<Plan>& plan;
  const Decision& decision;
  const AcquireDecision& acquisition;
  // By topic ("config", "profile"), beside those that the steps and the acquisition have.
  const std::map<std::string, Error>& problems;
  const std::string& damage;  // of the event log; empty: sound
  Assessment boot = {};
  const FormingDecision* forming = nullptr;  // nullptr: not considered yet
};

// Conditions of the node and of each phase; times of transitions are kept from `before`.
std::vector<Condition> conditions_of(const Scene& scene, std::vector<Condition> before,
                                     const std::string& now);

// `klubster status`: the shape is documented in docs/status.md.
Json status_json(const Scene& scene, const std::vector<Condition>& conditions);
// Parts of it that a plan shows, too.
Json problems_json(const Scene& scene);
Json profile_json(const std::optional<GenerationFacts>& generation);
// What peers see of this node; klubster-peerd adds identity, sequence and signature.
Json record_body(const Scene& scene, const std::vector<Condition>& conditions);

}  // namespace klubster
