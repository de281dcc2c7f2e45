// Another process of root's that changes things while a package is judged and unpacked.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "base/digest.h"
#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/unpack/archive_corpus.h"
#include "tests/unit/unpack/without_openat2.h"
#include "unpack/extract.h"
#include "unpack/open_package.h"
#include "unpack/worker_call.h"

using namespace klubster;

namespace {

namespace fs = std::filesystem;

constexpr int kRounds = 150;

// A process that does one thing over and over until this goes away.
class Attacker {
 public:
  template <typename Act>
  explicit Attacker(Act act) : pid_(::fork()) {
    if (pid_ != 0) return;
    while (true)
      act();
  }
  Attacker(const Attacker&) = delete;
  Attacker& operator=(const Attacker&) = delete;
  ~Attacker() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_;
};

// Two packages of one size, the one that is trusted and another.
struct Swap {
  TempDir directory;
  std::string blob = directory / "package.tgz";
  std::string evil_blob = directory / "evil.tgz";
  std::string good = file_text(archive_corpus() / "swap-good.tgz");
  std::string evil = file_text(archive_corpus() / "swap-evil.tgz");
  UnpackRequest request;

  Swap() {
    REQUIRE(good.size() == evil.size());
    REQUIRE(good != evil);
    write_text(blob, good);
    write_text(evil_blob, evil);
    request.sha256 = sha256_hex(good);
  }

  // Whether the good package was unpacked; the evil one never is.
  bool unpack(int round) const {
    const std::string staging = directory / ("staging-" + std::to_string(round));
    REQUIRE(fs::create_directory(staging));
    const auto fd = open_file(blob, O_RDONLY);
    REQUIRE(fd);
    const Json result = judge_and_unpack(fd->get(), staging, request);
    INFO(result.dump());
    if (result.bool_or("ok")) {
      CHECK(file_text(staging + "/bin/one") == "#!/bin/sh\necho good\n");
    } else {
      CHECK(fs::is_empty(staging));
      const std::string reason = result.get("failure").text_or("reason");
      CHECK((reason == "DigestMismatch" || reason == "ArchiveRefused"));
    }
    fs::remove_all(staging);
    return result.bool_or("ok");
  }
};

}  // namespace

TEST_CASE("a package whose name is given to another one is never mistaken for it", "[archives]") {
  const Swap swap;
  const Attacker attacker([&] {
    (void)::renameat2(AT_FDCWD, swap.blob.c_str(), AT_FDCWD, swap.evil_blob.c_str(),
                      RENAME_EXCHANGE);
  });
  int unpacked = 0;
  with_openat2(GENERATE(true, false), [&] {
    for (int round = 0; round < kRounds; ++round)
      unpacked += swap.unpack(round) ? 1 : 0;
  });
  CHECK(unpacked > 0);
  CHECK(unpacked < kRounds);
}

TEST_CASE("bytes that change after they were proven are not accepted", "[archives]") {
  const Swap swap;
  const auto fd = open_file(swap.blob, O_WRONLY);
  REQUIRE(fd);
  const auto put = [&](const std::string& bytes) {
    (void)::pwrite(fd->get(), bytes.data(), bytes.size(), 0);
  };
  const Attacker attacker([&] {
    put(swap.evil);
    put(swap.good);
  });
  with_openat2(GENERATE(true, false), [&] {
    for (int round = 0; round < kRounds; ++round)
      (void)swap.unpack(round);
  });
}

TEST_CASE("what was proven and what is unpacked must be the same bytes", "[archives]") {
  const Swap swap;
  const TempDir staging;
  const auto fd = open_file(swap.evil_blob, O_RDONLY);
  REQUIRE(fd);
  const auto package = unpack_into(fd->get(), staging.path(), {}, swap.request.sha256);
  REQUIRE_FALSE(package);
  CHECK(package.error().reason() == "DigestMismatch");
}

TEST_CASE("links put into the staging while it is filled lead nowhere", "[archives]") {
  const TempDir place;
  const std::string outside = place / "outside";
  write_text(outside + "/one", "mine");
  const std::string staging = place / "staging";
  REQUIRE(fs::create_directory(staging));
  const auto fd = open_file(staging, O_RDONLY | O_DIRECTORY);
  const auto blob = open_file(archive_corpus() / "many-files.tgz", O_RDONLY);
  REQUIRE(fd);
  REQUIRE(blob);
  const std::string at = staging + "/bin", link = place / "link";
  fs::create_directory_symlink(outside, link);
  // `bin` is now a directory, now a link that leads out.
  const Attacker attacker([&] {
    (void)::renameat2(AT_FDCWD, at.c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE);
    (void)::symlink(outside.c_str(), (staging + "/d7").c_str());
  });
  int refused = 0;
  with_openat2(GENERATE(true, false), [&] {
    for (int round = 0; round < kRounds; ++round) {
      if (!extract_package(blob->get(), fd->get(), {})) ++refused;
      CHECK(file_text(outside + "/one") == "mine");
      CHECK(std::distance(fs::directory_iterator(outside), {}) == 1);
      for (const auto& entry : fs::directory_iterator(staging)) {
        std::error_code moved;  // away from under us: the next round meets it
        fs::remove_all(entry.path(), moved);
      }
    }
  });
  CHECK(refused > 0);
}
