// What the workers are asked, and how little of their answers is believed.
#include "daemon/worker_host.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;

namespace {

class WorkersScene {
 public:
  WorkersScene() {
    places.state = directory.path() + "/state";
    places.run = directory.path() + "/run";
    REQUIRE(make_places(places).has_value());
    config.profile.url = "https://one.example/p.tgz";
    config.profile.mirrors = {"https://two.example/p.tgz"};
    config.profile.trusted_keys = {"RWQ…"};
  }
  ProfileWorkers assigned() {
    ProfileWorkers workers(places);
    auto origin = workers.assign(config, {});
    REQUIRE(origin.has_value());
    fingerprint = origin->fingerprint;
    return workers;
  }
  // The request that a worker of this stage gets.
  Json request(ProfileWorkers& workers, WorkerStage stage, std::uint64_t attempt = 1) {
    REQUIRE(workers.prepare({stage, "unit.service", attempt}).has_value());
    const auto text =
        read_file(places.credentials() + "/worker-" + std::string(to_string(stage)), 1 << 20);
    REQUIRE(text.has_value());
    return *parse_json(*text, {.bytes = 1 << 20});
  }
  void answer(WorkerStage stage, const std::string& text) {
    const std::string file = places.results() + "/" + std::string(to_string(stage)) + "-" +
                             fingerprint.substr(0, 16) + ".json";
    REQUIRE(write_file(file, text, 0666).has_value());
  }

  void bring(const std::string& name, const std::string& text) {
    REQUIRE(make_directory(places.media_files(), 0700).has_value());
    REQUIRE(write_file(places.media_files() + "/" + name, text, 0600).has_value());
  }
  // What a worker of this stage is handed.
  std::string handed(ProfileWorkers& workers, WorkerStage stage, bool medium) {
    const auto unit = workers.prepare({stage, "unit.service", 1, medium});
    REQUIRE(unit.has_value());
    for (const auto& [name, value] : unit->properties) {
      if (name != "StandardInputFileDescriptor") continue;
      const int fd = std::get<BlobDescriptor>(value).fd;
      CHECK((::fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
      return *read_descriptor(fd, 1 << 20);
    }
    return "";
  }
  std::string downloaded() const {
    return places.blobs() + "/" + fingerprint.substr(0, 32) + ".part";
  }

  TemporaryDirectory directory;
  Places places;
  NodeConfig config;
  std::string fingerprint;
};

}  // namespace

TEST_CASE("each try of a download takes the next place", "[workers]") {
  WorkersScene scene;
  auto workers = scene.assigned();
  const auto url = [&](std::uint64_t attempt) {
    return scene.request(workers, WorkerStage::kPackage, attempt).text_or("url");
  };
  CHECK(url(1) == "https://one.example/p.tgz");
  CHECK(url(2) == "https://two.example/p.tgz");
  CHECK(url(3) == "https://one.example/p.tgz");
  CHECK(scene.request(workers, WorkerStage::kSignature, 2).text_or("url") ==
        "https://two.example/p.tgz.minisig");
}

TEST_CASE("plain http is asked for only with a pinned digest", "[workers]") {
  WorkersScene scene;
  auto unpinned = scene.assigned();
  CHECK_FALSE(scene.request(unpinned, WorkerStage::kPackage).bool_or("allowHttp", true));
  scene.config.profile.sha256 = std::string(64, 'a');
  auto pinned = scene.assigned();
  CHECK(scene.request(pinned, WorkerStage::kPackage).bool_or("allowHttp"));
}

TEST_CASE("an interrupted download goes on where it was, as long as it is the same object",
          "[workers]") {
  WorkersScene scene;
  auto workers = scene.assigned();
  (void)scene.request(workers, WorkerStage::kPackage);
  scene.answer(WorkerStage::kPackage,
               R"({"v":1,"ok":false,"bytes":1000,"validator":"\"e1\"",
                   "failure":{"reason":"SlowTransfer","message":"stalled","retry":true}})");
  const WorkerVerdict verdict = workers.read_result(WorkerStage::kPackage);
  CHECK_FALSE(verdict.ok);
  CHECK(verdict.reason == "SlowTransfer");
  const Json resume = scene.request(workers, WorkerStage::kPackage, 2).get("resume");
  CHECK(resume.integer_or("offset") == 1000);
  CHECK(resume.text_or("validator") == "\"e1\"");
  workers.drop_downloads();
  CHECK(scene.request(workers, WorkerStage::kPackage, 3).get("resume").is_null());
}

TEST_CASE("a result that is not what was agreed is a failure of the worker", "[workers]") {
  WorkersScene scene;
  auto workers = scene.assigned();
  const std::string text =
      GENERATE(as<std::string>{}, "", "{", "[]", R"({"v":1,"ok":true})",
               R"({"v":1,"ok":true,"sha256":"../../etc","bytes":1,"entries":1,"profile":{}})",
               R"({"v":1,"ok":true,"sha256":"x","bytes":1,"entries":1,"profile":{},"more":1})");
  scene.answer(WorkerStage::kUnpack, text);
  const WorkerVerdict verdict = workers.read_result(WorkerStage::kUnpack);
  CHECK_FALSE(verdict.ok);
  CHECK(verdict.reason == "WorkerFailed");
}

TEST_CASE("a server's wish to wait is believed up to an hour", "[workers]") {
  WorkersScene scene;
  auto workers = scene.assigned();
  scene.answer(WorkerStage::kPackage,
               R"({"v":1,"ok":false,"bytes":0,
                   "failure":{"reason":"HttpStatus","message":"503","retry":true,"retryAfter":999999}})");
  CHECK(workers.read_result(WorkerStage::kPackage).retry_after_sec == 3600);
}

