// The parser of packages runs in a process of its own: what it reads was made by somebody else.
#include "cli/package_reader.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <vector>

#include "base/json.h"
#include "base/names.h"
#include "base/text.h"
#include "cli/exit_code.h"
#include "linux/files.h"

namespace klubster {

namespace {

constexpr std::size_t kWorkerAnswerBytes = 16U << 20;
constexpr unsigned kSeconds = 60;
constexpr uid_t kNobody = 65534;

// What klubster-unpack said, once it ended well or found mistakes in what it read.
struct Answer {
  bool refused = false;
  Json json;         // else
  std::string said;  // on standard error
};

[[noreturn]] void become_reader(const std::string& program, const std::vector<std::string>& words,
                                int out, int err) {
  const rlimit answer{kWorkerAnswerBytes, kWorkerAnswerBytes};
  std::array<const char*, 5> argv = {program.c_str(), nullptr, nullptr, nullptr, nullptr};
  for (std::size_t i = 0; i < words.size() && i + 2 < argv.size(); ++i)
    argv[i + 1] = words[i].c_str();
  const bool ready = ::dup2(out, STDOUT_FILENO) >= 0 && ::dup2(err, STDERR_FILENO) >= 0 &&
                     ::setrlimit(RLIMIT_FSIZE, &answer) == 0 && drop_privileges();
  ::alarm(kSeconds);  // outlives exec
  if (ready) ::execv(program.c_str(), const_cast<char* const*>(argv.data()));
  ::_exit(127);
}

Error no_answer(const std::string& program, int status, const std::string& said) {
  std::string message = "expected an answer of " + program + ", found ";
  message += WIFSIGNALED(status) ? "that signal " + std::to_string(WTERMSIG(status)) + " ended it"
                                 : "exit code " + std::to_string(WEXITSTATUS(status));
  if (!trim(said).empty()) message += ": " + printable(trim(said), 2000);
  return Error(ErrorKind::kInternal, "WorkerFailed", std::move(message))
      .hint("KLUBSTER_PROGRAM_DIR names the directory of klubster-unpack when it is not " +
            std::string(names::kProgramDir));
}

// The lines of a manifest's mistakes, without what klubster-unpack puts before and after them.
std::string mistakes_in(const std::string& said) {
  std::vector<std::string> lines;
  for (auto line : split(said, '\n')) {
    if (line.empty() || line.starts_with("warning: ") || line.starts_with("  ")) continue;
    if (line.starts_with("error: ")) line.erase(0, 7);
    lines.push_back(printable(line, 400));
  }
  return join(lines, "\n");
}

}  // namespace

// Root's packages may lie where only root can read: that one right stays, no other does. Only
// async-signal-safe calls: this also runs between fork and exec.
bool drop_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  if (::geteuid() != 0) return true;
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || ::setgroups(0, nullptr) != 0 ||
      ::setresgid(kNobody, kNobody, kNobody) != 0 || ::setresuid(kNobody, kNobody, kNobody) != 0) {
    return false;
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  data[0].effective = data[0].permitted = data[0].inheritable = 1U << CAP_DAC_READ_SEARCH;
  // Where a container has not this right either, nobody's own rights must do.
  if (::syscall(SYS_capset, &header, data.data()) == 0) {
    (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_READ_SEARCH, 0, 0);
  }
  return true;
}

std::string program_directory() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
  const char* moved = std::getenv("KLUBSTER_PROGRAM_DIR");
  return moved != nullptr ? moved : std::string(names::kProgramDir);
}

namespace {

Result<Answer> ask_unpack(std::vector<std::string> words, const std::string& path) {
  if (!exists(path)) return system_error("reading " + path, ENOENT);
  const std::string program = program_directory() + "/klubster-unpack";
  // Files in memory and not pipes: nobody has to read while the other writes.
  const UniqueFd out(::memfd_create("answer", MFD_CLOEXEC));
  const UniqueFd err(::memfd_create("mistakes", MFD_CLOEXEC));
  if (!out || !err) return system_error("running " + program, errno);
  // A path that begins with a dash is no option.
  words.push_back(path.starts_with("-") ? "./" + path : path);
  const pid_t child = ::fork();
  if (child < 0) return system_error("running " + program, errno);
  if (child == 0) become_reader(program, words, out.get(), err.get());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return system_error("waiting for " + program, errno);
  }
  const auto said = read_descriptor(err.get(), kWorkerAnswerBytes);
  if (!said) return said.error();
  if (WIFEXITED(status) && WEXITSTATUS(status) == kExitFixInput) return Answer{true, {}, *said};
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return no_answer(program, status, *said);
  const auto answer = read_descriptor(out.get(), kWorkerAnswerBytes);
  if (!answer) return answer.error();
  auto json = parse_json(*answer, {kWorkerAnswerBytes, 32});
  if (!json) return std::move(json.error()).in("the answer of " + program);
  return Answer{false, std::move(*json), *said};
}

}  // namespace

Result<Profile> read_package(const std::string& path) {
  const auto answer = ask_unpack({"inspect", "--json"}, path);
  if (!answer) return answer.error();
  if (answer->refused) {
    return Error(ErrorKind::kInvalid, "ManifestInvalid", mistakes_in(answer->said))
        .hint("klubster profile validate " + path);
  }
  return profile_from_json(answer->json.get("profile")).in("profile " + path);
}

Result<Json> read_exported(const std::string& path) {
  auto answer = ask_unpack({"export"}, path);
  if (!answer) return answer.error();
  if (answer->refused) {
    return Error(ErrorKind::kInvalid, "ArchiveRefused", mistakes_in(answer->said))
        .hint("nothing was written; an export is made by: klubster export -o FILE");
  }
  return std::move(answer->json);
}

}  // namespace klubster
