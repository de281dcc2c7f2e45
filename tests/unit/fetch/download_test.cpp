// Downloading into a descriptor: promised sizes, resumption, refusals.
#include "fetch/download.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/fetch/blob.h"

using namespace klubster;

namespace {

// A file to download into, with what an earlier try left there.
struct Target {
  TempDir directory;
  UniqueFd fd = std::move(*open_file(directory / "blob", O_RDWR | O_CREAT, 0600));

  explicit Target(const std::string& earlier = "") { REQUIRE(write_all(fd.get(), earlier)); }
  std::string content() const { return file_text(directory / "blob"); }
};

DownloadRequest request_for(std::string url) {
  DownloadRequest request;
  request.url = std::move(url);
  request.max_bytes = 1'000'000;
  return request;
}

DownloadOutcome download(const Target& target, DownloadRequest request) {
  auto loop = std::move(*EventLoop::create());
  auto client = std::move(*HttpClient::create(loop));
  DownloadOutcome result;
  Download one(loop, client, target.fd.get(), std::move(request), {});
  one.start([&](DownloadOutcome outcome) {
    result = std::move(outcome);
    loop.exit(0);
  });
  loop.run();
  return result;
}

std::string reason_of(const DownloadOutcome& outcome) {
  return outcome.error ? outcome.error->reason() : "none";
}

}  // namespace

TEST_CASE("a whole object replaces what was in the file", "[fetch]") {
  const TestServer server;
  const Target target("rubbish that is longer");
  auto request = request_for(server.url("/blob"));
  request.expected_bytes = kBlobBytes;
  const auto outcome = download(target, request);
  CHECK(reason_of(outcome) == "none");
  CHECK(outcome.bytes == kBlobBytes);
  CHECK(outcome.validator == "\"v1\"");
  CHECK(target.content() == blob_bytes());
}

TEST_CASE("a cut download goes on where it was and gives the same bytes", "[fetch]") {
  const TestServer server;
  const Target target;
  const auto first = download(target, request_for(server.url("/short/1234")));
  CHECK(reason_of(first) == "WrongSize");
  CHECK(first.bytes == 1234);
  CHECK(first.validator == "\"v1\"");

  auto request = request_for(server.url("/blob"));
  request.resume = HttpResume{first.bytes, first.validator};
  const auto second = download(target, request);

  CHECK(reason_of(second) == "none");
  CHECK(target.content() == blob_bytes());
}

TEST_CASE("an object that changed, a server without ranges: from zero, never mixed", "[fetch]") {
  const TestServer server;
  const auto* path = GENERATE("/blob/changed", "/blob/norange", "/blob/status412", "/blob/weak");
  INFO(path);
  const Target target(std::string(5000, '!'));
  auto request = request_for(server.url(path));
  request.resume = HttpResume{5000, "\"v1\""};
  const auto outcome = download(target, request);
  CHECK(reason_of(outcome) == "none");
  CHECK(target.content() == blob_bytes());
}

