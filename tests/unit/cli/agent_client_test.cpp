// The client against a real bus, with a small agent that answers as klubsterd does.
#include "cli/agent_client.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>

#include "base/names.h"
#include "cli/exit_code.h"
#include "tests/unit/catch.h"
#include "tests/unit/cli/command_line.h"
#include "tests/unit/private_bus.h"

using namespace klubster;
using Catch::Matchers::ContainsSubstring;

namespace {

// Ends a process that this test started.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_;
};

std::string first_line(int fd) {
  std::string line;
  char letter = 0;
  while (::read(fd, &letter, 1) == 1 && letter != '\n')
    line += letter;
  return line;
}

// The bus that `klubster` is told to use.
class ClientBus : public PrivateBus {
 public:
  ClientBus() { ::setenv("KLUBSTER_BUS", "user", 1); }
  ~ClientBus() { ::unsetenv("KLUBSTER_BUS"); }
};

// Becomes ready after two changes, each told by a signal; comes up only after `delay_usec`.
[[noreturn]] void be_an_agent(std::uint64_t delay_usec, int up) {
  auto loop = EventLoop::create().value();
  auto bus = Bus::open_user(loop).value();
  int changes = 0;
  const auto answer = [&](const BusMessage& call, const std::string& json) {
    bus.reply(call, [&](BusMessage& reply) { reply.add_string(json); });
  };
  std::vector<BusMethod> methods;
  methods.push_back(
      {"GetStatus", "", "s", Access::for_everybody(), [&](BusMessage call, const BusCaller&) {
         answer(call, std::string(R"({"node":"n1","problems":[],"commands":[{"request":7,
                        "state":"failed","reason":"ExitCode","message":"exit code 3"}],
                        "conditions":[{"type":"ConfigValid","status":"False"}],"ready":)") +
                          (changes < 2 ? "false}" : "true}"));
       }});
  methods.push_back({"Run", "sa{ss}a{sv}", "s", Access::for_everybody(),
                     [&](BusMessage call, const BusCaller&) { answer(call, R"({"request":7})"); }});
  methods.push_back(
      {"GetPlan", "", "s", Access::for_everybody(), [&](BusMessage call, const BusCaller&) {
         answer(call, R"({"generation":1,"changes":true,"steps":[],"problems":[]})");
       }});
  methods.push_back(
      {"Plan", "", "s", Access::for_everybody(), [&](const BusMessage& call, const BusCaller&) {
         answer(call, R"({"generation":1,"changes":false,"steps":[],"problems":[],
                          "cannot":{"reason":"InputMissing","message":"A","mend":true}})");
       }});
  methods.push_back(
      {"Apply", "a{sv}", "", Access::for_everybody(), [&](BusMessage call, const BusCaller&) {
         call.enter('a', "{sv}");
         if (!call.enter('e', "sv")) return bus.reply(call, [](BusMessage&) {});
         CHECK(call.read_string() == "if-generation");
         bus.refuse(call, Error(ErrorKind::kConflict, "GenerationDiffers", "not generation 7"));
       }});
  methods.push_back(
      {"GetHistory", "tu", "s", Access::for_everybody(), [&](BusMessage call, const BusCaller&) {
         const auto since = call.read_uint64();
         answer(call, R"({"events":[{"seq":)" + std::to_string(since + 1) +
                          R"(,"time":1,"type":"Booted","data":{}}]})");
       }});
  const auto slot =
      bus.serve(names::kAgentPath, names::kAgentBus, std::move(methods), {{"Changed", ""}});
  EventSource later;
  later = loop.after(delay_usec, [&] {
    if (changes == 0 && bus.own_name(names::kAgentBus) && up >= 0) (void)!::write(up, "\n", 1);
    ++changes;
    bus.emit(names::kAgentPath, names::kAgentBus, "Changed", [](BusMessage&) {});
    if (changes < 3) later.rearm(100'000);
  });
  loop.run();
  ::_exit(0);
}

pid_t start_agent(std::uint64_t delay_usec) {
  const pid_t pid = ::fork();
  if (pid == 0) be_an_agent(delay_usec, -1);
  return pid;
}

