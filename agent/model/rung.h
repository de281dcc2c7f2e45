// How far the recovery ladder goes (state-recovery.md): each rung after the one before.
#pragma once

#include <optional>
#include <string_view>

namespace klubster {

enum class Rung {
  kNone,      // retry the step, and nothing else
  kReboot,    // reboot the machine
  kRollBack,  // return to the last good generation
  kRecovery,  // recovery mode
};

// The word of recovery/action: "none", "reboot", "rollback", "recovery".
constexpr std::string_view to_string(Rung rung) {
  constexpr std::string_view kWords[] = {"none", "reboot", "rollback", "recovery"};
  return kWords[static_cast<int>(rung)];
}

// nullopt: no such word.
constexpr std::optional<Rung> rung_of(std::string_view word) {
  for (const Rung rung : {Rung::kNone, Rung::kReboot, Rung::kRollBack, Rung::kRecovery}) {
    if (to_string(rung) == word) return rung;
  }
  return std::nullopt;
}

}  // namespace klubster
