// The plan: the ordered work that a node's config and profile ask for.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
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
  InputValues inputs;              // those that it names and that are known
  std::vector<std::string> facts;  // names of inputs that peers tell
  std::vector<std::string> waits;  // those of them that they still have to tell
  std::string fingerprint;         // empty while something is awaited
  bool skipped = false;            // `when` does not hold

  bool service() const { return spec.kind == StepKind::kService; }
};

struct Plan {
  std::uint64_t generation = 0;
  std::string profile_dir;
  std::vector<std::string> phases;  // node/modes, in order
  std::vector<Step> steps;          // phase by phase, predecessors first

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

// The plan of these modes. Errors (kInvalid), each naming everything at once: "ModeMissing",
// "InputMissing" (with description and the file to create), "BadValue".
Result<Plan> make_plan(const Profile& profile, const PlanInputs& given);

// "server/etcd" of phase and id.
std::string subject_of(const std::string& phase, const std::string& id);

}  // namespace klubster
