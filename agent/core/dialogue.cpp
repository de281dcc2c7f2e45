// One pipe each way, one poll loop.
#include "core/dialogue.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

#include "base/text.h"
#include "linux/files.h"
#include "linux/program.h"

namespace klubster {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kTailBytes = 64 * 1024;  // of a line that never ends
constexpr auto kGrace = std::chrono::seconds(5);

// The child and all that it started in its process group.
class Child {
 public:
  Child(pid_t pid, UniqueFd in, UniqueFd out)
      : pid_(pid), in_(std::move(in)), out_(std::move(out)) {}
  Child(Child&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)),
        in_(std::move(other.in_)),
        out_(std::move(other.out_)) {}
  Child& operator=(Child&&) = delete;
  ~Child() {
    if (pid_ > 0) end();
  }

  int out() const { return out_.get(); }

  // A child that reads no more is not told that by a signal: it will say how it ended.
  void answer(const std::string& line) const { (void)write_all(in_.get(), line + "\n"); }

  // Nothing: it still runs.
  std::optional<int> over() {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

  int wait() {
    for (;;) {
      if (const auto code = over()) return *code;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

 private:
  void end() {
    ::kill(-pid_, SIGTERM);
    const auto until = Clock::now() + kGrace;
    while (Clock::now() < until) {
      if (over()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ::kill(-pid_, SIGKILL);
    (void)wait();
  }

  pid_t pid_;
  UniqueFd in_, out_;
};

struct Pipe {
  UniqueFd read, write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) return system_error("making a pipe", errno);
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<Child> start(std::vector<std::string> words) {
  auto answers = make_pipe();
  if (!answers) return answers.error();
  auto printed = make_pipe();
  if (!printed) return printed.error();
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, answers->read.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, printed->write.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, printed->write.get(), STDERR_FILENO);
  ::posix_spawnattr_init(&attributes);
  // A session of its own: Core must find no terminal to ask on.
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  // We ignore it; the pipes of a shell script need it.
  sigset_t usual;
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&attributes, &usual);
  ::posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const auto argv = argv_of(words);
  pid_t pid = -1;
  const int failed = ::posix_spawn(&pid, argv[0], &actions, &attributes, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (failed != 0) return system_error("running " + words[0], failed);
  return Child(pid, std::move(answers->write), std::move(printed->read));
}

class Conversation {
 public:
  Conversation(Child& child, Interview& interview, const std::vector<std::string>& secrets,
               const DialogueLimits& limits)
      : child_(child), interview_(interview), secrets_(secrets), limits_(limits) {}

  Result<int> run() {
    heard_ = Clock::now();
    for (;;) {
      pollfd printed{child_.out(), POLLIN, 0};
      const int ready = ::poll(&printed, 1, 100);
      if (ready < 0 && errno != EINTR) return system_error("waiting for Core", errno);
      if (ready > 0 && !listen()) break;
      // Whoever it left behind may keep its output open: its own end counts.
      if (const auto code = ready > 0 ? std::nullopt : child_.over()) return conclude(*code);
      if (auto goes_on = judge_silence(); !goes_on) return goes_on.error();
    }
    return conclude(child_.wait());
  }

 private:
  int conclude(int code) {
    if (!tail_.empty()) show(tail_);
    return code;
  }

  void show(const std::string& line) const {
    (void)write_all(STDOUT_FILENO, hide(line, secrets_) + "\n");
  }

  bool listen() {
    std::array<char, 4096> bytes{};
    const auto count = ::read(child_.out(), bytes.data(), bytes.size());
    if (count <= 0) return count < 0 && errno == EINTR;
    heard_ = Clock::now();
    tail_.append(bytes.data(), static_cast<std::size_t>(count));
    for (auto end = tail_.find('\n'); end != std::string::npos; end = tail_.find('\n')) {
      show(tail_.substr(0, end));
      tail_.erase(0, end + 1);
    }
    if (tail_.size() > kTailBytes) tail_.erase(0, tail_.size() - kTailBytes);
    consider();
    return true;
  }

  // Answers the question that the output ends with, when it is the one to be asked now.
  void consider() {
    const auto question = question_in(tail_);
    const Question* known = question ? interview_.asked(*question) : nullptr;
    if (known == nullptr) return;
    show(tail_ + (known->secret ? "***" : known->answer));
    tail_.clear();
    child_.answer(known->answer);
  }

  Status judge_silence() const {
    const auto silent =
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - heard_);
    const auto usec = static_cast<std::uint64_t>(silent.count());
    const std::string last = printable(hide(tail_, secrets_), 200);
    if (question_in(tail_) && usec > limits_.pause_usec && !interview_.over()) {
      return Error(ErrorKind::kInvalid, "QuestionUnexpected",
                   "Core asks what klubster has no answer to at this point: " + last);
    }
    if (usec <= limits_.idle_usec) return {};
    return Error(ErrorKind::kTimeout, "TimedOut",
                 "Core said nothing for " + duration_text(limits_.idle_usec) +
                     (tail_.empty() ? "" : ", after: " + last));
  }

  Child& child_;
  Interview& interview_;
  const std::vector<std::string>& secrets_;
  const DialogueLimits& limits_;
  Clock::time_point heard_;
  std::string tail_;
};

}  // namespace

std::string hide(std::string text, const std::vector<std::string>& secrets) {
  for (const auto& secret : secrets) {
    if (secret.empty()) continue;
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3))
      text.replace(at, secret.size(), "***");
  }
  return text;
}

Result<int> converse(const std::vector<std::string>& argv, Interview& interview,
                     const std::vector<std::string>& secrets, const DialogueLimits& limits) {
  std::signal(SIGPIPE, SIG_IGN);
  auto child = start(argv);
  if (!child) return child.error();
  return Conversation(*child, interview, secrets, limits).run();
}

}  // namespace klubster
