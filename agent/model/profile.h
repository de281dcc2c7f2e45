// A verified profile as plain data: what profile.yaml says, every default filled in.
//
// klubster-unpack makes it from YAML; everybody else reads its canonical JSON (profile-format.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace klubster {

// A node's modes are also the names of a profile's phases.
inline constexpr const char* kModeNames[] = {"server", "agent", "stack", "single-node"};
bool is_mode(std::string_view name);

enum class InputSource { kPackageDefault, kLocalOverride, kEither };
enum class InputType {
  kString,
  kInt,
  kBool,
  kEnum,
  kHostname,
  kIp,
  kCidr,
  kUrl,
  kDuration,
  kSize,
};

struct InputSpec {
  std::string name;  // [A-Z_][A-Z0-9_]{0,127}, not on the deny list of model/environment.h
  bool required = false;
  bool sensitive = false;
  InputSource source = InputSource::kEither;
  InputType type = InputType::kString;
  bool multiline = false;
  bool from_peer = false;
  std::string description;
  std::string pattern;              // ECMAScript, whole value; empty: any
  std::vector<std::string> values;  // of an enum
  std::optional<std::int64_t> min, max;
  std::optional<std::string> default_value;  // from profile.env
};

// A short command beside the main one: `ready`, `check`, `undo`.
struct ProbeSpec {
  std::vector<std::string> run;              // argv; empty: there is none
  std::uint64_t interval_usec = 2'000'000;   // of `ready`
  std::uint64_t timeout_usec = 180'000'000;  // of all tries together for `ready`, else of the run
  explicit operator bool() const { return !run.empty(); }
};

struct NeedSpec {
  std::string phase;  // of the peers
  std::string condition = "Ready";
  std::string count = "any";  // any, all, or a number
};

struct OutputSpec {
  std::string name;
  bool share = false;  // share: cluster
  bool sensitive = false;
};

struct RetrySpec {
  std::uint64_t attempts = 5;
  std::uint64_t backoff_usec = 2'000'000;
  std::uint64_t max_backoff_usec = 300'000'000;
};

struct LimitSpec {
  std::uint64_t memory_bytes = 0;  // 0: none
  std::uint64_t cpu_percent = 0;
  std::uint64_t tasks = 0;
};

enum class StepKind { kTask, kService };

struct StepSpec {
  std::string id;  // [a-z0-9][a-z0-9-]*
  StepKind kind = StepKind::kTask;
  std::vector<std::string> run;      // a relative first word is inside the package
  std::string start_unit;            // startUnit: an existing unit instead of run
  std::string core_mode;             // core: the phase's part of productive-k3s Core instead of run
  std::string unit_name;             // unitName of a service, else empty
  std::map<std::string, Json> unit;  // systemd properties from the allow list
  std::string user;                  // empty: root
  std::vector<NeedSpec> needs;
  std::vector<std::string> after;  // step ids of this phase; the default is filled in
  std::vector<std::string> inputs;
  std::vector<OutputSpec> outputs;
  std::vector<std::string> files;  // as written; the digest below is what counts
  std::string files_digest;        // hex SHA-256 over the package files that the step can reach
  ProbeSpec ready, check, undo;
  std::uint64_t timeout_usec = 900'000'000;
  RetrySpec retry;
  bool idempotent = false;
  std::vector<int> success_codes = {0};
  std::vector<int> reboot_codes = {194};
  LimitSpec limits;
  std::string when_input, when_is;  // empty: always
  std::string condition;            // that the phase has once this step is done; empty: none
};

struct Profile {
  std::string name;  // no slash, no leading dot
  std::string version;
  std::string category;
  std::string scenario;  // spec.scenario.type
  std::string engine;    // spec.engine.type
  std::string install_script;
  std::vector<std::string> os, architectures;
  // infra, core, klubster; of a mapping below infra or core one entry a key: "core.minVersion"
  std::map<std::string, std::string> requires_versions;
  std::vector<InputSpec> inputs;
  std::map<std::string, std::vector<StepSpec>> modes;  // phase -> steps in written order
  std::map<std::string, StepSpec> commands;
  std::vector<std::string> warnings;

  const InputSpec* find_input(std::string_view name) const;
};

// Canonical JSON: sorted keys, defaults included. from_json reads exactly that and nothing else:
// kInvalid, reason "ManifestInvalid", for anything a worker could have made up (unknown mode, bad
// id, unknown `after`, property off the allow list, …): the daemon does not believe the worker.
Json to_json(const Profile& profile);
Json to_json(const StepSpec& step);
Result<Profile> profile_from_json(const Json& json);

// The keys of the config tree with values for inputs that are sensitive: "inputs/NAME".
std::set<std::string> sensitive_keys(const Profile& profile);

// systemd properties that a manifest's `unit` may set, with how D-Bus wants them.
enum class UnitPropertyType { kString, kBool, kUint64, kUsec, kStringList, kOctal };
struct UnitProperty {
  std::string_view name;  // systemd's own name in unit files: "LimitNOFILE", "TimeoutStopSec"
  UnitPropertyType type;
  const char* dbus_name;  // as StartTransientUnit wants it: "LimitNOFILE", "TimeoutStopUSec"
};
// nullptr when a manifest may not set it. Values in StepSpec::unit have the form that
// unit_property_value() in model/profile_rules.h makes.
const UnitProperty* find_unit_property(std::string_view name);
std::vector<std::string> unit_property_names();

}  // namespace klubster
