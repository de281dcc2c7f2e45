// Collecting, on real directories with whatever may lie in them. Needs root, as the program does.
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/files.h"
#include "store/store.h"
#include "tests/unit/catch.h"
#include "tests/unit/http/test_server.h"
#include "tests/unit/store/ownership.h"

using namespace klubster;

namespace {

namespace fs = std::filesystem;

const std::string kKept(64, 'a'), kOther(64, 'b');

struct Store {
  TempDir directory;

  Store() {
    write("profiles/" + kKept + "/bin/run", "program");
    write("profiles/" + kOther + "/file", "12345");
    fs::create_directories(directory / "staging");
  }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(directory / name).parent_path());
    write_text(directory / name, text);
  }
  bool has(const std::string& name) const {
    return fs::exists(fs::symlink_status(directory / name));
  }
  StoreReport collect(bool dry_run = false) const {
    StoreRequest request;
    request.kind = StoreRequest::Kind::kCollect;
    request.dry_run = dry_run;
    request.profiles = {kKept};
    request.stagings = {"kept-staging"};
    request.downloads = {"00ff"};
    request.results = {"00ff"};
    request.generations = {"3", "12"};
    auto report = klubster::collect(directory.path(), request);
    INFO((report ? "" : report.error().message()));
    REQUIRE(report);
    return std::move(*report);
  }
  // Paths, modes and sizes of everything.
  std::vector<std::string> everything() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(directory.path())) {
      struct stat status = {};
      REQUIRE(::lstat(entry.path().c_str(), &status) == 0);
      found.push_back(entry.path().string() + " " + std::to_string(status.st_mode) + " " +
                      std::to_string(status.st_mtim.tv_nsec));
    }
    std::ranges::sort(found);
    return found;
  }
};

std::vector<std::string> shown(const std::vector<StoreReport::Entry>& entries) {
  std::vector<std::string> words;
  words.reserve(entries.size());
  for (const auto& entry : entries)
    words.push_back(entry.kind + " " + entry.name);
  return words;
}

using Words = std::vector<std::string>;

// Sets or takes the attribute that not even root removes a file with; false where there is none.
bool set_immutable(const std::string& path, bool on) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  int flags = 0;
  if (!fd || ::ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) != 0) return false;
  flags = on ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
  return ::ioctl(fd.get(), FS_IOC_SETFLAGS, &flags) == 0;
}

}  // namespace

TEST_CASE("of each kind goes what is not kept", "[collect]") {
  if (skipped()) return;
  const Store store;
  for (const char* name :
       {"blobs/00ff.part", "blobs/00ff.part.resume", "blobs/00ff.minisig", "blobs/00ff0.part",
        "blobs/stray", "results/unpack-00ff.json", "results/unpack-0123.json", "results/odd",
        "generations/3/config.json", "generations/12/config.json", "generations/1/config.json",
        "staging/kept-staging/tree/file", "staging/other/tree/file", "facts/fact", "log/1.jsonl"})
    store.write(name, "x");

  const StoreReport report = store.collect();

  CHECK(shown(report.removed) == Words{"download 00ff0.part", "download stray", "result odd",
                                       "result unpack-0123.json", "staging other",
                                       "profile " + kOther, "generation 1"});
  CHECK(shown(report.kept) == Words{"download 00ff.minisig", "download 00ff.part",
                                    "download 00ff.part.resume", "result unpack-00ff.json",
                                    "staging kept-staging", "profile " + kKept, "generation 12",
                                    "generation 3"});
  CHECK(report.left.empty());
  CHECK(report.files == 7);
  CHECK(report.bytes == 11);
  for (const auto& entry : report.kept) {
    if (entry.kind == "profile") CHECK(store.has("profiles/" + entry.name + "/bin/run"));
  }
  CHECK(store.has("blobs/00ff.part.resume"));
  CHECK(store.has("facts/fact"));
  CHECK(store.has("log/1.jsonl"));
  CHECK_FALSE(store.has("generations/1"));
  CHECK_FALSE(store.has("staging/retired-1"));
  CHECK(store.collect().removed.empty());
}

TEST_CASE("a dry run says the same and changes nothing", "[collect]") {
  if (skipped()) return;
  const Store store;
  store.write("blobs/x.part", "12");
  store.write("staging/one/tree/closed/file", "123");
  store.write("generations/1/config.json", "1");
  REQUIRE(::chmod((store.directory / "staging/one/tree/closed").c_str(), 0) == 0);
  const auto before = store.everything();
  const StoreReport looked = store.collect(true);
  CHECK(store.everything() == before);
  const StoreReport done = store.collect();
  CHECK(shown(looked.removed) == shown(done.removed));
  CHECK(looked.files == done.files);
  CHECK(looked.bytes == done.bytes);
  CHECK(shown(looked.kept) == shown(done.kept));
}

