// Steps' output, against the journald of this machine's systemd in a namespace of its own.
#include "linux/journal_reader.h"

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/files.h"
#include "tests/unit/catch.h"

using namespace klubster;

namespace {

constexpr const char* kRuntimeJournal = "/run/log/journal";
constexpr std::uint64_t kDeadlineUsec = 20'000'000;

UniqueFd connect_to(const char* path, int type) {
  UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    return {};
  }
  return fd;
}

// journald, as it is when nothing was written to it.
class Journald {
 public:
  Journald() {
    for (const char* directory : {"/run/systemd/journal", "/run/systemd/journald.conf.d",
                                  "/run/systemd/units", kRuntimeJournal}) {
      std::filesystem::create_directories(directory);
    }
    std::ofstream("/run/systemd/journald.conf.d/test.conf")
        << "[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nRateLimitIntervalSec=0\n";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::execl("/lib/systemd/systemd-journald", "systemd-journald", nullptr);
      ::_exit(127);
    }
    // Its last act before it serves; there is nothing to be woken by before.
    for (int i = 0; i < 1000 && !connect_to("/run/systemd/journal/stdout", SOCK_STREAM); ++i)
      ::usleep(10'000);
  }
  ~Journald() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
    std::filesystem::remove_all(kRuntimeJournal);
    std::filesystem::remove_all("/run/systemd/journal");
  }
  // While it stands still, who writes may be gone before it looks.
  void hold() const { ::kill(pid_, SIGSTOP); }
  void go_on() const { ::kill(pid_, SIGCONT); }

 private:
  pid_t pid_ = -1;
};

// Directories of this process's control group, one per hierarchy that systemd looks at.
std::vector<std::string> own_groups() {
  std::vector<std::string> groups;
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const bool unified = line.starts_with("0::");
    const auto named = line.find(":name=systemd:");
    if (!unified && named == std::string::npos) continue;
    const std::string path = line.substr(unified ? 3 : named + std::strlen(":name=systemd:"));
    for (const char* root :
         {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"}) {
      const bool of_kind = unified == (std::string(root) != "/sys/fs/cgroup/systemd");
      if (of_kind && exists(root + path + "/cgroup.procs")) groups.push_back(root + path);
    }
  }
  return groups;
}

// What systemd tells journald of a unit's LogExtraFields: each with its length before it.
void tell_fields_of(const std::string& unit, const std::vector<std::string>& fields) {
  std::ofstream file("/run/systemd/units/log-extra-fields:" + unit, std::ios::binary);
  for (const auto& field : fields) {
    const std::uint64_t length = field.size();
    file.write(reinterpret_cast<const char*>(&length), sizeof length);
    file << field;
  }
}

// A process in the control group of a unit. It writes, and lives until this is destroyed.
class Writer {
 public:
  Writer(const std::string& group, const std::function<void()>& write) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    UniqueFd read_end(ends[0]);
    end_ = UniqueFd(ends[1]);
    const auto groups = own_groups();
    for (const auto& root : groups)
      std::filesystem::create_directories(root + "/" + group);
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::close(end_.get());
    for (const auto& root : groups)
      std::ofstream(root + "/" + group + "/cgroup.procs") << ::getpid();
    write();
    char byte = 0;
    (void)!::read(read_end.get(), &byte, 1);  // until the other end closes
    ::_exit(0);
  }
  ~Writer() { end(); }
  void end() {
    if (pid_ <= 0) return;
    end_ = UniqueFd();
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  UniqueFd end_;
  pid_t pid_ = -1;
};

void send_native(const std::string& entry) {
  const UniqueFd fd = connect_to("/run/systemd/journal/socket", SOCK_DGRAM);
  (void)!::send(fd.get(), entry.data(), entry.size(), MSG_NOSIGNAL);
}

// What systemd connects a process's standard output to.
void write_stream(const std::string& unit, const std::string& line) {
  const UniqueFd fd = connect_to("/run/systemd/journal/stdout", SOCK_STREAM);
  (void)write_all(fd.get(), "test\n" + unit + "\n6\n0\n0\n0\n0\n" + line + "\n");
}

