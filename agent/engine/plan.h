// The plan: the ordered work that a node's config and profile ask for.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/recovery.h"
#include "model/node_state.h"
#include "model/profile.h"

namespace klubster {

// A value that a step sees, with where it goes: the environment, or a credential file.
struct InputValue {
  std::string value;
  bool sensitive = false;
};
using InputValues = std::map<std::string, InputValue>;

struct Step {
  std::string subject;  // "server/etcd"
  std::string phase;
  StepSpec spec;
  std::string profile_dir;         // the package that it belongs to
  InputValues inputs;              // those that it names and that are known
  std::vector<std::string> facts;  // names of inputs that peers tell
  std::vector<std::string> waits;  // those of them that they still have to tell
  std::string fingerprint;         // empty while something is awaited
  // What the fingerprint is made of, each as a short salted digest: {"definition","files","path",
  // "inputs":{NAME:…}}. Kept with each run, so that a plan can say what differs.
  Json parts;
  bool skipped = false;  // `when` does not hold

  bool service() const { return spec.kind == StepKind::kService; }
};

struct Plan {
  std::uint64_t generation = 0;
  std::vector<std::string> phases;  // node/modes, in order
  std::vector<Step> steps;          // phase by phase, predecessors first
  std::vector<Step> commands;       // that were asked for by `klubster run`
  // What earlier generations left on this machine and this one no longer has, oldest first.
  std::vector<Step> obsolete;
  bool allow_destroy = false;      // they may be undone: apply/allow-destroy
  std::uint64_t recheck_usec = 0;  // how often a step that is done is checked again; 0: never
  bool repair = false;             // and it is done again when its check fails
  LadderLimits ladder;

  // Of all three lists.
  const Step* find(const std::string& subject) const;
};

// What the plan is made from, beside the profile.
struct PlanInputs {
  std::uint64_t generation = 0;
  std::string profile_dir;
  std::vector<std::string> modes;
  std::map<std::string, std::string> values;                        // inputs/ of the config tree
  std::map<std::string, std::string> secrets;                       // secrets/ of the config tree
  std::map<std::string, std::map<std::string, std::string>> facts;  // subject -> name -> value
  std::vector<std::string> steps_path;
  std::string salt;  // this node's own: secrets enter a fingerprint only hashed with it
  std::map<std::string, CommandRequest> commands = {};  // by name; unknown ones are left out
  bool begins_cluster = false;  // its server phase waits for no server: it is the first one
};

// What is wrong with one input of a profile.
struct InputMistake {
  const InputSpec* input = nullptr;  // of the profile that was asked about
  bool missing = false;              // required, no peer tells it, and nobody gave a value
  std::string message;               // "expected …, found …"; a secret is never shown
};
// Of all inputs of the profile, in its order; `values` and `secrets` as in PlanInputs.
std::vector<InputMistake> input_mistakes(const Profile& profile,
                                         const std::map<std::string, std::string>& values,
                                         const std::map<std::string, std::string>& secrets);

// A profile without modes is for the engine that it names, which is not klubster: kInvalid, reason
// "EngineUnsupported".
Status check_engine(const Profile& profile);

// What is wrong with the inputs of a command as it is asked for: unknown or sensitive ones, values
// that do not fit. kInvalid, reason "BadValue" or "NoSuchCommand", all at once.
Status check_command(const Profile& profile, const std::string& name,
                     const std::map<std::string, std::string>& inputs);

// Whether the `when` of a command holds, as it is asked for. kInvalid, reason "CommandSkipped".
// `values` and `secrets` as in PlanInputs.
Status check_when(const Profile& profile, const RequestedCommand& request,
                  const std::map<std::string, std::string>& values,
                  const std::map<std::string, std::string>& secrets);

// The plan of these modes. Errors (kInvalid), each naming everything at once: "ModeMissing",
// "InputMissing" (with description and the file to create), "BadValue"; and check_engine()'s.
Result<Plan> make_plan(const Profile& profile, const PlanInputs& given);

// A secret of today that is not the one that the generation was made of: that one is kept nowhere.
// What was done with it stays done, and what differs in nothing else keeps its fingerprint until
// there is another generation. `changed`: names of such inputs.
void keep_fingerprint(Step& step, const SubjectState& past, const std::set<std::string>& changed);

// The phase that commands have instead of one.
inline constexpr const char* kCommandPhase = "command";

// "server/etcd" of phase and id.
std::string subject_of(const std::string& phase, const std::string& id);

}  // namespace klubster
