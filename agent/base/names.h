// Every path, bus name and unit name that more than one place must agree on.
#pragma once

#include <string_view>

namespace klubster::names {

// Directories.
inline constexpr std::string_view kStateDir = "/var/lib/klubster";
inline constexpr std::string_view kPeerStateDir = "/var/lib/klubster-peer";
inline constexpr std::string_view kRunDir = "/run/klubster";
inline constexpr std::string_view kCredentialsDir = "/run/klubster/credentials";
inline constexpr std::string_view kProgramDir = "/usr/lib/klubster";

// What `klubster hardware` found, for a daemon whose sandbox hides it.
inline constexpr std::string_view kHardwareFile = "/run/klubster/hardware.json";

// What a worker or a step sees at fixed places, brought there by BindPaths=.
inline constexpr std::string_view kUnitRunDir = "/run/klubster-unit";
inline constexpr std::string_view kWorkerResult = "/run/klubster-unit/result";
inline constexpr std::string_view kWorkerStaging = "/run/klubster-unit/staging";
inline constexpr std::string_view kStepOutputs = "/run/klubster-unit/outputs";
inline constexpr std::string_view kStepMembers = "/run/klubster-unit/members.json";

// What was imported from a medium, and how that went.
inline constexpr std::string_view kMediaDir = "/var/lib/klubster/media";
inline constexpr std::string_view kMediaRecord = "/var/lib/klubster/media.json";

// Roots of the config tree, lowest first: the image's, the administrator's, this machine's,
// until the next reboot.
inline constexpr std::string_view kConfigRoots[] = {
    "/usr/share/klubster", "/etc/klubster", "/var/lib/klubster/config", "/run/klubster/config"};

// Units.
inline constexpr std::string_view kAgentUnit = "klubster.service";
inline constexpr std::string_view kPeerUnit = "klubster-peerd.service";
inline constexpr std::string_view kSlice = "klubster.slice";

// D-Bus.
inline constexpr const char* kAgentBus = "org.klubster.Agent1";
inline constexpr const char* kAgentPath = "/org/klubster/Agent1";
inline constexpr const char* kPeersBus = "org.klubster.Peers1";
inline constexpr const char* kPeersPath = "/org/klubster/Peers1";
inline constexpr std::string_view kBusErrorPrefix = "org.klubster.Error.";

// Bytes of JSON that a worker's result, a record or a peer's body may have.
inline constexpr std::size_t kSmallJsonBytes = 64 * 1024;

}  // namespace klubster::names