TEST_CASE("while the clock is behind, that is why TLS fails", "[workers]") {
  WorkersScene scene;
  auto workers = scene.assigned();
  const std::string reason = GENERATE("TlsFailed", "ConnectFailed");
  scene.answer(WorkerStage::kPackage, R"({"failure":{"message":"no","reason":")" + reason +
                                          R"(","retry":true},"ok":false})");
  CHECK(workers.read_result(WorkerStage::kPackage).reason == reason);
  workers.set_clock_trouble(Error(ErrorKind::kUnavailable, "ClockSuspect", "it says 1970"));
  const auto verdict = workers.read_result(WorkerStage::kPackage);
  CHECK(verdict.reason == (reason == "TlsFailed" ? "ClockSuspect" : reason));
  CHECK(verdict.message == (reason == "TlsFailed" ? "it says 1970: no" : "no"));
}

TEST_CASE("a download that got on stays with its place, one that did not goes to the next",
          "[workers]") {
  WorkersScene scene;
  auto workers = scene.assigned();
  const auto cut = [&](int bytes) {
    scene.answer(
        WorkerStage::kPackage,
        R"({"v":1,"ok":false,"bytes":)" + std::to_string(bytes) +
            R"(,"validator":"\"e\"","failure":{"reason":"ConnectFailed","message":"reset","retry":true}})");
    (void)workers.read_result(WorkerStage::kPackage);
  };
  const auto next = [&](std::uint64_t attempt) {
    return scene.request(workers, WorkerStage::kPackage, attempt);
  };
  (void)next(1);
  cut(100'000);
  CHECK(next(2).text_or("url") == "https://one.example/p.tgz");
  cut(200'000);
  CHECK(next(3).text_or("url") == "https://one.example/p.tgz");
  cut(200'001);
  const Json request = next(4);
  CHECK(request.text_or("url") == "https://two.example/p.tgz");
  CHECK(request.get("resume").integer_or("offset") == 200'001);
}

TEST_CASE("what a worker wrote down before it was cut off is where the next one goes on",
          "[workers]") {
  WorkersScene scene;
  auto workers = scene.assigned();
  (void)scene.request(workers, WorkerStage::kPackage);
  scene.answer(WorkerStage::kPackage,
               R"({"v":1,"ok":false,"partial":true,"bytes":4096,"validator":"\"e\"",
                   "failure":{"reason":"WorkerFailed","message":"cut off","retry":true}})");
  auto after_reboot = scene.assigned();
  const Json resume = scene.request(after_reboot, WorkerStage::kPackage, 2).get("resume");
  CHECK(resume.integer_or("offset") == 4096);
  CHECK(resume.text_or("validator") == "\"e\"");
}

TEST_CASE("a package that may have been published anew is asked for with its signature",
          "[workers]") {
  WorkersScene scene;
  auto workers = scene.assigned();
  (void)scene.request(workers, WorkerStage::kSignature);
  REQUIRE(workers.present().count(WorkerStage::kSignature) == 1);
  scene.answer(WorkerStage::kPackage,
               R"({"v":1,"ok":false,"bytes":0,
                   "failure":{"reason":"WrongSize","message":"more","retry":true}})");
  (void)workers.read_result(WorkerStage::kPackage);
  CHECK(workers.present().count(WorkerStage::kSignature) == 0);
}

TEST_CASE("after a body that was cut short the signature is kept, until that leads nowhere",
          "[workers]") {
  WorkersScene scene;
  auto workers = scene.assigned();
  (void)scene.request(workers, WorkerStage::kSignature);
  const auto cut_at = [&](int bytes) {
    (void)scene.request(workers, WorkerStage::kPackage);
    scene.answer(WorkerStage::kPackage, R"({"v":1,"ok":false,"bytes":)" + std::to_string(bytes) +
                                            R"(,"validator":"\"e\"",
                        "failure":{"reason":"WrongSize","message":"less","retry":true}})");
    (void)workers.read_result(WorkerStage::kPackage);
    return workers.present().count(WorkerStage::kSignature) == 1;
  };
  CHECK(cut_at(1000));
  CHECK(cut_at(2000));
  // Nothing more came: what is there now is of another size.
  CHECK_FALSE(cut_at(2000));
}

