// What the workers are asked, and how little of their answers is believed.
#include "daemon/worker_host.h"

#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;

namespace {

class Scene {
 public:
  Scene() {
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

  TemporaryDirectory directory;
  Places places;
  NodeConfig config;
  std::string fingerprint;
};

}  // namespace

TEST_CASE("each try of a download takes the next place", "[workers]") {
  Scene scene;
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
  Scene scene;
  auto unpinned = scene.assigned();
  CHECK_FALSE(scene.request(unpinned, WorkerStage::kPackage).bool_or("allowHttp", true));
  scene.config.profile.sha256 = std::string(64, 'a');
  auto pinned = scene.assigned();
  CHECK(scene.request(pinned, WorkerStage::kPackage).bool_or("allowHttp"));
}

TEST_CASE("an interrupted download goes on where it was, as long as it is the same object",
          "[workers]") {
  Scene scene;
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
  Scene scene;
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
  Scene scene;
  auto workers = scene.assigned();
  scene.answer(WorkerStage::kPackage,
               R"({"v":1,"ok":false,"bytes":0,
                   "failure":{"reason":"HttpStatus","message":"503","retry":true,"retryAfter":999999}})");
  CHECK(workers.read_result(WorkerStage::kPackage).retry_after_sec == 3600);
}