// Returns once the agent has its name.
pid_t start_agent_and_wait() {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t pid = ::fork();
  if (pid == 0) be_an_agent(1, writer.get());
  writer = UniqueFd();
  (void)first_line(reader.get());
  return pid;
}

}  // namespace

TEST_CASE("the verbs talk to an agent on the bus", "[agent-client]") {
  const ClientBus bus;
  if (!bus.works()) return;
  const Child agent(start_agent_and_wait());

  CHECK(klubster_command({"status", "--json"}).code == kExitDone);
  CHECK(klubster_command({"plan", "--no-check"}).code == kExitChanges);
  CHECK(klubster_command({"plan"}).code == kExitFixInput);
  CHECK(klubster_command({"apply"}).code == kExitDone);
  const Ran history = klubster_command({"history", "--since", "41", "--json"});
  CHECK(history.code == kExitDone);
  CHECK_THAT(history.out, ContainsSubstring("\"seq\": 42"));
}

TEST_CASE("run of a command that fails exits 1 and says why", "[agent-client]") {
  const ClientBus bus;
  if (!bus.works()) return;
  const Child agent(start_agent_and_wait());

  const Ran ran = klubster_command({"run", "backup"});

  CHECK(ran.code == kExitFailed);
  CHECK(ran.err == "klubster: command backup: exit code 3\nnext: klubster logs command/backup\n");
}

TEST_CASE("apply says that a tree with mistakes is not applied", "[agent-client]") {
  const ClientBus bus;
  if (!bus.works()) return;
  const Child agent(start_agent_and_wait());

  const Ran ran = klubster_command({"apply"});

  CHECK(ran.code == kExitDone);
  CHECK_THAT(ran.err, ContainsSubstring("nothing of it is applied; to see them: klubster config"));
}

TEST_CASE("apply --if-generation of another generation exits 4", "[agent-client]") {
  const ClientBus bus;
  if (!bus.works()) return;
  const Child agent(start_agent_and_wait());

  const Ran ran = klubster_command({"apply", "--if-generation", "7"});

  CHECK(ran.code == kExitConflict);
  CHECK_THAT(ran.err, ContainsSubstring("not generation 7"));
}

TEST_CASE("wait waits for an agent that is not up yet, and for it to be ready", "[agent-client]") {
  const ClientBus bus;
  if (!bus.works()) return;
  const Child agent(start_agent(200'000));

  CHECK(klubster_command({"wait", "--for=Ready", "--timeout", "20s"}).code == kExitDone);
}

TEST_CASE("wait that takes too long exits 75 and says what does not hold", "[agent-client]") {
  const ClientBus bus;
  if (!bus.works()) return;
  const Child agent(start_agent_and_wait());

  const Ran ran = klubster_command({"wait", "--for=Ready/server", "--timeout", "500ms"});

  CHECK(ran.code == kExitTryAgain);
  CHECK_THAT(ran.err, ContainsSubstring("Ready/server does not hold"));
  const Ran typo = klubster_command({"wait", "--for=Redy", "--timeout", "50ms"});
  CHECK_THAT(typo.err, ContainsSubstring("no such condition (did you mean Ready?)"));
}

TEST_CASE("what the bus refuses is told without its rules", "[agent-client]") {
  const Error refused = agent_error(
      Error(ErrorKind::kInvalid, "AccessDenied", "Rejected send message, 1 matched rules; type=…"),
      "klubster-peerd.service");
  CHECK(refused.message() == "only root may ask this of klubster-peerd.service");
}

TEST_CASE("without an agent the answer is 75 and where to look", "[agent-client]") {
  const ClientBus bus;
  if (!bus.works()) return;

  const Ran status = klubster_command({"status"});
  const Ran peers = klubster_command({"peers"});

  CHECK(status.code == kExitTryAgain);
  CHECK_THAT(status.err, ContainsSubstring("next: systemctl status klubster.service"));
  CHECK(peers.code == kExitTryAgain);
  CHECK_THAT(peers.err, ContainsSubstring("next: systemctl status klubster-peerd.service"));
}
