// What the engine relies on behind UnitRunner, against the fake and against a real `systemd
// --user`.
#include <functional>
#include <map>
#include <memory>

#include "engine/outcome.h"
#include "linux/bus.h"
#include "linux/systemd_units.h"
#include "tests/fakes/fake_units.h"
#include "tests/unit/catch.h"

using namespace klubster;

namespace {

constexpr std::uint64_t kDeadlineUsec = 20'000'000;

// A runner under test, and the means to let time pass until something holds.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual UnitRunner& runner() = 0;
  virtual void wait(const std::function<bool()>& holds) = 0;

  void collect() {
    runner().on_change([this](const UnitSnapshot& unit) { seen[unit.name] = unit; });
  }
  UnitSnapshot wait_for(const std::string& name, UnitPhase phase, bool service = false) {
    wait([&] { return seen.count(name) > 0 && classify(seen[name], service).phase == phase; });
    INFO(name << ": " << seen[name].load_state << " " << seen[name].active_state << " "
              << seen[name].result);
    CHECK(classify(seen[name], service).phase == phase);
    return seen[name];
  }
  std::map<std::string, UnitSnapshot> seen;
};

class FakeSubject : public Subject {
 public:
  FakeSubject() { collect(); }
  UnitRunner& runner() override { return units_; }
  void wait(const std::function<bool()>& holds) override {
    while (!holds() && units_.deliver()) {
    }
  }

 private:
  FakeManager manager_;
  FakeUnits units_{manager_};
};

class RealSubject : public Subject {
 public:
  RealSubject() : loop_(*EventLoop::create()), bus_(*Bus::open_user(loop_)), units_(bus_) {
    collect();
  }
  UnitRunner& runner() override { return units_; }
  void wait(const std::function<bool()>& holds) override {
    bool late = false;
    const EventSource deadline = loop_.after(kDeadlineUsec, [&late] { late = true; });
    loop_.run_until([&] { return holds() || late; });
  }

 private:
  EventLoop loop_;
  Bus bus_;
  SystemdUnits units_;
};

std::unique_ptr<Subject> make_subject(bool real) {
  if (real) return std::make_unique<RealSubject>();
  return std::make_unique<FakeSubject>();
}

TransientUnit unit_of(const std::string& name, std::vector<std::string> argv,
                      const std::string& type = "oneshot") {
  TransientUnit unit;
  unit.name = name;
  unit.set("Type", type);
  if (type == "oneshot") unit.set("RemainAfterExit", true);
  unit.set("ExecStartEx", ExecCommand{std::move(argv)});
  unit.set("TimeoutStartUSec", std::uint64_t{10'000'000});
  return unit;
}

std::string fresh_name(const std::string& what) {
  return "klubster-test-" + what + "-" + std::to_string(now_boottime_usec()) + ".service";
}

}  // namespace

TEST_CASE("a name that never existed is absent, not a success", "[contract]") {
  const auto subject = make_subject(GENERATE(false, true));
  subject->runner().watch("klubster-test-never.service");
  subject->wait_for("klubster-test-never.service", UnitPhase::kAbsent);
}

TEST_CASE("a task that ends with 0 has succeeded and stays readable until it is released",
          "[contract]") {
  const auto subject = make_subject(GENERATE(false, true));
  const std::string name = fresh_name("true");
  subject->runner().start(unit_of(name, {"/bin/true"}));
  subject->wait_for(name, UnitPhase::kSucceeded);
  CHECK_FALSE(subject->seen[name].invocation.empty());
  subject->runner().release(name);
  subject->wait_for(name, UnitPhase::kAbsent);
}

TEST_CASE("a task that ends with another code has failed with it", "[contract]") {
  const auto subject = make_subject(GENERATE(false, true));
  const std::string name = fresh_name("false");
  subject->runner().start(unit_of(name, {"/bin/false"}));
  const UnitSnapshot unit = subject->wait_for(name, UnitPhase::kFailed);
  CHECK(classify(unit, false).reason == "ExitCode");
  CHECK(unit.exec_status == 1);
  subject->runner().release(name);
  subject->wait_for(name, UnitPhase::kAbsent);
}

