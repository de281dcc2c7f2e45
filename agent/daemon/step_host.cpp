// Credentials, outputs and the members file of steps.
#include "daemon/step_host.h"

#include <fcntl.h>

#include <algorithm>

#include "base/log.h"
#include "base/names.h"
#include "base/text.h"
#include "engine/forming.h"
#include "engine/step_unit.h"
#include "linux/files.h"
#include "linux/package.h"

namespace klubster {

namespace {

constexpr std::size_t kOutputsBytes = 64 * 1024;
constexpr std::uint64_t kCheckedBytes = 64 * 1024 * 1024;

std::string flat(const Step& step) {
  return step.phase + "." + step.spec.id;
}

Error bad_outputs(std::string message) {
  return Error(ErrorKind::kInvalid, "BadOutputs", std::move(message));
}

}  // namespace

Result<Facts> parse_outputs(const std::string& text, const std::vector<OutputSpec>& declared) {
  Facts facts;
  std::size_t number = 0;
  for (const auto& line : split(text, '\n')) {
    ++number;
    if (line.empty()) continue;
    const std::string where = "line " + std::to_string(number);
    const auto equals = line.find('=');
    if (equals == std::string::npos) return bad_outputs(where + ": expected NAME=value");
    const std::string name = line.substr(0, equals);
    const auto spec = std::find_if(declared.begin(), declared.end(),
                                   [&](const OutputSpec& output) { return output.name == name; });
    if (spec == declared.end()) {
      return bad_outputs(where + ": " + printable(name, 64) + " is not declared in outputs");
    }
    const std::string value = line.substr(equals + 1);
    if (!is_utf8(value) || value.find('\0') != std::string::npos) {
      return bad_outputs(where + ": " + name + " is not UTF-8 text");
    }
    facts[name] = {value, spec->sensitive, spec->share};  // a later line wins: probes write again
  }
  for (const auto& output : declared) {
    if (facts.count(output.name) == 0) return bad_outputs(output.name + " was not written");
  }
  return facts;
}

void StepFiles::set_config(const NodeConfig& config) {
  node_ = config.node;
  path_ = config.steps_path;
}

std::string StepFiles::outputs_file(const Step& step) const {
  return places_.outputs() + "/" + flat(step);
}

std::string StepFiles::credentials_dir(const Step& step) const {
  return places_.credentials() + "/" + flat(step);
}

Status StepFiles::write_members(const NodeConfig& config,
                                const std::map<std::string, std::vector<std::string>>& addresses) {
  Json members = Json::array();
  const auto add = [&](const std::string& name, const std::vector<std::string>& modes,
                       const std::string& address) {
    Json member = Json::object();
    member["name"] = name;
    member["self"] = name == config.node;
    member["modes"] = modes;
    member["address"] = address;
    const auto known = addresses.find(name);
    member["addresses"] = known == addresses.end() ? Json::array() : Json(known->second);
    member["labels"] = Json::object();
    if (name == config.node) {
      for (const auto& [key, value] : config.labels)
        member["labels"][key] = value;
    }
    members.push_back(std::move(member));
  };
  for (const auto& member : config.members)
    add(member.name, member.modes, member.address);
  if (config.self() == nullptr) add(config.node, config.modes, "");
  return write_file(places_.members_file(), members.dump() + "\n", 0644);
}

Result<TransientUnit> StepFiles::prepare(const Plan& plan, const Step& step,
                                         const StartUnit& start) {
  StepSurroundings around;
  around.node = node_;
  around.path = path_;
  around.credentials_dir = credentials_dir(step);
  around.outputs_file = outputs_file(step);
  around.members_file = places_.members_file();
  if (telemetry_) around.telemetry = telemetry_();
  if (step.phase == "server" && cluster_) {
    around.cluster_role = cluster_role(cluster_);
    around.cluster_id = cluster_->id;
    around.cluster_settled = cluster_->settled;
  }

  if (auto sound = check_files(step); !sound) return sound.error();
  if (auto made = make_directory(around.credentials_dir, 0700); !made) return made.error();
  for (const auto& [name, input] : step.inputs) {
    if (!input.sensitive) continue;
    auto written = write_file(around.credentials_dir + "/" + name, input.value, 0600);
    if (!written) return written.error();
  }
  // The step's user writes it by its bound path: 0666 below 0700. A run and a first check begin
  // with an empty one, the probes of that run add to it.
  const bool fresh = start.stage == Stage::kRun || start.stage == Stage::kCheck;
  if (!step.spec.outputs.empty() && (fresh || !exists(around.outputs_file))) {
    if (auto made = write_file(around.outputs_file, "", 0666); !made) return made.error();
  }
  return make_step_unit(plan, step, start, around);
}

// A disk may lose or change what was sealed. What a step can reach is read before its first unit.
Status StepFiles::check_files(const Step& step) {
  const std::string key = step.profile_dir + " " + step.spec.files_digest;
  if (step.spec.files.empty() || proven_.contains(key)) return {};
  const auto files =
      list_package_directory(step.profile_dir, {.bytes = kCheckedBytes}, step.spec.files);
  const bool large = !files && files.error().reason() == "TooLarge";  // would take too long here
  if (large || (files && files_digest(*files, step.spec.files) == step.spec.files_digest)) {
    proven_.insert(key);
    return {};
  }
  if (damaged_) damaged_(step.profile_dir);
  return Error(ErrorKind::kIo, "StateDamaged",
               files ? "the sealed profile is not what was sealed" : files.error().message())
      .in(step.profile_dir);
}

void StepFiles::drop_outputs(const Step& step) const {
  if (step.spec.outputs.empty() || !exists(outputs_file(step))) return;
  // Emptied first: the step's unit still has this very file bound in.
  if (auto file = open_file(outputs_file(step), O_WRONLY | O_TRUNC | O_NOFOLLOW); !file) {
    log_error(file.error());
  }
  if (auto removed = remove_file(outputs_file(step)); !removed) log_error(removed.error());
}

OutputsView StepFiles::keep_outputs(const Step& step) {
  OutputsView view;
  const auto refuse = [&](const Error& error) {
    // It may fill the memory that /run is in.
    if (error.reason() == "TooLarge") drop_outputs(step);
    view.reason = error.reason() == "TooLarge" ? "BadOutputs" : error.reason();
    view.message = "outputs: " + error.message();
    return view;
  };
  auto bytes = read_file(outputs_file(step), kOutputsBytes);
  if (!bytes) return refuse(bytes.error());
  auto facts = parse_outputs(*bytes, step.spec.outputs);
  if (!facts) return refuse(facts.error());
  view.digests = facts_.digests_of(*facts);
  if (auto kept = facts_.keep_made(step.subject, std::move(*facts)); !kept) {
    return refuse(kept.error());
  }
  return view;
}

}  // namespace klubster
