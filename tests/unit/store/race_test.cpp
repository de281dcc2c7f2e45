// Sealing while somebody else changes the staging. Needs root, as the program does.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "store/store.h"
#include "tests/unit/catch.h"
#include "tests/unit/http/test_server.h"
#include "tests/unit/store/ownership.h"

using namespace klubster;

namespace {

namespace fs = std::filesystem;

constexpr int kRounds = 100;
constexpr int kDirectories = 8;
constexpr uid_t kSomebody = 12345;

// A staged tree, and beside it what a link in it could lead to.
struct Scene {
  TempDir directory;
  std::string state = directory / "state";
  std::string tree = state + "/staging/one/tree";
  std::string outside = directory / "outside";
  std::string spare = directory / "spare";  // the worker's: where it keeps links

  Scene() {
    fs::permissions(directory.path(), fs::perms(0755));
    for (int i = 0; i < kDirectories; ++i)
      write_text(tree + "/d" + std::to_string(i) + "/precious", "staged");
    write_text(outside + "/precious", "keep me");
    give(outside, kSomebody, 0700);
    give(outside + "/precious", kSomebody, 0600);
    fs::create_directories(spare);
    give(spare, kWorkerUser, 0755);
    for (const auto& entry : fs::recursive_directory_iterator(state))
      give(entry.path().string(), kWorkerUser, 0755);
  }
  static void give(const std::string& path, uid_t user, mode_t mode) {
    REQUIRE(::lchown(path.c_str(), user, user) == 0);
    REQUIRE(::chmod(path.c_str(), mode) == 0);
  }
  // Every directory of the tree becomes a link that leads out, and itself again.
  void exchange_once() const {
    for (int i = 0; i < kDirectories; ++i) {
      const std::string name = "/d" + std::to_string(i);
      (void)::symlink(outside.c_str(), (spare + name).c_str());
      (void)::renameat2(AT_FDCWD, (tree + name).c_str(), AT_FDCWD, (spare + name).c_str(),
                        RENAME_EXCHANGE);
      (void)::renameat2(AT_FDCWD, (tree + name).c_str(), AT_FDCWD, (spare + name).c_str(),
                        RENAME_EXCHANGE);
    }
  }
  Result<StoreReport> seal() const {
    StoreRequest request;
    request.staging = "one";
    request.sha256 = kDigest;
    return klubster::seal(state, request);
  }
};

void check_outside(const Scene& scene) {
  CHECK(file_text(scene.outside + "/precious") == "keep me");
  CHECK(status_of(scene.outside).st_uid == kSomebody);
  CHECK((status_of(scene.outside).st_mode & 07777) == 0700);
  CHECK(status_of(scene.outside + "/precious").st_uid == kSomebody);
  CHECK((status_of(scene.outside + "/precious").st_mode & 07777) == 0600);
}

bool is_roots_file_or_directory(const std::string& path) {
  const auto status = status_of(path);
  return status.st_uid == 0 && (S_ISDIR(status.st_mode) || S_ISREG(status.st_mode));
}

// Seals a new tree each round while `user` exchanges its directories.
template <typename Check>
void race(uid_t user, Check check) {
  for (int round = 0; round < kRounds; ++round) {
    const Scene scene;
    const pid_t attacker = ::fork();
    if (attacker == 0) {
      if (user != 0 && (::setgid(user) != 0 || ::setuid(user) != 0)) ::_exit(1);
      while (true)
        scene.exchange_once();
    }
    while (!fs::is_symlink(scene.spare + "/d0"))
      ::usleep(100);  // until it is at work
    const bool sealed = scene.seal().has_value();
    ::kill(attacker, SIGKILL);
    ::waitpid(attacker, nullptr, 0);
    check_outside(scene);
    check(scene, sealed);
  }
}

}  // namespace

TEST_CASE("a worker that outlives its unit gets no link into a sealed profile", "[store]") {
  if (skipped()) return;
  race(kWorkerUser, [](const Scene& scene, bool sealed) {
    CHECK_FALSE(fs::exists(scene.state + "/staging/one"));
    if (!sealed) return;
    for (const auto& entry :
         fs::recursive_directory_iterator(scene.state + "/profiles/" + kDigest)) {
      INFO(entry.path());
      CHECK(is_roots_file_or_directory(entry.path().string()));
    }
  });
}

TEST_CASE("another process of root's does not lead sealing out of the staging", "[store]") {
  if (skipped()) return;
  race(0, [](const Scene&, bool) {});
}
