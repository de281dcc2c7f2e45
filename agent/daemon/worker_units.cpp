// One sandbox for all, opened only as far as each worker needs.
#include "daemon/worker_units.h"

#include <cstdlib>

#include "base/names.h"

namespace klubster {

namespace {

// A download ends when it stalls (the client's low-speed limit), not when it is long.
constexpr std::uint64_t kFetchTimeoutUsec = 24 * 3600 * 1'000'000ULL;
// What does not end when it is told to has nothing to lose.
constexpr std::uint64_t kStopUsec = 5 * 1'000'000ULL;
constexpr std::uint64_t kUnpackTimeoutUsec = 1800 * 1'000'000ULL;
// Sixteen events, each with its own limits.
constexpr std::uint64_t kSenderTimeoutUsec = 300 * 1'000'000ULL;
constexpr std::uint64_t kStoreTimeoutUsec = 600 * 1'000'000ULL;

// linux/capability.h
constexpr std::uint64_t kCapChown = 1ULL << 0;
constexpr std::uint64_t kCapDacOverride = 1ULL << 1;
constexpr std::uint64_t kCapFowner = 1ULL << 3;

std::string program(const char* name) {
  return std::string(names::kProgramDir) + "/" + name;
}

void set_common(TransientUnit& unit) {
  for (const char* on :
       {"RemainAfterExit", "NoNewPrivileges", "PrivateTmp", "PrivateDevices", "PrivateIPC",
        "ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs",
        "ProtectControlGroups", "ProtectClock", "ProtectHostname", "RestrictRealtime",
        "RestrictSUIDSGID", "LockPersonality", "MemoryDenyWriteExecute", "RemoveIPC",
        "CPUAccounting", "MemoryAccounting", "IOAccounting"}) {
    unit.set(on, true);
  }
  unit.set("Type", std::string("oneshot"));
  unit.set("Slice", std::string(names::kSlice));
  unit.set("ProtectSystem", std::string("strict"));
  unit.set("ProtectHome", std::string("yes"));
  unit.set("ProtectProc", std::string("invisible"));
  unit.set("ProcSubset", std::string("pid"));
  unit.set("DevicePolicy", std::string("closed"));
  unit.set("KeyringMode", std::string("private"));
  unit.set("RestrictNamespaces", std::uint64_t{0});
  unit.set("AmbientCapabilities", std::uint64_t{0});
  unit.set("UMask", std::uint32_t{0077});
  unit.set("LimitCORE", std::uint64_t{0});
  unit.set("TimeoutStopUSec", kStopUsec);
  unit.set("SystemCallArchitectures", Texts{"native"});
  unit.set("SystemCallFilter", FilterList{true, {"@system-service"}});
  unit.set("SystemCallErrorNumber", std::int32_t{1});  // EPERM instead of a signal
}

void set_no_network(TransientUnit& unit) {
  unit.set("PrivateNetwork", true);
  // sd_notify's socket; nothing else leaves.
  unit.set("RestrictAddressFamilies", FilterList{true, {"AF_UNIX"}});
}

void set_throw_away_user(TransientUnit& unit) {
  unit.set("DynamicUser", true);
  unit.set("PrivateUsers", true);
  unit.set("CapabilityBoundingSet", std::uint64_t{0});
  unit.set("SystemCallFilter", FilterList{false, {"@privileged", "@resources"}});
}

void set_network_alone(TransientUnit& unit) {
  set_throw_away_user(unit);
  unit.set("RestrictAddressFamilies", FilterList{true, {"AF_UNIX", "AF_INET", "AF_INET6"}});
  unit.set("InaccessiblePaths", Texts{"-" + std::string(names::kStateDir), "-/etc/klubster"});
}

void set_request(TransientUnit& unit, const WorkerFiles& files) {
  unit.set("LoadCredential",
           std::vector<std::pair<std::string, std::string>>{{"request", files.request}});
}

void set_program(TransientUnit& unit, const std::string& name, const std::string& step,
                 const std::string& phase) {
  unit.set("ExecStart", ExecCommand{{program(name.c_str())}});
  unit.set("SyslogIdentifier", name);
  unit.set("LogExtraFields", JournalFields{{"KLUBSTER_STEP=" + step, "KLUBSTER_PHASE=" + phase}});
}

// A collection has nothing to look for in the log and beside it. What it does collect stays on one
// mount, so that it can be renamed.
Texts closed_to_store(WorkerStage stage, const std::string& state_dir) {
  Texts closed = {"-/etc/klubster"};
  if (stage != WorkerStage::kCollect) return closed;
  for (const char* part : {"log", "facts", "steps", "config", "media"})
    closed.push_back("-" + state_dir + "/" + part);
  return closed;
}

}  // namespace

TransientUnit make_worker_unit(const StartWorker& start, const WorkerFiles& files) {
  TransientUnit unit;
  unit.name = start.unit;
  unit.set("Description", "klubster worker: " + std::string(to_string(start.stage)));
  set_common(unit);
  set_request(unit, files);
  std::vector<Bind> binds = {{files.result, std::string(names::kWorkerResult)}};
  std::string name;
  switch (start.stage) {
    case WorkerStage::kSignature:
    case WorkerStage::kPackage:
      name = "klubster-fetch";
      set_network_alone(unit);
      unit.set("StandardOutputFileDescriptor", files.output);
      // The promised size holds for a worker that was taken over, too.
      unit.set("LimitFSIZE", files.limit_bytes);
      unit.set("NotifyAccess", std::string("main"));  // its progress
      unit.set("TimeoutStartUSec", kFetchTimeoutUsec);
      break;
    case WorkerStage::kUnpack:
      name = "klubster-unpack";
      set_throw_away_user(unit);
      set_no_network(unit);
      unit.set("TemporaryFileSystem",
               std::vector<std::pair<std::string, std::string>>{{"/var", "ro"}});
      unit.set("InaccessiblePaths", Texts{"-/etc/klubster", "-/root", "-/boot"});
      unit.set("StandardInputFileDescriptor", files.input);
      unit.set("TimeoutStartUSec", kUnpackTimeoutUsec);
      binds.push_back({files.staging, std::string(names::kWorkerStaging)});
      break;
    case WorkerStage::kSeal:
    case WorkerStage::kCollect:
      name = "klubster-store";
      set_no_network(unit);
      unit.set("CapabilityBoundingSet", kCapChown | kCapDacOverride | kCapFowner);
      unit.set("SystemCallFilter", FilterList{false, {"@resources"}});
      unit.set("InaccessiblePaths", closed_to_store(start.stage, files.state_dir));
      if (!files.read_only) unit.set("ReadWritePaths", Texts{files.state_dir});
      unit.set("TimeoutStartUSec", kStoreTimeoutUsec);
      break;
  }
  unit.set("BindPaths", binds);
  set_program(unit, name, std::string(to_string(start.stage)), "profile");
  return unit;
}

TransientUnit make_sender_unit(const std::string& name, const WorkerFiles& files) {
  TransientUnit unit;
  unit.name = name;
  unit.set("Description", std::string("klubster worker: telemetry"));
  set_common(unit);
  set_request(unit, files);
  set_network_alone(unit);
  unit.set("LimitFSIZE", std::uint64_t{names::kSmallJsonBytes});
  unit.set("TimeoutStartUSec", kSenderTimeoutUsec);
  unit.set("BindPaths", std::vector<Bind>{{files.result, std::string(names::kWorkerResult)}});
  set_program(unit, "klubster-fetch", "telemetry", "node");
  return unit;
}

}  // namespace klubster