TEST_CASE("a lying worker chooses neither words nor the next request", "[workers]") {
  WorkersScene scene;
  auto workers = scene.assigned();
  (void)scene.request(workers, WorkerStage::kPackage);
  const std::string result = GENERATE(
      as<std::string>{},
      R"({"v":1,"ok":false,"bytes":5,"validator":"a\u001b[2J","failure":{"reason":"AllIsWell"}})",
      R"({"v":1,"ok":false,"bytes":-5,"validator":"\"e\"","failure":"no"})",
      R"({"v":1,"ok":"yes","bytes":"many","validator":7,"failure":[]})", "[1]", "null",
      R"({"ok":false,"bytes":5,"validator":")" + std::string(600, 'e') + "\"}",
      std::string(70'000, ' '));
  scene.answer(WorkerStage::kPackage, result);
  const WorkerVerdict verdict = workers.read_result(WorkerStage::kPackage);
  CHECK_FALSE(verdict.ok);
  CHECK(verdict.reason == "WorkerFailed");
  CHECK(scene.request(workers, WorkerStage::kPackage, 2).get("resume").is_null());
}

TEST_CASE("a download that somebody can still write to is not judged but fetched anew",
          "[workers]") {
  WorkersScene scene;
  auto workers = scene.assigned();
  (void)scene.request(workers, WorkerStage::kSignature);
  (void)scene.request(workers, WorkerStage::kPackage);
  const auto kept = open_file(scene.downloaded(), O_RDWR);  // by a worker that passed it on
  REQUIRE(kept.has_value());
  CHECK_FALSE(workers.prepare({WorkerStage::kUnpack, "unit.service", 1}).has_value());
  CHECK(workers.present().count(WorkerStage::kPackage) == 0);

  (void)scene.request(workers, WorkerStage::kSignature);
  (void)scene.request(workers, WorkerStage::kPackage);
  REQUIRE(write_all(kept->get(), "bytes of the liar").has_value());
  CHECK(scene.handed(workers, WorkerStage::kUnpack, false).empty());
}

