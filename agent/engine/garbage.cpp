// Deciding what stays.
#include "engine/garbage.h"

#include <algorithm>

#include "base/digest.h"

namespace klubster {

namespace {

constexpr std::string_view kWorkers = "profile/";

Json names_of(const Keep::Reasons& reasons) {
  Json names = Json::array();
  for (const auto& [name, why] : reasons)
    names.push_back(name);
  return names;
}

void keep_generation(Keep& keep, const std::optional<GenerationFacts>& generation,
                     const std::string& what) {
  if (!generation) return;
  const std::string number = std::to_string(generation->number);
  keep.generations[number].push_back(what);
  if (generation->profile_sha256.empty()) return;
  keep.profiles[generation->profile_sha256].push_back(what + " " + number);
}

// A service whose definition did not change runs on when there is a new generation, out of the
// profile that it was started from. What a step did is undone by what it was then, once a newer
// profile does not know it any more.
void keep_of_subjects(Keep& keep, const NodeState& state, const KeepFacts& facts) {
  for (const auto& [name, subject] : state.subjects) {
    if (subject.profile_sha256.empty() || name.starts_with(kWorkers)) continue;
    std::string why;
    if (subject.owes_undo) why = "to undo " + name;
    if (subject.run && subject.run->boot == facts.boot) why = name + " runs from it";
    if (why.empty()) continue;
    keep.profiles[subject.profile_sha256].push_back(why);
    keep.generations[std::to_string(subject.generation)].push_back(why);
  }
}

void keep_of_origin(Keep& keep, const NodeState& state, const KeepFacts& facts) {
  if (facts.origin == nullptr) return;
  const std::string why = facts.acquired ? "profile of the config" : "being brought";
  const std::string& fingerprint = facts.origin->fingerprint;
  keep.results[fingerprint].push_back(why);
  if (!facts.unpacked_sha256.empty()) keep.profiles[facts.unpacked_sha256].push_back(why);
  if (facts.acquired) return;
  keep.downloads[fingerprint].push_back(why);
  // What a refused or cut off package left is not gone on with.
  const auto& unpack = state.subject(subject_of(WorkerStage::kUnpack));
  const bool unpacked = unpack.done_fingerprint == fingerprint;
  if (unpacked || unpack.run) keep.stagings[fingerprint].push_back(why);
}

}  // namespace

std::string Keep::digest() const {
  Json all = Json::array();
  for (const auto* reasons : {&profiles, &generations, &downloads, &stagings, &results})
    all.push_back(names_of(*reasons));
  return sha256_hex(all.dump());
}

Keep what_to_keep(const NodeState& state, const KeepFacts& facts) {
  Keep keep;
  keep_generation(keep, state.generation, "present generation");
  keep_generation(keep, state.good, "last good generation");
  keep_generation(keep, state.good_before, "good generation before");
  if (state.generation) keep.results[state.generation->source].emplace_back("present generation");
  keep_of_subjects(keep, state, facts);
  keep_of_origin(keep, state, facts);
  return keep;
}

bool may_collect(const NodeState& state) {
  return !state.subject(subject_of(WorkerStage::kUnpack)).run &&
         !state.subject(subject_of(WorkerStage::kSeal)).run;
}

bool collection_due(const NodeState& state, const Decision& decision,
                    const AcquireDecision& acquisition) {
  if (!may_collect(state) || state.leaving) return false;
  if (acquisition.reason == "DiskFull") return true;
  return acquisition.acquired && decision.ready && state.generation &&
         state.last_good_generation == state.generation->number;
}

}  // namespace klubster
