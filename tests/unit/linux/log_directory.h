// An event log for one test: written by the real writer, damaged by hand, looked at as users do.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <map>

#include "base/log.h"
#include "linux/event_log.h"
#include "linux/log_files.h"
#include "linux/log_history.h"
#include "model/event_line.h"
#include "tests/unit/catch.h"
#include "tests/unit/temporary_directory.h"

namespace klubster {

// Few events make many segments.
inline constexpr LogLimits kSmallLimits = {
    .segment_bytes = 2000, .log_bytes = 1 << 20, .snapshot_events = 100'000};

struct Opened {
  NodeState state;
  std::string damage;
};

class LogDirectory : public TemporaryDirectory {
 public:
  LogDirectory() : TemporaryDirectory(quick_place()) {
    set_log_sink([](LogLevel, std::string_view, const LogFields&) {});  // damage is expected here
  }

  std::string log() const { return path() + "/log"; }
  std::string file(const std::string& name) const { return log() + "/" + name; }
  std::string segment(std::uint64_t number = 1) const { return file(log_segment_name(number)); }
  std::string bytes(const std::string& path) const { return *read_file(path, 64 << 20); }
  void put(const std::string& path, std::string_view bytes) const {
    REQUIRE(write_file(path, bytes, 0600).has_value());
  }
  void remove(const std::string& name) const { std::filesystem::remove_all(file(name)); }
  bool has(const std::string& name) const { return std::filesystem::exists(file(name)); }

  // The state of each number of events, 0 included.
  const std::vector<NodeState>& states() const { return states_; }
  NodeState last_state() const { return states_.back(); }

  EventLog open(const LogLimits& limits = {}) const {
    auto log = EventLog::open(log_path(), "boot", limits);
    if (!log) FAIL(log.error().message());
    return std::move(*log);
  }
  // A start, as klubsterd makes it.
  Opened start(const LogLimits& limits = {}) const {
    auto log = open(limits);
    Opened opened;
    opened.damage = log.damage();
    opened.state = log.take_state();
    return opened;
  }

  // Appends `count` events, each in one write, and tidies up after each.
  void append(int count, const LogLimits& limits = {}) {
    auto log = open(limits);
    NodeState state = log.take_state();
    // As once the boot is good.
    if (log.format() == kNewestLogFormat) REQUIRE(log.raise_format().has_value());
    states_.resize(state.last_seq + 1);
    for (int i = 0; i < count; ++i) {
      std::vector<Event> events = {config_accepted("hash " + std::to_string(state.last_seq + 1))};
      if (state.last_seq % 3 == 1) events = {booted("normal", "event " + std::to_string(i))};
      REQUIRE(log.append(events).has_value());
      state.fold(events[0]);
      states_.push_back(state);
      auto tidied = log.tidy(state);
      if (!tidied) FAIL(tidied.error().message());
    }
  }

  // What starts and readers say of the log: never a state that was not.
  void require_true_state(const NodeState& state) const {
    REQUIRE(state.last_seq < states_.size());
    REQUIRE(state == states_[state.last_seq]);
  }

  std::size_t count(const std::string& part) const {
    std::size_t found = 0;
    for (const auto& entry : std::filesystem::directory_iterator(log())) {
      if (entry.path().filename().string().find(part) != std::string::npos) ++found;
    }
    return found;
  }
  std::map<std::string, std::string> contents() const {
    std::map<std::string, std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(log()))
      found[entry.path().filename()] = entry.is_regular_file() ? bytes(entry.path()) : "";
    return found;
  }
  void restore(const std::map<std::string, std::string>& contents) const {
    std::filesystem::remove_all(log());
    std::filesystem::create_directory(log());
    for (const auto& [name, text] : contents)
      put(file(name), text);
  }

 private:
  // In memory: these tests make thousands of syncs, and none of them is about the disk.
  static std::filesystem::path quick_place() {
    const std::filesystem::path memory = "/dev/shm";
    const bool usable = ::access(memory.c_str(), W_OK | X_OK) == 0;
    return usable ? memory : std::filesystem::temp_directory_path();
  }
  std::string log_path() const { return path() + "/log"; }
  std::vector<NodeState> states_ = {NodeState()};
};

}  // namespace klubster
