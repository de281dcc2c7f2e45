// The steps of a productive-k3s package, and of `core:` in a manifest (docs/productive-k3s.md).
//
// What one controller did over SSH, in one order for all nodes, is here a step's `needs`: no node
// is changed before all of them passed their host checks, agents join a server that is Ready, and
// the stack waits for every member.
#include "engine/core_profile.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/digest.h"
#include "base/names.h"
#include "base/text.h"
#include "engine/core_inputs.h"
#include "engine/core_steps.h"
#include "engine/plan.h"
#include "model/profile_rules.h"

namespace klubster {

namespace {

constexpr std::uint64_t kMinute = 60'000'000;

Error refused(const std::string& message) {
  return {ErrorKind::kInvalid, "ConfigInvalid", message};
}

// With `ids` Core's steps of a manifest, which have these names; without, those of a package.
class CoreMaker {
 public:
  CoreMaker(const Profile& profile, const NodeConfig& config,
            std::map<std::string, std::string> ids)
      : made_(profile),
        config_(config),
        ids_(std::move(ids)),
        prefix_(core_prefix(profile.scenario)),
        members_(config.members) {
    // The scenario of a manifest with modes is a word for people.
    if (prefix_.empty() && !is_package()) prefix_ = "ONPREM";
    if (config.self() == nullptr) members_.push_back({config.node, config.modes, "", ""});
  }

  Result<Profile> run() {
    if (auto known = check_package(); !known) return known.error();
    if (auto fits = check_modes(); !fits) return std::move(fits.error()).in(about());
    if (auto agree = check_core_inputs(made_, config_, prefix_); !agree) {
      return std::move(agree.error()).in(about());
    }
    if (is_package()) forgive_drivers_inputs(made_);
    add_core_inputs(made_, config_, prefix_);
    if (config_.modes.empty() && is_package()) made_.modes["server"];  // nothing to do yet
    for (const auto& mode : config_.modes)
      add_phase(mode);
    add_commands();
    return std::move(made_);
  }

 private:
  std::string about() const { return "profile " + made_.name; }

  bool is_package() const { return ids_.empty(); }

  Status check_package() const {
    const auto engines = engine_words();
    const bool known = !prefix_.empty() && contains(engines, made_.engine);
    if (is_package() && !known) return check_engine(made_);
    const bool idle = config_.modes.empty() && !is_package();
    if (config_.core.assigned() || idle) return {};
    return Error(
               ErrorKind::kInvalid, "EngineUnsupported",
               "expected the productive-k3s Core bundle that runs it, in core/path, or in core/url "
               "and core/sha256, found neither")
        .in(about());
  }

  Status check_modes() const {
    const auto count = [&](std::string_view mode) {
      return std::count_if(members_.begin(), members_.end(),
                           [&](const Member& member) { return member.has_mode(mode); });
    };
    if (count("server") > 1) return refused("expected one member with mode server: Core knows one");
    if (count("stack") > 1) {
      return refused("expected one member with mode stack: a cluster has one stack");
    }
    if (count("single-node") > 0 && members_.size() > 1) {
      return refused(
          "expected mode single-node on a node without other members; a server with "
          "agents has the modes `server stack`");
    }
    static const std::set<std::vector<std::string>> kKnown = {
        {}, {"server"}, {"server", "stack"}, {"agent"}, {"single-node"}};
    if (kKnown.count(config_.modes) > 0) return {};
    return refused(
        "expected the modes server, `server stack`, agent or single-node: Core's stack "
        "is installed on a server, and an agent is nothing else; found `" +
        join(config_.modes, " ") + "`");
  }

  StepSpec step(const std::string& id, std::vector<std::string> words) const {
    StepSpec made;
    made.id = id;
    made.run = command(std::move(words));
    made.files_digest = sha256_hex("");  // it reaches no file of the package
    made.idempotent = true;
    return made;
  }

  std::vector<std::string> command(std::vector<std::string> words) const {
    words.insert(words.begin(), std::string(names::kCoreWord));
    words.insert(words.end(), {"--core", bundle_place(), "--prefix", prefix_});
    return words;
  }