TEST_CASE("whatever lies in a tree, it goes, and nothing outside", "[collect]") {
  if (skipped()) return;
  const Store store;
  const TempDir outside;
  write_text(outside / "precious", "keep me");
  const std::string tree = store.directory / "staging/hostile";
  fs::create_directories(tree);
  SECTION("links to files, directories and to nothing") {
    fs::create_symlink(outside / "precious", tree + "/a");
    fs::create_directory_symlink(outside.path(), tree + "/b");
    fs::create_symlink("/nowhere", tree + "/c");
  }
  SECTION("a link in place of the whole") {
    fs::remove_all(tree);
    fs::create_directory_symlink(outside.path(), tree);
  }
  SECTION("second names of a file outside") {
    fs::create_hard_link(outside / "precious", tree + "/a");
    fs::create_hard_link(outside / "precious", tree + "/b");
  }
  SECTION("directories without rights, of another user, sticky") {
    store.write("staging/hostile/one/two/file", "x");
    REQUIRE(::chown((tree + "/one/two").c_str(), 61184, 61184) == 0);
    REQUIRE(::chmod((tree + "/one/two").c_str(), 01000) == 0);
    REQUIRE(::chmod((tree + "/one").c_str(), 0) == 0);
    REQUIRE(::chmod(tree.c_str(), 0500) == 0);
  }
  SECTION("directories deeper than descriptors and paths reach, with names that are in the way") {
    const UniqueFd top(::open(tree.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::string name(200, 'd');
    UniqueFd at(::dup(top.get()));
    for (int i = 0; i < 1500; ++i) {
      REQUIRE(::mkdirat(at.get(), name.c_str(), 0700) == 0);
      REQUIRE(::mkdirat(at.get(), "deep-1", 0700) == 0);
      at = UniqueFd(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      REQUIRE(at);
    }
    write_text(tree + "/deep-2", "a file of that name");
    CHECK(store.collect(true).left.empty());
  }
  SECTION("sockets, FIFOs and devices") {
    REQUIRE(::mkfifo((tree + "/fifo").c_str(), 0600) == 0);
    REQUIRE(::mknod((tree + "/socket").c_str(), S_IFSOCK | 0600, 0) == 0);
    (void)::mknod((tree + "/device").c_str(), S_IFCHR | 0600, makedev(1, 3));
  }
  SECTION("names that are no text") {
    write_text(tree + "/\x1b[2J\n\xff", "x");
    write_text(tree + "/" + std::string(255, 'n'), "x");
  }
  const StoreReport report = store.collect();
  CHECK(report.left.empty());
  CHECK(fs::is_empty(store.directory / "staging"));
  CHECK(file_text(outside / "precious") == "keep me");
}

TEST_CASE("bytes that another name still holds are not counted as freed", "[collect]") {
  if (skipped()) return;
  const Store store;
  const TempDir outside;
  write_text(outside / "big", std::string(1000, 'x'));
  fs::create_directories(store.directory / "staging/one");
  fs::create_hard_link(outside / "big", store.directory / "staging/one/big");
  store.write("staging/one/own", "12");
  fs::create_hard_link(store.directory / "staging/one/own", store.directory / "staging/one/own2");
  CHECK(store.collect().bytes == 5 + 2);
}

TEST_CASE("what cannot be removed is told, and the rest goes", "[collect]") {
  if (skipped()) return;
  const Store store;
  store.write("staging/stuck/tree/hard", "x");
  store.write("staging/stuck/tree/soft", "y");
  store.write("blobs/hard.part", "z");
  const std::string hard = store.directory / "staging/stuck/tree/hard";
  const std::string profile = store.directory / ("profiles/" + kOther);
  if (!set_immutable(hard, true)) {
    WARN("skipped: no immutable files here");
    return;
  }
  REQUIRE(set_immutable(profile, true));
  REQUIRE(set_immutable(store.directory / "blobs/hard.part", true));
  const StoreReport report = store.collect();
  CHECK(shown(report.left) == Words{"download hard.part", "staging stuck", "profile " + kOther});
  for (const auto& entry : report.left) {
    INFO(entry.message);
    CHECK(entry.message.find("not permitted") != std::string::npos);
  }
  CHECK(store.has("staging/stuck/tree/hard"));
  CHECK_FALSE(store.has("staging/stuck/tree/soft"));
  CHECK(store.has("profiles/" + kOther + "/file"));  // whole
  REQUIRE(set_immutable(hard, false));
  REQUIRE(set_immutable(profile, false));
  REQUIRE(set_immutable(store.directory / "blobs/hard.part", false));

  SECTION("a file in a profile: it is gone from its place, and what is left goes later") {
    REQUIRE(set_immutable(profile + "/file", true));
    CHECK(shown(store.collect().left) == Words{"profile " + kOther});
    CHECK_FALSE(store.has("profiles/" + kOther));
    store.write("profiles/" + kOther + "/file", "sealed again, and not needed again");
    const auto again = store.collect();
    CHECK(shown(again.removed) == Words{"profile " + kOther});
    CHECK(shown(again.left) == Words{"staging retired-" + kOther});
    REQUIRE(set_immutable(store.directory / ("staging/retired-" + kOther + "/file"), false));
  }
  CHECK(store.collect().left.empty());
  CHECK(fs::is_empty(store.directory / "staging"));
}

TEST_CASE("what is mounted there is left alone", "[collect]") {
  if (skipped()) return;
  const Store store;
  const TempDir outside;
  write_text(outside / "precious", "keep me");
  fs::create_directories(store.directory / "staging/one/tree");
  fs::create_directories(store.directory / "staging/two");
  // In a mount namespace of its own, which goes with the child.
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto bind = [&](const std::string& at) {
      return ::mount(outside.path().c_str(), (store.directory / at).c_str(), nullptr, MS_BIND,
                     nullptr) == 0;
    };
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        !bind("staging/one/tree") || !bind("staging/two") || !bind("profiles/" + kOther))
      ::_exit(2);
    StoreRequest request;
    const auto report = collect(store.directory.path(), request);
    const bool good =
        report && report->left.size() == 3 && file_text(outside / "precious") == "keep me";
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 2) WARN("skipped: no mount namespaces here");
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) != 1);
  CHECK(file_text(outside / "precious") == "keep me");
}

