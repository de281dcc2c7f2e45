// What steps wait for: whether the peers' own words satisfy it, and whose facts then count
// (execution.md, "Waiting"). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/node_record.h"
#include "peer/roster.h"

namespace klubster {

enum class NeedCount { kAny, kAll, kNumber };

struct Need {
  std::string id;         // of the daemon, given back: "agent/join"
  std::string phase;      // empty: only facts are needed
  std::string condition;  // "Ready"
  NeedCount count = NeedCount::kAny;
  std::uint64_t number = 0;  // of kNumber, at least 1
  std::vector<std::string> facts;
};

// {"needs":[{"id","phase","condition","count":"any"|"all"|N,"facts":[…]}]}; N also as text.
// kInvalid, reason "BadJson".
Result<std::vector<Need>> needs_from_json(std::string_view text);

// A member, this node among them.
struct Candidate {
  std::string name;
  std::vector<std::string> modes;    // of the config tree; empty: what the node itself says counts
  const NodeRecord* said = nullptr;  // Peer::said()
  bool is_silent = false;            // Peer::is_silent()
};

struct FactSource {
  std::string name, owner, sha256;
  bool sensitive = false;
};
// Whether the fact `name` of `owner`, whichever value it has, is among them.
bool has_source(const std::vector<FactSource>& sources, const std::string& owner,
                const std::string& name);

struct NeedDecision {
  bool holds = false;           // the condition, and each fact has an owner
  std::vector<std::string> by;  // who satisfies the condition
  std::string waiting_for;      // "server Ready at any of n1, n2"; empty when it holds
  std::vector<FactSource> sources;
  std::optional<Problem> problem;  // FactConflict
};

// `candidates` sorted by name. With a phase, facts come from the first by name of those that
// satisfy the condition, else from anybody who owns them; several owners with different values are
// a FactConflict when nothing picks one.
NeedDecision decide_need(const Need& need, const std::vector<Candidate>& candidates);
// Whether a need that holds does so only by what peers said who are silent now.
bool leans_on_silent(const Need& need, std::vector<Candidate> candidates);

}  // namespace klubster
