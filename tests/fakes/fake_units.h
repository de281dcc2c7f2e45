// A UnitRunner that holds state like systemd does, for tests. tests/contract runs the same cases
// against it and against a real service manager.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "engine/ports.h"

namespace klubster {

// What survives a restart of the agent: the service manager and its units. Commands are told apart
// by their first word: /bin/true, /bin/false and names below /nowhere/ end at once, everything else
// runs until finish().
class FakeManager {
 public:
  struct Unit {
    UnitSnapshot snapshot;
    bool service = false;
    std::vector<int> success_codes = {};  // beside 0
  };

  std::map<std::string, Unit> units;
  std::map<std::string, int> started;  // how often each name was started
  bool stopping = false;
  bool conditions_fail = false;  // of the machine's own units
  int reboots = 0;

  // A running unit's main process ends.
  void finish(const std::string& name, int exit_code);
  // A signal ends it, from whomever.
  void kill(const std::string& name, int signal);
  // Its TimeoutStartUSec is over.
  void time_out(const std::string& name);
  // The machine loses power: transient units are gone.
  void power_cut() { units.clear(); }

  UnitSnapshot look(const std::string& name) const;
  std::function<void(const std::string&)> changed;  // set by the runner that watches
  std::function<void()> before_action;              // may throw: the start or release never happens

 private:
  friend class FakeUnits;
  void start(const TransientUnit& unit);
  void end(Unit& unit, int exit_code);
  void fail(const std::string& name, const std::string& result, int code, int status);
};

class FakeUnits : public UnitRunner {
 public:
  explicit FakeUnits(FakeManager& manager);

  void on_change(std::function<void(const UnitSnapshot&)> handler) override {
    handler_ = std::move(handler);
  }
  void watch(const std::string& unit) override;
  void start(const TransientUnit& unit) override;
  void start_existing(const std::string& unit) override;
  void release(const std::string& unit) override;
  void reboot() override;

  // The next start is refused, as if somebody had taken the name meanwhile.
  void refuse_next_start() { refuse_next_ = true; }
  // Delivers one pending answer; false when there is none.
  bool deliver();
  void deliver_all() {
    while (deliver()) {
    }
  }

 private:
  FakeManager& manager_;
  std::function<void(const UnitSnapshot&)> handler_;
  std::set<std::string> watched_;
  std::deque<UnitSnapshot> pending_;
  bool refuse_next_ = false;
};

}  // namespace klubster
