// What kind of boot this is (state-recovery.md). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace klubster {

enum class BootKind { kFirst, kNormal, kAfterCrash, kTrial, kRollback, kRecovery, kDegraded };
// "first", "after-crash", …
std::string_view to_string(BootKind kind);

// How the boot before this one ended, as far as the agent knows.
enum class LastStop { kUnknown, kOrderly, kCutOff };

// Whether the config tree could be used. kNone: there never was one that could, so none is missed.
enum class TreeVerdict { kUnknown, kNone, kReadable, kRefused };

// What a boot loader that counts tries says of the image that it started (the Boot Loader
// Specification, "Boot counting"). kUnknown: no such boot loader.
enum class LoaderVerdict { kUnknown, kGood, kCounting, kExhausted };
// Of the path that systemd-boot leaves in the EFI variable LoaderBootCountPath:
// "/loader/entries/image-7+2-1.conf" has two tries left. Without such an ending: kGood.
LoaderVerdict loader_verdict_of(std::string_view count_path);

struct BootFacts {
  bool recovery_asked = false;  // klubster.recovery=1 on the kernel command line
  std::string recovery = {};  // why recovery mode, entered before this boot, is still on; or empty

  bool log_found = false;               // it has events
  std::string damage = {};              // of the event log; empty: it is sound
  bool remains = false;                 // something else of the state is there
  std::string reset_by = {};            // who ordered the reset that emptied the state
  std::string generation_trouble = {};  // why the generation cannot be restored

  bool same_boot_id = false;  // as the last boot: then nothing is known
  LastStop last_stop = LastStop::kUnknown;
  TreeVerdict tree = TreeVerdict::kUnknown;
  LoaderVerdict loader = LoaderVerdict::kUnknown;

  std::uint64_t generation = 0;   // 0: none yet
  bool on_trial = false;          // it was never ready on this node
  std::uint64_t rollback_of = 0;  // it went back to the content of this one; 0: no
  std::uint64_t reboots = 0;      // that the recovery ladder has ordered for it in a row
};

// What the reason of a degraded boot begins with when the agent does not know all of its past.
inline constexpr std::string_view kLogTrouble = "the event log is ";

struct BootVerdict {
  BootKind kind = BootKind::kDegraded;
  std::string reason;
};

// The first of these that holds: recovery, degraded, first, rollback, trial, after-crash; normal
// when each of the facts says so. The reason names everything that is not as it should be, what
// made the kind first.
BootVerdict kind_of_boot(const BootFacts& facts);

}  // namespace klubster