TEST_CASE("what klubster did not make stays in the places of profiles and generations",
          "[collect]") {
  if (skipped()) return;
  const Store store;
  store.write("profiles/lost+found/x", "x");
  store.write("generations/notes", "x");
  const StoreReport report = store.collect();
  CHECK(shown(report.left) == Words{"profile lost+found", "generation notes"});
  CHECK(store.has("profiles/lost+found/x"));
}

TEST_CASE("a collection that was cut off anywhere leaves profiles whole or gone", "[collect]") {
  if (skipped()) return;
  const Store store;
  for (int i = 0; i < 300; ++i)
    store.write("profiles/" + kOther + "/" + std::to_string(i), "x");
  const auto count = [&](const std::string& name) {
    std::size_t number = 0;
    std::error_code absent;
    for (auto at = fs::directory_iterator(store.directory / name, absent);
         !absent && at != fs::directory_iterator(); ++at)
      ++number;
    return number;
  };
  for (int delay = 0; delay < 40; ++delay) {
    if (!store.has("profiles/" + kOther)) {
      store.write("profiles/" + kOther + "/file", "12345");
      for (int i = 0; i < 300; ++i)
        store.write("profiles/" + kOther + "/" + std::to_string(i), "x");
    }
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      StoreRequest request;
      request.profiles = {kKept};
      (void)collect(store.directory.path(), request);
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(delay * 100));
    ::kill(child, SIGKILL);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    const std::size_t there = count("profiles/" + kOther);
    CHECK((there == 301 || (there == 0 && !store.has("profiles/" + kOther))));
  }
  CHECK(store.collect().left.empty());
  CHECK(fs::is_empty(store.directory / "staging"));
  CHECK(store.has("profiles/" + kKept + "/bin/run"));
}

TEST_CASE("an empty store is collected without a word, and nothing is made", "[collect]") {
  const TempDir directory;
  StoreRequest request;
  request.kind = StoreRequest::Kind::kCollect;
  CHECK(collect(directory.path(), request));
  CHECK(fs::is_empty(directory.path()));
}

TEST_CASE("a store whose parts are links is not collected", "[collect]") {
  const TempDir directory, outside;
  write_text(outside / "precious", "keep me");
  fs::create_directory_symlink(outside.path(), directory / "blobs");
  CHECK_FALSE(collect(directory.path(), StoreRequest()));
  CHECK(file_text(outside / "precious") == "keep me");
}

TEST_CASE("a generation that is made meanwhile is not collected", "[collect]") {
  if (skipped()) return;
  const Store store;
  store.write("generations/12/config.json", "x");
  store.write("generations/13/config.json", "x");  // 12 is the newest that is known of
  store.write("generations/11/config.json", "x");

  store.collect();

  CHECK(store.has("generations/13/config.json"));
  CHECK_FALSE(store.has("generations/11"));
}
