// What the engine relies on behind UnitRunner, against the fake and against a real systemd: a
// private `systemd --user`, or with KLUBSTER_TEST_SYSTEM_MANAGER the machine's own (in a node of
// the lab).
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
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
  // Somebody else sends the unit's main process a signal, or stops the unit.
  virtual void kill(const std::string& name, int signal) = 0;
  virtual void stop(const std::string& name) = 0;
  // The unit's time is over.
  virtual void time_out(const std::string&) {}

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
  void kill(const std::string& name, int signal) override { manager_.kill(name, signal); }
  void stop(const std::string& name) override { manager_.kill(name, SIGTERM); }
  void time_out(const std::string& name) override { manager_.time_out(name); }

 private:
  FakeManager manager_;
  FakeUnits units_{manager_};
};

bool of_the_system() {
  return std::getenv("KLUBSTER_TEST_SYSTEM_MANAGER") != nullptr;
}

class RealSubject : public Subject {
 public:
  RealSubject()
      : loop_(*EventLoop::create()),
        bus_(of_the_system() ? *Bus::open_system(loop_) : *Bus::open_user(loop_)),
        units_(loop_, bus_) {
    collect();
  }
  UnitRunner& runner() override { return units_; }
  void wait(const std::function<bool()>& holds) override {
    bool late = false;
    const EventSource deadline = loop_.after(kDeadlineUsec, [&late] { late = true; });
    loop_.run_until([&] { return holds() || late; });
  }
  void kill(const std::string& name, int signal) override {
    systemctl("kill --kill-who=main --signal=" + std::to_string(signal) + " " + name);
  }
  void stop(const std::string& name) override { systemctl("stop --no-block " + name); }

  static void systemctl(const std::string& words) {
    const std::string manager = of_the_system() ? "--system " : "--user ";
    REQUIRE(std::system(("systemctl " + manager + words).c_str()) == 0);
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
  unit.set("ExecStart", ExecCommand{std::move(argv)});
  unit.set("TimeoutStartUSec", std::uint64_t{10'000'000});
  return unit;
}

// A unit file that goes again.
class UnitOfMachine {
 public:
  UnitOfMachine(const std::string& name, const std::string& make) {
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    const std::string user = runtime == nullptr ? "" : runtime;
    const std::string directory = of_the_system() ? "/run/systemd/system" : user + "/systemd/user";
    path_ = directory + "/" + name;
    REQUIRE(std::system(("mkdir -p " + directory + " && " + make + path_).c_str()) == 0);
  }
  ~UnitOfMachine() { (void)std::remove(path_.c_str()); }
  UnitOfMachine(const UnitOfMachine&) = delete;
  UnitOfMachine& operator=(const UnitOfMachine&) = delete;

 private:
  std::string path_;
};

std::string fresh_name(const std::string& what) {
  return "klubster-test-" + what + "-" + std::to_string(now_boottime_usec()) + ".service";
}

}  // namespace

TEST_CASE("a name that never existed is absent, not a success", "[contract][units]") {
  const auto subject = make_subject(GENERATE(false, true));
  subject->runner().watch("klubster-test-never.service");
  subject->wait_for("klubster-test-never.service", UnitPhase::kAbsent);
}

TEST_CASE("a task that ends with 0 has succeeded and stays readable until it is released",
          "[contract][units]") {
  const auto subject = make_subject(GENERATE(false, true));
  const std::string name = fresh_name("true");
  subject->runner().start(unit_of(name, {"/bin/true"}));
  subject->wait_for(name, UnitPhase::kSucceeded);
  CHECK_FALSE(subject->seen[name].invocation.empty());
  subject->runner().release(name);
  subject->wait_for(name, UnitPhase::kAbsent);
}

TEST_CASE("a task that ends with another code has failed with it", "[contract][units]") {
  const auto subject = make_subject(GENERATE(false, true));
  const std::string name = fresh_name("false");
  subject->runner().start(unit_of(name, {"/bin/false"}));
  const UnitSnapshot unit = subject->wait_for(name, UnitPhase::kFailed);
  CHECK(classify(unit, false).reason == "ExitCode");
  CHECK(unit.exec_status == 1);
  subject->runner().release(name);
  subject->wait_for(name, UnitPhase::kAbsent);
}

TEST_CASE("a program that is not there is a failed set-up", "[contract][units]") {
  const auto subject = make_subject(GENERATE(false, true));
  const std::string name = fresh_name("nowhere");
  subject->runner().start(unit_of(name, {"/nowhere/program"}));
  const UnitSnapshot unit = subject->wait_for(name, UnitPhase::kFailed);
  CHECK(classify(unit, false).reason == "SetupFailed");
  CHECK(unit.exec_status == 203);
  subject->runner().release(name);
  subject->wait_for(name, UnitPhase::kAbsent);
}

