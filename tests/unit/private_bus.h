// A dbus-daemon of the test's own, ended by its process id; its socket goes with its directory.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "linux/files.h"
#include "tests/unit/temporary_directory.h"

namespace klubster {

class PrivateBus {
 public:
  PrivateBus() {
    int ends[2] = {};
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    const UniqueFd reading(ends[0]);
    UniqueFd writing(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, writing.get(), STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    std::string listen = "--address=unix:path=" + directory_.path() + "/bus";
    char program[] = "dbus-daemon", session[] = "--session", print[] = "--print-address",
         nofork[] = "--nofork";
    char* arguments[] = {program, session, print, nofork, listen.data(), nullptr};
    if (::posix_spawnp(&pid_, program, &actions, nullptr, arguments, environ) != 0) pid_ = -1;
    posix_spawn_file_actions_destroy(&actions);
    if (pid_ < 0) return;
    writing = UniqueFd();
    char line[512];
    const ssize_t count = ::read(reading.get(), line, sizeof line);
    if (count > 1) address_.assign(line, static_cast<std::size_t>(count - 1));
    ::setenv("DBUS_SESSION_BUS_ADDRESS", address_.c_str(), 1);
  }
  PrivateBus(const PrivateBus&) = delete;
  PrivateBus& operator=(const PrivateBus&) = delete;
  ~PrivateBus() {
    ::unsetenv("DBUS_SESSION_BUS_ADDRESS");
    if (pid_ < 0) return;
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  // False when the machine has no dbus-daemon.
  bool works() const { return !address_.empty(); }

 private:
  TemporaryDirectory directory_;
  pid_t pid_ = -1;
  std::string address_;
};

}  // namespace klubster
