// Clearing the environment.
#include "linux/environment.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace klubster {

namespace {

constexpr std::string_view kKept[] = {
    "PATH", "HOME", "USER", "LANG", "TERM", "TMPDIR",
    // systemd.exec(5)
    "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "CREDENTIALS_DIRECTORY", "JOURNAL_STREAM",
    "INVOCATION_ID", "STATE_DIRECTORY", "RUNTIME_DIRECTORY", "LISTEN_FDS", "LISTEN_PID",
    // Where the bus is
    "DBUS_SYSTEM_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"};

bool is_kept(std::string_view name) {
  if (name.starts_with("KLUBSTER_") || name.starts_with("LC_")) return true;
  // The sanitizers of a test build read theirs at exit.
  if (name.ends_with("SAN_OPTIONS")) return true;
  return std::find(std::begin(kKept), std::end(kKept), name) != std::end(kKept);
}

}  // namespace

void clear_environment() {
  std::vector<std::string> removed;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto name = text.substr(0, text.find('='));
    if (!is_kept(name)) removed.emplace_back(name);
  }
  for (const auto& name : removed)
    ::unsetenv(name.c_str());
}

}  // namespace klubster
