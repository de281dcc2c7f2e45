// Deciding needs.
#include "peer/needs.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "model/environment.h"

namespace klubster {

namespace {

constexpr std::size_t kMaxNeedsBytes = 256 * 1024;

Need read_need(JsonReader& reader) {
  Need need;
  need.id = reader.text("id", 256);
  need.phase = reader.text_or("phase", "", 64);
  need.condition = reader.text_or("condition", "Ready", 64);
  const Json& count = reader.raw("count");
  const std::string text = count.as_integer() != nullptr  ? std::to_string(*count.as_integer())
                           : count.as_string() != nullptr ? *count.as_string()
                                                          : "any";
  if (text == "all") {
    need.count = NeedCount::kAll;
  } else if (const auto number = parse_number(text, 100'000); number && *number > 0) {
    need.count = NeedCount::kNumber;
    need.number = *number;
  } else if (text != "any") {
    reader.refuse("count", "expected any, all or a number from 1");
  }
  need.facts = reader.texts("facts");
  for (const std::string& fact : need.facts) {
    if (!is_variable_name(fact)) reader.refuse("facts", "expected facts' names such as SERVER_URL");
  }
  return need;
}

bool has_mode(const Candidate& candidate, const std::string& phase) {
  const auto contains = [&](const std::vector<std::string>& modes) {
    return std::find(modes.begin(), modes.end(), phase) != modes.end();
  };
  if (!candidate.modes.empty()) return contains(candidate.modes);
  return candidate.said != nullptr && contains(candidate.said->modes);
}

bool satisfies(const Candidate& candidate, const Need& need) {
  if (candidate.said == nullptr) return false;
  const Condition* condition =
      find_condition(candidate.said->body.conditions, need.condition, need.phase);
  return condition != nullptr && condition->status == ConditionStatus::kTrue;
}

struct Tally {
  std::vector<std::string> asked;    // members with the mode
  std::vector<std::string> by;       // of them, those that satisfy the condition
  std::vector<std::string> missing;  // and those that do not
};

bool is_enough(const Need& need, const Tally& tally) {
  switch (need.count) {
    case NeedCount::kAny:
      return !tally.by.empty();
    case NeedCount::kAll:
      // None listed is a mistake or a tree that is still being written, not a cluster without any.
      return !tally.asked.empty() && tally.missing.empty();
    case NeedCount::kNumber:
      return tally.by.size() >= need.number;
  }
  return false;
}

std::string waiting_text(const Need& need, const Tally& tally) {
  const std::string what = need.phase + " " + need.condition + " at ";
  if (tally.asked.empty()) return what + "any member, but none has the mode " + need.phase;
  const std::string names = join(tally.asked, ", ");
  if (need.count == NeedCount::kAll) return what + join(tally.missing, ", ");
  if (need.count == NeedCount::kNumber) {
    return what + std::to_string(need.number) + " of " + names +
           (tally.by.empty() ? "" : ", so far " + join(tally.by, ", "));
  }
  return tally.asked.size() == 1 ? what + names : what + "any of " + names;
}

struct Owner {
  std::string name;
  const RecordFact* fact;
};

std::vector<Owner> owners_of(const std::string& fact, const std::vector<Candidate>& candidates) {
  std::vector<Owner> owners;
  for (const Candidate& candidate : candidates) {
    if (candidate.said == nullptr) continue;
    const RecordFact* owned = candidate.said->find_fact(fact);
    if (owned != nullptr) owners.push_back({candidate.name, owned});
  }
  return owners;
}

// The owner whose value counts; nullptr with a problem when that cannot be told.
const Owner* pick_owner(const std::vector<Owner>& owners, const NeedDecision& decision) {
  for (const Owner& owner : owners) {
    if (std::find(decision.by.begin(), decision.by.end(), owner.name) != decision.by.end()) {
      return &owner;
    }
  }
  const bool agree = std::all_of(owners.begin(), owners.end(), [&](const Owner& owner) {
    return owner.fact->sha256 == owners.front().fact->sha256 &&
           owner.fact->sensitive == owners.front().fact->sensitive;
  });
  return agree ? &owners.front() : nullptr;
}

void decide_facts(const Need& need, const std::vector<Candidate>& candidates,
                  NeedDecision& decision) {
  std::vector<std::string> missing;
  for (const std::string& name : need.facts) {
    const std::vector<Owner> owners = owners_of(name, candidates);
    if (owners.empty()) {
      missing.push_back(name);
      continue;
    }
    const Owner* owner = pick_owner(owners, decision);
    if (owner != nullptr) {
      decision.sources.push_back({name, owner->name, owner->fact->sha256, owner->fact->sensitive});
      continue;
    }
    std::vector<std::string> names;
    for (const Owner& one : owners)
      names.push_back(one.name);
    decision.problem =
        Problem{"FactConflict", name + " has different values at " + join(names, ", ") +
                                    ", and nothing says which of them counts"};
    missing.push_back(name);
  }
  if (missing.empty()) return;
  decision.holds = false;
  decision.waiting_for = "facts " + join(missing, ", ") + " from " +
                         (decision.by.empty() ? "any member" : join(decision.by, ", "));
}

}  // namespace

bool has_source(const std::vector<FactSource>& sources, const std::string& owner,
                const std::string& name) {
  return std::any_of(sources.begin(), sources.end(), [&](const FactSource& source) {
    return source.owner == owner && source.name == name;
  });
}

Result<std::vector<Need>> needs_from_json(std::string_view text) {
  Result<Json> json = parse_json(text, {.bytes = kMaxNeedsBytes, .depth = 8});
  if (!json) return std::move(json).error().in("needs");
  JsonReader reader(*json, "needs");
  std::vector<Need> needs;
  reader.objects("needs", [&](JsonReader& item) { needs.push_back(read_need(item)); });
  if (Status status = reader.finish(); !status) return std::move(status).error();
  return needs;
}

NeedDecision decide_need(const Need& need, const std::vector<Candidate>& candidates) {
  NeedDecision decision;
  if (!need.phase.empty()) {
    Tally tally;
    for (const Candidate& candidate : candidates) {
      if (!has_mode(candidate, need.phase)) continue;
      tally.asked.push_back(candidate.name);
      (satisfies(candidate, need) ? tally.by : tally.missing).push_back(candidate.name);
    }
    decision.by = tally.by;
    if (!is_enough(need, tally)) {
      decision.waiting_for = waiting_text(need, tally);
      return decision;
    }
  }
  decision.holds = true;
  decide_facts(need, candidates, decision);
  return decision;
}

bool leans_on_silent(const Need& need, std::vector<Candidate> candidates) {
  if (need.phase.empty()) return false;  // facts alone stay true
  for (Candidate& candidate : candidates) {
    if (candidate.is_silent) candidate.said = nullptr;
  }
  return !decide_need(need, candidates).holds;
}

}  // namespace klubster