TEST_CASE("a part beyond the end is answered by 416: from zero", "[fetch]") {
  const TestServer server;
  const Target target(std::string(400'000, '!'));
  auto request = request_for(server.url("/blob"));
  request.resume = HttpResume{400'000, "\"v1\""};
  CHECK(reason_of(download(target, request)) == "none");
  CHECK(target.content() == blob_bytes());
}

TEST_CASE("a server that sends another part than asked for is not believed", "[fetch]") {
  const TestServer server;
  const Target target(std::string(1000, '!'));
  auto request = request_for(server.url("/blob/liar"));
  request.resume = HttpResume{1000, "\"v1\""};
  const auto outcome = download(target, request);
  CHECK(reason_of(outcome) == "WrongSize");
  CHECK(outcome.bytes == 0);
  CHECK(target.content().empty());
}

TEST_CASE("a partial file shorter than it should be is not gone on with", "[fetch]") {
  const TestServer server;
  const Target target("short");
  auto request = request_for(server.url("/blob"));
  request.resume = HttpResume{1000, "\"v1\""};
  CHECK(reason_of(download(target, request)) == "none");
  CHECK(target.content() == blob_bytes());
}

TEST_CASE("another size than was signed is WrongSize", "[fetch]") {
  const TestServer server;
  const Target target;
  auto request = request_for(server.url("/blob"));
  request.expected_bytes = GENERATE(kBlobBytes - 1, kBlobBytes + 1, std::uint64_t{0});
  const auto outcome = download(target, request);
  CHECK(reason_of(outcome) == "WrongSize");
  CHECK(outcome.bytes == 0);
}

TEST_CASE("more than is allowed is TooLarge, with a length or without", "[fetch]") {
  const TestServer server;
  const Target target;
  auto request = request_for(server.url(GENERATE("/blob", "/chunked/300")));
  request.max_bytes = 100'000;
  CHECK(reason_of(download(target, request)) == "TooLarge");
  CHECK(target.content().size() <= 100'000);
}

TEST_CASE("a promise over the limit is refused without asking the server", "[fetch]") {
  const Target target;
  auto request = request_for("https://127.0.0.1:1/");
  request.expected_bytes = 2'000'000;
  CHECK(reason_of(download(target, request)) == "TooLarge");
}

TEST_CASE("the page of an error never lands in the file", "[fetch]") {
  const TestServer server;
  const Target target;
  const auto outcome = download(target, request_for(server.url("/missing")));
  CHECK(reason_of(outcome) == "HttpStatus");
  CHECK(outcome.error->message().find("404: nothing of that name here") != std::string::npos);
  CHECK(target.content().empty());
}

TEST_CASE("Retry-After reaches the daemon", "[fetch]") {
  const TestServer server;
  const Target target;
  const Json json = to_json(download(target, request_for(server.url("/status/503/30"))));
  CHECK_FALSE(json.bool_or("ok", true));
  CHECK(json.get("failure").integer_or("retryAfter") == 30);
  CHECK(json.get("failure").bool_or("retry"));
  CHECK(json.get("failure").text_or("reason") == "HttpStatus");
}

TEST_CASE("plain http is for this machine itself or a pinned digest", "[fetch]") {
  const Target target;
  CHECK(reason_of(download(target, request_for("http://example.invalid/x"))) == "BadValue");
  CHECK(reason_of(download(target, request_for("http://127.0.0.1.example.invalid/x"))) ==
        "BadValue");
  auto pinned = request_for("http://example.invalid/x");
  pinned.allow_http = true;
  CHECK(reason_of(download(target, pinned)) == "NameLookup");
}

TEST_CASE("an empty object is an empty file", "[fetch]") {
  const TestServer server;
  const Target target("left over");
  CHECK(reason_of(download(target, request_for(server.url("/chunked/0")))) == "none");
  CHECK(target.content().empty());
}

TEST_CASE("a fetch request is read strictly", "[fetch]") {
  const auto read = [](const char* text) {
    return download_request_from_json(*parse_json(text)).has_value();
  };
  CHECK(read(R"({"v":1,"url":"https://x/","maxBytes":5})"));
  CHECK(read(R"({"v":1,"url":"https://x/","maxBytes":5,"expectedBytes":4,"ca":"PEM",)"
             R"("allowHttp":true,"resume":{"offset":1,"validator":"\"e\""}})"));
  CHECK_FALSE(read(R"({"v":2,"url":"https://x/","maxBytes":5})"));
  CHECK_FALSE(read(R"({"v":1,"maxBytes":5})"));
  CHECK_FALSE(read(R"({"v":1,"url":"https://x/","maxBytes":-5})"));
  CHECK_FALSE(read(R"({"v":1,"url":"https://x/","maxBytes":5,"more":1})"));
  CHECK_FALSE(read("[]"));
}
