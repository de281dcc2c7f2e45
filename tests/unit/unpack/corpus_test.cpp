// Every archive of the corpus gets its verdict, and none leaves the staging or a trace.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/digest.h"
#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/unpack/archive_corpus.h"
#include "tests/unit/unpack/without_openat2.h"
#include "unpack/open_package.h"
#include "unpack/worker_call.h"

using namespace klubster;

namespace {

namespace fs = std::filesystem;

const char* const kOutside[] = {"/tmp/klubster-evil", "/klubster-evil"};

// What is wrong with a member of an unpacked tree; empty when nothing is.
std::string fault_of(const std::string& path, bool finished) {
  struct stat status = {};
  if (::lstat(path.c_str(), &status) != 0) return "cannot be looked at";
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) return "is no file and no directory";
  if (S_ISREG(status.st_mode) && status.st_nlink != 1) return "has another name";
  if (status.st_uid != ::geteuid()) return "has another owner";
  const mode_t mode = status.st_mode & 07777;
  const bool begun = !finished && S_ISREG(status.st_mode) && mode == 0600;
  const bool usual = mode == 0755 || (S_ISREG(status.st_mode) && mode == 0644);
  if (!usual && !begun) return "has mode " + std::to_string(mode);
  if (::llistxattr(path.c_str(), nullptr, 0) > 0) return "has attributes";
  return "";
}

std::string first_fault(const std::string& tree, bool finished) {
  for (const auto& entry : fs::recursive_directory_iterator(tree)) {
    const std::string fault = fault_of(entry.path().string(), finished);
    if (!fault.empty()) return entry.path().string() + " " + fault;
  }
  return "";
}

std::uintmax_t bytes_in(const std::string& tree) {
  std::uintmax_t sum = 0;
  for (const auto& entry : fs::recursive_directory_iterator(tree)) {
    if (entry.is_regular_file()) sum += entry.file_size();
  }
  return sum;
}

std::string verdict_of(const Result<OpenedPackage>& package) {
  return package ? "accept" : package.error().reason();
}

bool is_one_of(const std::string& verdict, const std::string& wanted) {
  const auto words = split(wanted, '|');
  return std::find(words.begin(), words.end(), verdict) != words.end();
}

bool is_printable(const std::string& text) {
  return printable(text, text.size() * 4 + 1) == text;
}

// Where temporary directories are made, for as long as it lives.
class TemporaryPlace {
 public:
  explicit TemporaryPlace(const std::string& path) {
    if (const char* before = std::getenv("TMPDIR")) before_ = before;
    ::setenv("TMPDIR", path.c_str(), 1);
  }
  TemporaryPlace(const TemporaryPlace&) = delete;
  TemporaryPlace& operator=(const TemporaryPlace&) = delete;
  ~TemporaryPlace() {
    if (before_.empty()) {
      ::unsetenv("TMPDIR");
    } else {
      ::setenv("TMPDIR", before_.c_str(), 1);
    }
  }

 private:
  std::string before_;
};

}  // namespace

TEST_CASE("the corpus holds at least 60 kinds of attack and damage", "[archives]") {
  std::size_t bad = 0, good = 0;
  for (const auto& one : archive_cases())
    ++(one.verdict == "accept" ? good : bad);
  CHECK(bad >= 60);
  CHECK(good >= 20);
}

TEST_CASE("every archive of the corpus gets its verdict and stays in its place", "[archives]") {
  // A DynamicUser= unit has no openat2.
  const bool there = GENERATE(true, false);
  const ::mode_t umask = ::umask(0022);
  for (const auto& one : archive_cases()) {
    INFO(one.name);
    const TempDir place;
    const std::string tree = place / "around/tree";
    REQUIRE(fs::create_directories(tree));
    const auto blob = open_file(archive_corpus() / (one.name + ".tgz"), O_RDONLY);
    REQUIRE(blob);

    Result<OpenedPackage> package = Error(ErrorKind::kInternal, "WorkerFailed", "did not run");
    with_openat2(there, [&] { package = unpack_into(blob->get(), tree, one.limits); });

    const std::string message = package ? "" : package.error().message();
    INFO(verdict_of(package) << ": " << message);
    CHECK(is_one_of(verdict_of(package), one.verdict));
    CHECK(message.find(one.words) != std::string::npos);
    CHECK((verdict_of(package) == "ManifestInvalid" || is_printable(message)));
    CHECK(first_fault(tree, package.has_value()) == "");
    CHECK(bytes_in(tree) <= std::min<std::uint64_t>(one.limits.bytes, 64 << 20));
    CHECK(std::distance(fs::directory_iterator(place / "around"), {}) == 1);
    CHECK(std::distance(fs::directory_iterator(place.path()), {}) == 1);
    for (const char* outside : kOutside)
      CHECK_FALSE(fs::exists(outside));
  }
  ::umask(umask);
}

TEST_CASE("the worker leaves its staging empty when it refuses, and begins with an empty one",
          "[archives]") {
  for (const auto& one : archive_cases()) {
    INFO(one.name);
    const TempDir staging;
    write_text(staging / "bin/one", "of a try that was cut off");
    const std::string path = archive_corpus() / (one.name + ".tgz");
    const auto blob = open_file(path, O_RDONLY);
    REQUIRE(blob);
    UnpackRequest request;
    request.sha256 = sha256_hex(file_text(path));
    request.limits = one.limits;
    const Json result = judge_and_unpack(blob->get(), staging.path(), request);
    INFO(result.dump());
    CHECK(result.bool_or("ok") == (one.verdict == "accept"));
    CHECK(fs::is_empty(staging.path()) == (one.verdict != "accept"));
  }
}

TEST_CASE("looking into a package leaves nothing behind, whatever it holds", "[archives]") {
  const TempDir place;
  const TemporaryPlace temporary(place.path());
  for (const auto& one : archive_cases()) {
    INFO(one.name);
    const auto package = open_package(archive_corpus() / (one.name + ".tgz"), one.limits);
    CHECK(is_one_of(verdict_of(package), one.verdict));
    CHECK(fs::is_empty(place.path()));
  }
}
