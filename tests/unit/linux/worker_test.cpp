// A worker's request and result files.
#include "linux/worker.h"

#include <cstdlib>

#include "base/names.h"
#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/http/test_server.h"

using namespace klubster;

TEST_CASE("a worker finds its request among its credentials", "[worker]") {
  ::setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x", 1);
  const auto places = worker_places({});
  ::unsetenv("CREDENTIALS_DIRECTORY");
  REQUIRE(places);
  CHECK(places->request == "/run/credentials/x/request");
  CHECK(places->result == names::kWorkerResult);
}

TEST_CASE("a worker's options stand for its fixed places", "[worker]") {
  const auto places = worker_places({"--request", "a", "--result", "b", "--more", "c"}, {"--more"});
  REQUIRE(places);
  CHECK(places->request == "a");
  CHECK(places->options.at("--more") == "c");
  CHECK_FALSE(worker_places({"--request", "a", "--more", "c"}));
  CHECK_FALSE(worker_places({"--request"}));
  CHECK_FALSE(worker_places({}));
}

TEST_CASE("a result goes into the file that is there, and nowhere else", "[worker]") {
  const TempDir directory;
  WorkerPlaces places;
  places.result = directory / "result";
  Json result;
  result["ok"] = true;
  CHECK(deliver_result(places, result) == 2);
  CHECK_FALSE(exists(places.result));

  write_text(places.result, "a longer text that was there before");
  CHECK(deliver_result(places, result) == 0);
  CHECK(file_text(places.result) == R"({"ok":true})");

  const std::string link = directory / "link";
  std::filesystem::create_symlink(places.result, link);
  places.result = link;
  CHECK(deliver_result(places, result) == 2);
}

TEST_CASE("a failure says whether another try makes sense", "[worker]") {
  const Json refused =
      failed_result(Error(ErrorKind::kUntrusted, "ArchiveRefused", "a\nb").in("package"));
  CHECK_FALSE(refused.bool_or("ok", true));
  CHECK(refused.get("failure").text_or("message") == "package: a; b");
  CHECK_FALSE(refused.get("failure").bool_or("retry", true));
  const Json busy = failed_result(Error(ErrorKind::kUnavailable, "HttpStatus", "busy"), 30);
  CHECK(busy.get("failure").bool_or("retry"));
  CHECK(busy.get("failure").integer_or("retryAfter") == 30);
}

TEST_CASE("a result that is too large becomes a failure that is not", "[worker]") {
  const TempDir directory;
  WorkerPlaces places;
  places.result = directory / "result";
  write_text(places.result, "");
  Json result;
  result["ok"] = true;
  result["text"] = std::string(names::kResultJsonBytes, 'x');
  CHECK(deliver_result(places, result) == 1);
  CHECK(parse_json(file_text(places.result))->get("failure").text_or("reason") == "TooLarge");
}