// Reads until a message of this text comes; nothing when it does not.
std::optional<StepOutput> wait_for(JournalReader& reader, const std::string& text) {
  const std::uint64_t rounds = kDeadlineUsec / 1'000'000;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    while (true) {
      auto output = reader.next();
      REQUIRE(output.has_value());
      if (!*output) break;
      if ((*output)->message == text) return *output;
    }
    REQUIRE(reader.wait(1'000'000).has_value());
  }
  return std::nullopt;
}

std::vector<std::string> messages(JournalReader reader, std::optional<std::uint64_t> lines = {}) {
  REQUIRE(reader.seek(lines).has_value());
  std::vector<std::string> found;
  while (true) {
    auto output = reader.next();
    REQUIRE(output.has_value());
    if (!*output) return found;
    found.push_back((*output)->message);
  }
}

JournalReader reader_of(const std::string& phase, const std::string& step) {
  OutputFilter filter;
  filter.phase = phase;
  filter.step = step;
  auto reader = JournalReader::open_directory(kRuntimeJournal, filter);
  REQUIRE(reader.has_value());
  return std::move(*reader);
}

constexpr const char* kUnitOfA = "klubster-step-server-a-01234567-a1.service";
constexpr const char* kUnitOfB = "klubster-step-server-b-01234567-a2.service";
const std::string kGroupOfA = std::string("klubster.slice/") + kUnitOfA;
const std::string kGroupOfB = std::string("klubster.slice/") + kUnitOfB;

void tell_fields() {
  tell_fields_of(kUnitOfA, {"KLUBSTER_STEP=a", "KLUBSTER_PHASE=server", "KLUBSTER_ATTEMPT=1"});
  tell_fields_of(kUnitOfB, {"KLUBSTER_STEP=b", "KLUBSTER_PHASE=server", "KLUBSTER_ATTEMPT=2"});
}

}  // namespace

TEST_CASE("the journal gives each step its own lines, whoever claims to be it", "[contract]") {
  const Journald journald;
  tell_fields();
  JournalReader all = reader_of("", "");
  JournalReader of_b = reader_of("server", "b");

  Writer a(kGroupOfA, [] { send_native("MESSAGE=from a\n"); });
  REQUIRE(wait_for(all, "from a"));
  Writer b(kGroupOfB, [] { write_stream(kUnitOfB, "from b"); });
  const auto from_b = wait_for(all, "from b");
  REQUIRE(from_b);
  CHECK(from_b->step == "b");
  CHECK(from_b->phase == "server");
  CHECK(from_b->attempt == 2);

  // A step in the name of another one, and somebody outside of the slice.
  Writer forger(kGroupOfA, [] { send_native("MESSAGE=forged\nKLUBSTER_STEP=b\n"); });
  const auto forged = wait_for(all, "forged");
  REQUIRE(forged);
  CHECK(forged->step.empty());
  CHECK(forged->unit == kUnitOfA);
  Writer stranger("other.slice/other.service", [] {
    send_native("MESSAGE=strange\nKLUBSTER_STEP=b\nKLUBSTER_PHASE=server\nKLUBSTER_ATTEMPT=2\n");
  });
  Writer last(kGroupOfB, [] { send_native("MESSAGE=the end\n"); });
  REQUIRE(wait_for(of_b, "the end"));

  CHECK(messages(reader_of("", "b")) == std::vector<std::string>{"from b", "the end"});
  CHECK(messages(reader_of("server", "a")) == std::vector<std::string>{"from a"});
  CHECK(messages(reader_of("agent", "b")).empty());
  CHECK(messages(reader_of("", "")).size() == 4);  // the forged one as its unit's
  CHECK(messages(reader_of("", ""), 2) == std::vector<std::string>{"forged", "the end"});
  CHECK(messages(reader_of("", ""), 0).empty());
  CHECK(messages(reader_of("", ""), 99).size() == 4);
  CHECK(reader_of("", "").step_names().value() == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a line whose writer ended before journald looked is not lost", "[contract]") {
  const Journald journald;
  tell_fields();
  JournalReader reader = reader_of("server", "a");
  journald.hold();
  Writer(kGroupOfA, [] { write_stream(kUnitOfA, "gone by now"); }).end();
  journald.go_on();
  const auto output = wait_for(reader, "gone by now");
  REQUIRE(output);
  CHECK(output->unit == kUnitOfA);
}