TEST_CASE("what an unpacking that was cut off left goes aside: its user is another one each time",
          "[workers]") {
  WorkersScene scene;
  auto workers = scene.assigned();
  (void)scene.request(workers, WorkerStage::kSignature);
  (void)scene.request(workers, WorkerStage::kPackage);
  const std::string own = scene.places.staging() + "/" + scene.fingerprint.substr(0, 16);
  for (std::size_t attempt = 1; attempt <= 3; ++attempt) {
    (void)scene.handed(workers, WorkerStage::kUnpack, false);
    CHECK(list_directory(own + "/tree")->empty());
    CHECK(list_directory(scene.places.staging())->size() == attempt);
    REQUIRE(make_directory(own + "/tree/bin", 0700).has_value());
  }
  REQUIRE(::rmdir((own + "/tree/bin").c_str()) == 0);
  (void)scene.handed(workers, WorkerStage::kUnpack, false);
  CHECK(list_directory(scene.places.staging())->size() == 3);  // an empty one serves again
}

TEST_CASE("a worker's files cannot outgrow what was promised", "[workers]") {
  WorkersScene scene;
  scene.config.profile.limits.bytes = 5'000'000;
  auto workers = scene.assigned();
  const auto unit = workers.prepare({WorkerStage::kPackage, "unit.service", 1});
  REQUIRE(unit.has_value());
  std::uint64_t limit = 0;
  for (const auto& [name, value] : unit->properties) {
    if (name == "LimitFSIZE") limit = std::get<std::uint64_t>(value);
  }
  CHECK(limit == 5'000'001);
}

TEST_CASE("a medium's package is found by the URL's last segment or by its digest", "[workers]") {
  WorkersScene scene;
  scene.config.profile.sha256 = std::string(64, 'a');
  auto workers = scene.assigned();
  const std::set<WorkerStage> both = {WorkerStage::kSignature, WorkerStage::kPackage};
  CHECK(workers.at_hand().empty());
  scene.bring("p.tgz", "by name");
  CHECK(workers.at_hand() == std::set<WorkerStage>{WorkerStage::kPackage});
  scene.bring("p.tgz.minisig", "signature by name");
  CHECK(workers.at_hand() == both);
  CHECK(scene.handed(workers, WorkerStage::kUnpack, true) == "by name");

  scene.bring(std::string(64, 'a'), "by digest");
  scene.bring(std::string(64, 'a') + ".minisig", "signature");
  CHECK(scene.handed(workers, WorkerStage::kUnpack, true) == "by digest");
  workers.refuse_medium();
  CHECK(scene.handed(workers, WorkerStage::kUnpack, true) == "by name");
  workers.refuse_medium();
  CHECK(workers.at_hand().empty());
  scene.bring("p.tgz", "by name, mended");
  CHECK(workers.at_hand() == both);
}

TEST_CASE("what is no plain file is nothing that a medium brought", "[workers]") {
  WorkersScene scene;
  auto workers = scene.assigned();
  scene.bring("other", "something");
  const std::string path = scene.places.media_files() + "/p.tgz";
  SECTION("a link") {
    REQUIRE(::symlink("other", path.c_str()) == 0);
  }
  SECTION("a directory") {
    REQUIRE(::mkdir(path.c_str(), 0700) == 0);
  }
  SECTION("a FIFO") {
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  }
  CHECK(workers.at_hand().empty());
}

TEST_CASE("the last segment of a URL is a plain file name or nothing", "[workers]") {
  CHECK(last_segment("https://h/a/p-1.0.tgz") == "p-1.0.tgz");
  CHECK(last_segment("https://h/p.tgz?token=a/b#c/d") == "p.tgz");
  for (const char* url : {"https://h", "https://h/", "https://h/..", "https://h/.p", "https://h/-p",
                          "https://h/p%2f..", "https://h/a b", "p.tgz", ""}) {
    INFO(url);
    CHECK(last_segment(url).empty());
  }
}
