// Every path, bus name and unit name that more than one place must agree on.
#pragma once

#include <string_view>

#include "base/program_dir.h"

namespace klubster::names {

// Directories.
inline constexpr std::string_view kStateDir = "/var/lib/klubster";
inline constexpr std::string_view kPeerStateDir = "/var/lib/klubster-peer";
inline constexpr std::string_view kResetOrder = "reset.json";  // in kStateDir
inline constexpr std::string_view kRunDir = "/run/klubster";

// What `klubster hardware` found, for a daemon whose sandbox hides it.
inline constexpr std::string_view kHardwareFile = "/run/klubster/hardware.json";

// agetty watches it and draws its prompt anew.
inline constexpr std::string_view kAgettyReload = "/run/agetty.reload";

// What a worker or a step sees at fixed places, brought there by BindPaths=.
inline constexpr std::string_view kWorkerResult = "/run/klubster-unit/result";
inline constexpr std::string_view kWorkerStaging = "/run/klubster-unit/staging";
inline constexpr std::string_view kStepOutputs = "/run/klubster-unit/outputs";

// How a plan names the program that runs productive-k3s Core. Where it really is depends on the
// installation, which an upgrade may move: no fingerprint must change by that.
inline constexpr std::string_view kCoreWord = "/usr/lib/klubster/klubster-core";
// In a step's directory: what anybody may see of Core's last run there.
inline constexpr std::string_view kCoreRunFile = "core-run.json";

// The config of a generation, below generations/<number>/ in kStateDir, and how long it may be.
inline constexpr const char* kGenerationConfig = "config.json";
inline constexpr std::size_t kGenerationJsonBytes = 4 * 1024 * 1024;

// What was imported from a medium, and how that went; both in kStateDir.
inline constexpr std::string_view kMediaDir = "media";
inline constexpr std::string_view kMediaRecord = "media.json";

// Roots of the config tree, lowest first: the image's, the administrator's, this machine's,
// until the next reboot.
inline constexpr std::string_view kConfigRoots[] = {
    "/usr/share/klubster", "/etc/klubster", "/var/lib/klubster/config", "/run/klubster/config"};

// Units.
inline constexpr std::string_view kAgentUnit = "klubster.service";
inline constexpr std::string_view kPeerUnit = "klubster-peerd.service";
inline constexpr std::string_view kResetUnit = "klubster-reset.service";
inline constexpr std::string_view kRecoveryTarget = "klubster-recovery.target";
inline constexpr std::string_view kSlice = "klubster.slice";
// Of scopes with what a service left running (KillMode=process), so that its own name is free.
inline constexpr std::string_view kLeftScopePrefix = "klubster-left-";

// D-Bus.
inline constexpr const char* kAgentBus = "org.klubster.Agent1";
inline constexpr const char* kAgentPath = "/org/klubster/Agent1";
inline constexpr const char* kPeersBus = "org.klubster.Peers1";
inline constexpr const char* kPeersPath = "/org/klubster/Peers1";
inline constexpr std::string_view kBusErrorPrefix = "org.klubster.Error.";

// What polkit is asked for; units/org.klubster.policy describes each.
inline constexpr const char* kActionApply = "org.klubster.agent.apply";
inline constexpr const char* kActionReload = "org.klubster.agent.reload";
inline constexpr const char* kActionCollect = "org.klubster.agent.collect";
inline constexpr const char* kActionLeave = "org.klubster.agent.leave";
inline constexpr const char* kActionDestroy = "org.klubster.agent.destroy";
inline constexpr const char* kActionReset = "org.klubster.agent.reset";
inline constexpr const char* kActionRun = "org.klubster.agent.run";
inline constexpr const char* kActionInitCluster = "org.klubster.agent.init-cluster";
inline constexpr const char* kActionReboot = "org.klubster.agent.reboot";
inline constexpr const char* kActionRecover = "org.klubster.agent.recover";
inline constexpr const char* kActionRollback = "org.klubster.agent.rollback";

// Bytes of JSON that a record or a peer's body may have.
inline constexpr std::size_t kSmallJsonBytes = 64 * 1024;
// The same of a worker's result: the manifest of a profile with 200 steps has 100 KiB.
inline constexpr std::size_t kResultJsonBytes = 256 * 1024;
// The same of what klubster-peerd tells the daemon: all facts, all members' addresses, and a word
// of each node that it knows, of as many strangers as it remembers.
inline constexpr std::size_t kPeerNewsBytes = 16 * 1024 * 1024;

}  // namespace klubster::names
