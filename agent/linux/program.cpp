// Spawning, reading to the end, waiting.
#include "linux/program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "base/text.h"
#include "linux/files.h"

namespace klubster {

namespace {

// People's $PATH often lacks /usr/sbin.
std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
  const char* path = std::getenv("PATH");
  auto places = split(path == nullptr ? "" : path, ':');
  places.insert(places.end(), {"/usr/sbin", "/usr/bin", "/sbin", "/bin"});
  for (const auto& place : places) {
    const std::string file = place + "/" + name;
    if (place.starts_with("/") && ::access(file.c_str(), X_OK) == 0) return file;
  }
  return name;
}

struct Actions {
  Actions() { ::posix_spawn_file_actions_init(&raw); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  ~Actions() { ::posix_spawn_file_actions_destroy(&raw); }
  posix_spawn_file_actions_t raw;
};

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

std::vector<char*> argv_of(std::vector<std::string>& words) {
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (auto& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  return argv;
}

Result<ProgramOutput> run_program(const std::vector<std::string>& words, std::size_t limit_bytes) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) < 0) return system_error("making a pipe", errno);
  const UniqueFd out(ends[0]);
  UniqueFd in(ends[1]);
  Actions actions;
  ::posix_spawn_file_actions_addopen(&actions.raw, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions.raw, in.get(), STDOUT_FILENO);
  std::vector<std::string> copy = words;
  const auto argv = argv_of(copy);
  const std::string program = find_program(words.at(0));
  pid_t child = -1;
  const int failed =
      ::posix_spawn(&child, program.c_str(), &actions.raw, nullptr, argv.data(), environ);
  if (failed != 0) return system_error("running " + words[0], failed);
  in = UniqueFd();
  auto text = read_descriptor(out.get(), limit_bytes);
  if (!text) ::kill(child, SIGKILL);  // it may still want to write
  const int code = wait_for(child);
  if (!text) return std::move(text.error()).in("output of " + words[0]);
  return ProgramOutput{code, std::move(*text)};
}

}  // namespace klubster