  // Of the first phase's own step, whose state directory it is.
  std::string bundle_place() const {
    const std::string first = config_.modes.empty() ? "server" : config_.modes[0];
    return std::string(names::kStateDir) + "/steps/" + first + "/" + id_of(first, "bundle") +
           "/current";
  }

  // A manifest's step is the installation itself.
  std::string id_of(const std::string& mode, const std::string& id) const {
    if (is_package()) return id;
    const std::string& written = ids_.at(mode);
    return id == "install" ? written : join({written, id}, "-");
  }

  void add(const std::string& mode, StepSpec made) {
    auto& steps = made_.modes[mode];
    made.id = id_of(mode, made.id);
    if (!steps.empty()) made.after = {steps.back().id};
    std::erase_if(made.inputs,
                  [&](const std::string& name) { return made_.find_input(name) == nullptr; });
    steps.push_back(std::move(made));
  }

  void add_phase(const std::string& mode) {
    if (mode == config_.modes[0]) add_preparation(mode);
    if (mode == "stack") {
      add_nodes();
      add_stack();
    } else {
      add_install(mode);
      if (mode != "single-node" && has_stack()) add_hosts(mode);
    }
    const bool last = mode == config_.modes.back();
    if (last && mode != "agent") add_validation(mode);
  }

  bool has_stack() const {
    return std::any_of(members_.begin(), members_.end(),
                       [](const Member& member) { return member.has_mode("stack"); });
  }

  void add_preparation(const std::string& mode) {
    StepSpec bundle = step("bundle", bundle_words());
    bundle.inputs = {"CORE_CA"};
    bundle.timeout_usec = 30 * kMinute;
    bundle.check.run = bundle.run;
    bundle.check.run.push_back("--check");
    bundle.check.timeout_usec = kMinute;
    add(mode, std::move(bundle));

    std::vector<std::string> words = {"preflight"};
    words.insert(words.end(), config_.modes.begin(), config_.modes.end());
    for (const auto& [key, option] : {std::pair{"core.minVersion", "--min-version"},
                                      std::pair{"core.maxVersionExclusive", "--below-version"}}) {
      const auto bound = made_.requires_versions.find(key);
      if (bound != made_.requires_versions.end())
        words.insert(words.end(), {option, bound->second});
    }
    // A bundle that changes is looked at anew.
    words.insert(words.end(),
                 {"--bundle", config_.core.path + config_.core.url + " " + config_.core.sha256});
    StepSpec preflight = step("preflight", std::move(words));
    preflight.inputs = core_preflight_inputs();
    preflight.timeout_usec = 5 * kMinute;
    preflight.condition = kPreflightCondition;
    add(mode, std::move(preflight));
  }

  std::vector<std::string> bundle_words() const {
    std::vector<std::string> words = {"bundle"};
    const CoreSource& core = config_.core;
    if (!core.path.empty()) words.insert(words.end(), {"--path", core.path});
    if (!core.url.empty()) words.insert(words.end(), {"--url", core.url});
    if (!core.sha256.empty()) words.insert(words.end(), {"--sha256", core.sha256});
    return words;
  }

  // All members' host checks: nothing changes anywhere before.
  std::vector<NeedSpec> everybody_prepared() const {
    std::set<std::string> phases;
    for (const auto& member : members_) {
      if (member.name != config_.node && !member.modes.empty()) phases.insert(member.modes[0]);
    }
    std::vector<NeedSpec> needs;
    for (const auto& phase : phases)
      needs.push_back({phase, kPreflightCondition, "all"});
    return needs;
  }

  void add_install(const std::string& mode) {
    StepSpec install = step("install", {"install", mode});
    install.needs = everybody_prepared();
    install.inputs = core_install_inputs(mode, prefix_);
    install.timeout_usec = (mode == "agent" ? 20 : mode == "server" ? 30 : 60) * kMinute;
    install.check.run = command({"check", mode});
    install.check.timeout_usec = kMinute;
    install.undo.run = command({"cleanup", mode});
    install.undo.timeout_usec = 15 * kMinute;
    if (mode == "agent") {
      // The facts come with the first need.
      install.needs.insert(install.needs.begin(), {"server", kJoinableCondition, "any"});
      install.inputs.insert(install.inputs.end(), {kServerUrlFact, kClusterTokenFact});
    } else {
      install.condition = kJoinableCondition;
      install.outputs = {{kServerUrlFact, true, false}, {kClusterTokenFact, true, true}};
    }
    add(mode, std::move(install));
  }