TEST_CASE("a program that is not there is a failed set-up", "[contract]") {
  const auto subject = make_subject(GENERATE(false, true));
  const std::string name = fresh_name("nowhere");
  subject->runner().start(unit_of(name, {"/nowhere/program"}));
  const UnitSnapshot unit = subject->wait_for(name, UnitPhase::kFailed);
  CHECK(classify(unit, false).reason == "SetupFailed");
  CHECK(unit.exec_status == 203);
  subject->runner().release(name);
  subject->wait_for(name, UnitPhase::kAbsent);
}

TEST_CASE("a name that is taken is refused: a free lock", "[contract]") {
  const auto subject = make_subject(GENERATE(false, true));
  const std::string name = fresh_name("taken");
  subject->runner().start(unit_of(name, {"/bin/sleep", "60"}));
  subject->wait_for(name, UnitPhase::kRunning);
  subject->seen.clear();
  subject->runner().start(unit_of(name, {"/bin/true"}));
  const UnitSnapshot unit = subject->wait_for(name, UnitPhase::kFailed);
  CHECK(classify(unit, false).reason == "UnitExists");
  subject->runner().release(name);
  subject->wait([&] { return !subject->seen[name].start_error && !subject->seen[name].found(); });
  CHECK_FALSE(subject->seen[name].found());
}

TEST_CASE("a running task is stopped by releasing it", "[contract]") {
  const auto subject = make_subject(GENERATE(false, true));
  const std::string name = fresh_name("sleep");
  subject->runner().start(unit_of(name, {"/bin/sleep", "60"}));
  subject->wait_for(name, UnitPhase::kRunning);
  subject->runner().release(name);
  subject->wait_for(name, UnitPhase::kAbsent);
}

TEST_CASE("a service is up while it runs", "[contract]") {
  const auto subject = make_subject(GENERATE(false, true));
  const std::string name = fresh_name("service");
  subject->runner().start(unit_of(name, {"/bin/sleep", "60"}, "exec"));
  subject->wait_for(name, UnitPhase::kUp, true);
  subject->runner().release(name);
  subject->wait_for(name, UnitPhase::kAbsent, true);
}

TEST_CASE("a service that ends well is collected at once", "[contract]") {
  const auto subject = make_subject(GENERATE(false, true));
  const std::string name = fresh_name("ends");
  subject->runner().start(unit_of(name, {"/bin/true"}, "exec"));
  subject->wait_for(name, UnitPhase::kAbsent, true);
}

TEST_CASE("a new client finds a running unit by name and hears of its end", "[contract]") {
  const std::string name = fresh_name("adopted");
  {
    RealSubject first;
    first.runner().start(unit_of(name, {"/bin/sleep", "1"}));
    first.wait_for(name, UnitPhase::kRunning);
  }
  RealSubject second;
  second.runner().watch(name);
  second.wait_for(name, UnitPhase::kRunning);
  second.wait_for(name, UnitPhase::kSucceeded);
  second.runner().release(name);
  second.wait_for(name, UnitPhase::kAbsent);
}

TEST_CASE("a dollar sign and a percent sign reach the program as they are", "[contract]") {
  RealSubject subject;
  const std::string name = fresh_name("dollar");
  subject.runner().start(
      unit_of(name, {"/bin/sh", "-c", "test \"$1\" = '$HOME %n $$'", "sh", "$HOME %n $$"}));
  subject.wait_for(name, UnitPhase::kSucceeded);
  subject.runner().release(name);
  subject.wait_for(name, UnitPhase::kAbsent);
}

TEST_CASE("a task that takes too long is stopped and says so", "[contract]") {
  RealSubject subject;
  const std::string name = fresh_name("slow");
  TransientUnit unit = unit_of(name, {"/bin/sleep", "60"});
  unit.properties.back().second = std::uint64_t{200'000};
  subject.runner().start(unit);
  const UnitSnapshot seen = subject.wait_for(name, UnitPhase::kFailed);
  CHECK(classify(seen, false).reason == "TimedOut");
  subject.runner().release(name);
  subject.wait_for(name, UnitPhase::kAbsent);
}