TEST_CASE("a name that is taken is refused: a free lock", "[contract][units]") {
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

TEST_CASE("a running task is stopped by releasing it", "[contract][units]") {
  const auto subject = make_subject(GENERATE(false, true));
  const std::string name = fresh_name("sleep");
  subject->runner().start(unit_of(name, {"/bin/sleep", "60"}));
  subject->wait_for(name, UnitPhase::kRunning);
  subject->runner().release(name);
  subject->wait_for(name, UnitPhase::kAbsent);
}

TEST_CASE("a service is up while it runs", "[contract][units]") {
  const auto subject = make_subject(GENERATE(false, true));
  const std::string name = fresh_name("service");
  subject->runner().start(unit_of(name, {"/bin/sleep", "60"}, "exec"));
  subject->wait_for(name, UnitPhase::kUp, true);
  subject->runner().release(name);
  subject->wait_for(name, UnitPhase::kAbsent, true);
}

TEST_CASE("a service that ends well is collected at once", "[contract][units]") {
  const auto subject = make_subject(GENERATE(false, true));
  const std::string name = fresh_name("ends");
  subject->runner().start(unit_of(name, {"/bin/true"}, "exec"));
  subject->wait_for(name, UnitPhase::kAbsent, true);
}

TEST_CASE("a new client finds a running unit by name and hears of its end", "[contract][units]") {
  const std::string name = fresh_name("adopted");
  const std::string go = "/run/" + name + ".go";
  {
    RealSubject first;
    first.runner().start(
        unit_of(name, {"/bin/sh", "-c", "until test -e " + go + "; do sleep 0.05; done"}));
    first.wait_for(name, UnitPhase::kRunning);
  }
  RealSubject second;
  second.runner().watch(name);
  second.wait_for(name, UnitPhase::kRunning);
  std::ofstream(go) << "go\n";
  second.wait_for(name, UnitPhase::kSucceeded);
  (void)std::remove(go.c_str());
  second.runner().release(name);
  second.wait_for(name, UnitPhase::kAbsent);
}

TEST_CASE("a dollar sign and a percent sign reach the program as they are", "[contract][units]") {
  RealSubject subject;
  const std::string name = fresh_name("dollar");
  subject.runner().start(
      unit_of(name, {"/bin/sh", "-c", "test \"$1\" = '$HOME %n $$'", "sh", "$HOME %n $$"}));
  subject.wait_for(name, UnitPhase::kSucceeded);
  subject.runner().release(name);
  subject.wait_for(name, UnitPhase::kAbsent);
}

TEST_CASE("a unit keeps its command over a reload of the manager", "[contract][units]") {
  RealSubject subject;
  const std::string name = fresh_name("reloaded");
  const std::string expected = "/run/" + name + ".words";
  std::ofstream(expected) << "a \"%n\n";
  subject.runner().start(unit_of(name, {"/bin/grep", "-qxF", "a \"%n", expected}));
  subject.wait_for(name, UnitPhase::kSucceeded);
  subject.systemctl("daemon-reload");
  subject.systemctl("restart " + name);  // by the command that was read again; fails when it fails
  subject.seen.clear();
  subject.runner().watch(name);
  subject.wait_for(name, UnitPhase::kSucceeded);
  CHECK(subject.seen[name].load_state == "loaded");
  (void)std::remove(expected.c_str());
  subject.runner().release(name);
  subject.wait_for(name, UnitPhase::kAbsent);
}

TEST_CASE("a task that takes too long is stopped and says so", "[contract][units]") {
  const auto subject = make_subject(GENERATE(false, true));
  const std::string name = fresh_name("slow");
  TransientUnit unit = unit_of(name, {"/bin/sleep", "60"});
  unit.properties.back().second = std::uint64_t{200'000};
  subject->runner().start(unit);
  subject->time_out(name);
  const UnitSnapshot seen = subject->wait_for(name, UnitPhase::kFailed);
  CHECK(classify(seen, false).reason == "TimedOut");
  subject->runner().release(name);
  subject->wait_for(name, UnitPhase::kAbsent);
}

TEST_CASE("what a running task says of itself is told, and where it runs", "[contract][units]") {
  RealSubject subject;
  const bool speaks = GENERATE(false, true);
  const std::string name = fresh_name("speaks");
  TransientUnit unit =
      unit_of(name, {"/bin/sh", "-c", "systemd-notify --status=half; exec sleep 60"});
  if (speaks) unit.set("NotifyAccess", std::string("all"));
  subject.runner().start(unit);
  const UnitSnapshot first = subject.wait_for(name, UnitPhase::kRunning);
  CHECK_FALSE(first.invocation.empty());
  subject.wait([&] { return !subject.seen[name].control_group.empty(); });
  CHECK(subject.seen[name].invocation == first.invocation);
  if (speaks) subject.wait([&] { return !subject.seen[name].status_text.empty(); });
  CHECK(subject.seen[name].status_text == (speaks ? "half" : ""));
  subject.runner().release(name);
  subject.wait_for(name, UnitPhase::kAbsent);
}

TEST_CASE("a task that is killed says by which signal", "[contract][units]") {
  const int signal = GENERATE(SIGKILL, SIGSEGV, SIGTERM);
  const auto subject = make_subject(GENERATE(false, true));
  const std::string name = fresh_name("killed");
  subject->runner().start(unit_of(name, {"/bin/sleep", "60"}));
  subject->wait_for(name, UnitPhase::kRunning);
  subject->wait([&] { return subject->seen[name].exec_start_usec > 0; });
  subject->kill(name, signal);
  const UnitSnapshot seen = subject->wait_for(name, UnitPhase::kFailed);
  CHECK(seen.exec_status == signal);
  CHECK(classify(seen, false).reason == "KilledBySignal");
  subject->runner().release(name);
  subject->wait_for(name, UnitPhase::kAbsent);
}

TEST_CASE("a task that somebody stops while it runs has failed, by SIGTERM", "[contract][units]") {
  const auto subject = make_subject(GENERATE(false, true));
  const std::string name = fresh_name("stopped");
  subject->runner().start(unit_of(name, {"/bin/sleep", "60"}));
  subject->wait_for(name, UnitPhase::kRunning);
  subject->wait([&] { return subject->seen[name].exec_start_usec > 0; });
  subject->stop(name);
  const UnitSnapshot seen = subject->wait_for(name, UnitPhase::kFailed);
  CHECK(seen.exec_status == SIGTERM);
  CHECK(classify(seen, false).reason == "KilledBySignal");
  subject->runner().release(name);
  subject->wait_for(name, UnitPhase::kAbsent);
}

TEST_CASE("an exit code that means success is one", "[contract][units]") {
  const auto subject = make_subject(GENERATE(false, true));
  const std::string name = fresh_name("agreed");
  TransientUnit unit = unit_of(name, {"/bin/false"});
  unit.set("SuccessExitStatus", ExitCodes{{0, 1}});
  subject->runner().start(unit);
  const UnitSnapshot seen = subject->wait_for(name, UnitPhase::kSucceeded);
  CHECK(classify(seen, false).exit_code == 1);
  subject->runner().release(name);
  subject->wait_for(name, UnitPhase::kAbsent);
}

TEST_CASE("a task that failed and was collected is absent, not a success", "[contract][units]") {
  RealSubject subject;
  const std::string name = fresh_name("collected");
  TransientUnit unit = unit_of(name, {"/bin/false"});
  unit.set("CollectMode", std::string("inactive-or-failed"));
  subject.runner().start(unit);
  subject.wait_for(name, UnitPhase::kAbsent);
}

TEST_CASE("a service that leaves processes running gives up its name all the same",
          "[contract][units]") {
  RealSubject subject;
  const std::string name = fresh_name("leaves");
  const std::string pid_file = "/tmp/" + name + ".pid";
  TransientUnit unit = unit_of(
      name, {"/bin/sh", "-c", "sleep 300 & echo $! >" + pid_file + "; exec sleep 300"}, "exec");
  unit.set("KillMode", std::string("process"));
  pid_t left[2] = {0, 0};
  for (pid_t& pid : left) {
    subject.seen.clear();
    subject.runner().start(unit);
    subject.wait_for(name, UnitPhase::kUp, true);
    subject.wait([&] { return std::ifstream(pid_file) >> pid && pid > 0; });
    REQUIRE(std::remove(pid_file.c_str()) == 0);
    if (pid == left[0]) subject.kill(name, SIGKILL);
    if (pid == left[0]) subject.wait_for(name, UnitPhase::kFailed, true);
    subject.runner().release(name);
    subject.wait_for(name, UnitPhase::kAbsent, true);
  }
  for (const pid_t pid : left)
    CHECK(kill(pid, SIGKILL) == 0);  // they did run on
}

TEST_CASE("a unit of the machine whose condition fails stays where it was", "[contract][units]") {
  RealSubject subject;
  const std::string name = fresh_name("condition");
  const UnitOfMachine file(name,
                           "printf '[Unit]\\nConditionPathExists=/nowhere\\n"
                           "[Service]\\nExecStart=/bin/true\\n' >");
  subject.runner().start_existing(name);
  subject.wait([&] { return subject.seen.count(name) > 0 && !subject.seen[name].queued; });
  const Outcome outcome = classify(subject.seen[name], true);
  CHECK((outcome.phase == UnitPhase::kAbsent || outcome.phase == UnitPhase::kUnknown));
}

TEST_CASE("a masked unit is refused as what it is", "[contract][units]") {
  RealSubject subject;
  const std::string name = fresh_name("masked");
  const UnitOfMachine file(name, "ln -s /dev/null ");
  subject.runner().start_existing(name);
  const UnitSnapshot existing = subject.wait_for(name, UnitPhase::kFailed, true);
  CHECK(classify(existing, true).reason == "UnitMasked");
  subject.runner().release(name);
  subject.seen.clear();
  subject.runner().start(unit_of(name, {"/bin/true"}));
  const UnitSnapshot transient = subject.wait_for(name, UnitPhase::kFailed);
  CHECK(classify(transient, false).reason == "UnitExists");
}