  void add_hosts(const std::string& mode) {
    StepSpec hosts = step("hosts", {"hosts"});
    hosts.inputs = core_host_inputs(prefix_);
    hosts.check.run = command({"hosts", "--check"});
    hosts.check.timeout_usec = kMinute;
    hosts.undo.run = command({"hosts", "--remove"});
    hosts.undo.timeout_usec = kMinute;
    add(mode, std::move(hosts));
  }

  // The other members, all of them done with their part.
  std::vector<NeedSpec> everybody_else() const {
    std::vector<NeedSpec> needs;
    for (const char* mode : {"agent", "server"}) {
      const bool others = std::any_of(members_.begin(), members_.end(), [&](const Member& member) {
        return member.name != config_.node && member.has_mode(mode);
      });
      if (others) needs.push_back({mode, "Ready", "all"});
    }
    return needs;
  }

  void add_nodes() {
    StepSpec nodes = step("nodes", {"nodes"});
    nodes.needs = everybody_else();
    nodes.timeout_usec = 15 * kMinute;
    add("stack", std::move(nodes));
  }

  void add_stack() {
    StepSpec stack = step("install", {"install", "stack"});
    stack.inputs = core_install_inputs("stack", prefix_);
    stack.timeout_usec = 60 * kMinute;
    stack.check.run = command({"check", "stack"});
    stack.check.timeout_usec = kMinute;
    // It goes with K3s: what is undone is only that it was installed.
    stack.undo.run = command({"cleanup", "stack"});
    stack.undo.timeout_usec = kMinute;
    add("stack", std::move(stack));
  }

  void add_validation(const std::string& mode) {
    StepSpec validate = step("validate", {"validate", mode});
    validate.needs = everybody_else();
    validate.inputs = core_validation_inputs(prefix_);
    validate.timeout_usec = 20 * kMinute;
    add(mode, std::move(validate));
  }

  void add_commands() {
    if (config_.modes.empty() || config_.modes[0] == "agent") return;
    for (const auto& [name, minutes] : {std::pair{"validate", 20}, std::pair{"backup", 60}}) {
      std::vector<std::string> words = {name};
      if (words[0] == "validate") words.push_back(config_.modes.back());
      StepSpec made = step(name, std::move(words));
      made.timeout_usec = static_cast<std::uint64_t>(minutes) * kMinute;
      made.inputs = core_validation_inputs(prefix_);
      made.retry.attempts = 1;
      made_.commands.insert_or_assign(name, std::move(made));
    }
  }

  Profile made_;
  const NodeConfig& config_;
  std::map<std::string, std::string> ids_;
  std::string prefix_;
  std::vector<Member> members_;
};

}  // namespace

std::string core_prefix(const std::string& scenario) {
  if (scenario == "multipass") return "MULTIPASS";
  if (scenario == "aws-single-node") return "AWS";
  for (const char* name :
       {"onprem-basic", "onprem", "on-prem", "onprem-basic-arm", "onprem-arm", "on-prem-arm"}) {
    if (scenario == name) return "ONPREM";
  }
  return "";
}

Result<Profile> with_core(const Profile& profile, const NodeConfig& config) {
  if (profile.modes.empty()) return CoreMaker(profile, config, {}).run();
  const auto ids = core_step_ids(profile);
  if (ids.empty()) return profile;
  Profile without = profile;
  without.modes.clear();
  without.commands.clear();
  const NodeConfig concerned = with_core_modes_only(config, ids);
  const auto made = CoreMaker(without, concerned, ids).run();
  return made ? in_place_of_core_steps(profile, *made) : made;
}

}  // namespace klubster
