// A server that lies: each lie has its class, and the file holds nothing that was not promised.
#include <fcntl.h>
#include <unistd.h>

#include "fetch/download.h"
#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/fetch/blob.h"

using namespace klubster;

namespace {

const TestServer& server() {
  static const TestServer one;
  return one;
}

// What came of it, and what is in the file afterwards.
struct Told {
  std::string reason, message;
  bool retry = false;
  std::uint64_t bytes = 0;
  std::string validator;
  std::string content;
};

// `had` bytes of the right object are there already, as of a download that was cut off.
Told ask(const std::string& path, std::uint64_t had = 0,
         std::optional<std::uint64_t> expected = kBlobBytes) {
  const TempDir directory;
  const UniqueFd fd = std::move(*open_file(directory / "blob", O_RDWR | O_CREAT, 0600));
  REQUIRE(write_all(fd.get(), blob_bytes().substr(0, had)));
  DownloadRequest request;
  request.url = server().url(path);
  request.max_bytes = 1'000'000;
  request.expected_bytes = expected;
  if (had > 0) request.resume = HttpResume{had, "\"v1\""};
  auto loop = std::move(*EventLoop::create());
  auto client = std::move(*HttpClient::create(loop));
  Told told;
  Download one(loop, client, fd.get(), std::move(request), {});
  one.start([&](const DownloadOutcome& outcome) {
    const Json json = to_json(outcome);
    told.reason = outcome.error ? outcome.error->reason() : "none";
    told.message = outcome.error ? outcome.error->message() : "";
    told.retry = json.get("failure").bool_or("retry");
    told.bytes = outcome.bytes;
    told.validator = outcome.validator;
    loop.exit(0);
  });
  loop.run();
  told.content = file_text(directory / "blob");
  CHECK(told.content.size() <= (expected ? *expected : 1'000'000) + 1);
  return told;
}

}  // namespace

TEST_CASE("each lie of a server has its class and leaves nothing wrong behind", "[lies]") {
  struct Lie {
    const char* name;
    const char* reason;
    std::uint64_t kept;  // bytes that are a part of the object and may be gone on with
  };
  const auto lie =
      GENERATE(Lie{"chunked-longer", "WrongSize", 0}, Lie{"chunked-shorter", "WrongSize", 0},
               Lie{"length-smaller", "WrongSize", 0}, Lie{"length-larger", "WrongSize", 0},
               Lie{"empty", "WrongSize", 0}, Lie{"page", "WrongSize", 0},
               Lie{"part", "WrongSize", 0}, Lie{"no-content", "HttpStatus", 0},
               Lie{"not-modified", "HttpStatus", 0}, Lie{"created", "HttpStatus", 0},
               Lie{"only-100", "ConnectFailed", 0}, Lie{"endless-100", "TooLarge", 0},
               Lie{"endless-headers", "TooLarge", 0}, Lie{"huge-header", "TooLarge", 0},
               Lie{"http-0.9", "HttpStatus", 0}, Lie{"http-9", "HttpStatus", 0},
               Lie{"nothing", "ConnectFailed", 0}, Lie{"bomb", "WrongSize", 0},
               Lie{"length-none-cut", "WrongSize", 70'000}, Lie{"reset", "ConnectFailed", 100'000});
  INFO(lie.name);
  const Told told = ask(std::string("/lie/") + lie.name);
  INFO(told.message);
  CHECK(told.reason == lie.reason);
  CHECK(told.bytes == lie.kept);
  CHECK(told.content == blob_bytes().substr(0, lie.kept));
}

TEST_CASE("a chunked body that is cut or damaged is no whole one", "[lies]") {
  const Told told = ask(GENERATE("/lie/chunked-cut", "/lie/chunked-rubbish"));
  CHECK(told.reason != "none");
  CHECK(told.retry);
}

TEST_CASE("what a server adds to the right bytes does not count", "[lies]") {
  const Told told = ask(GENERATE("/lie/trailing", "/lie/html", "/lie/gzip"));
  CHECK(told.reason == "none");
  CHECK(told.content == blob_bytes());
}

TEST_CASE("without a promised size the limit holds, also for what is unpacked on the way",
          "[lies]") {
  const Told told = ask(GENERATE("/lie/bomb", "/lie/chunked-longer"), 0, std::nullopt);
  CHECK(told.reason == "TooLarge");
  CHECK(told.content.empty());
}

TEST_CASE("a part of something else is thrown away with what was there", "[lies]") {
  const auto* path = GENERATE("/lie/part-other-total", "/lie/part-other-tag", "/lie/part-no-range",
                              "/lie/part-multipart", "/blob/liar");
  INFO(path);
  const Told told = ask(path, 1000);
  CHECK(told.reason == "WrongSize");
  CHECK(told.content.empty());
  CHECK(told.validator.empty());
}

TEST_CASE("a part that is shorter than asked for is kept, and the rest asked for next", "[lies]") {
  const Told told = ask("/lie/part-shorter", 1000);
  CHECK(told.reason == "WrongSize");
  CHECK(told.bytes == 10'000);
  CHECK(told.content == blob_bytes().substr(0, 10'000));
  CHECK(told.validator == "\"v1\"");
  CHECK(ask("/blob", told.bytes).content == blob_bytes());
}

TEST_CASE("an answer that is something else leaves the part that was there", "[lies]") {
  const auto* path = GENERATE("/lie/page", "/lie/empty", "/lie/length-smaller", "/lie/no-content",
                              "/lie/not-modified", "/lie/huge-header", "/status/503", "/missing",
                              "/lie/nothing", "/loop");
  INFO(path);
  const Told told = ask(path, 70'000);
  CHECK(told.reason != "none");
  CHECK(told.bytes == 70'000);
  CHECK(told.validator == "\"v1\"");
  CHECK(told.content == blob_bytes().substr(0, 70'000));
}

TEST_CASE("a download whose end alone was not heard of is not asked for again", "[lies]") {
  const Told told = ask("/lie/nothing", kBlobBytes);
  CHECK(told.reason == "none");
  CHECK(told.content == blob_bytes());
}

TEST_CASE("an object that changes in mid-download comes whole or not at all", "[lies]") {
  const Told told = ask("/blob/changed", 150'000);
  CHECK(told.reason == "none");
  CHECK(told.content == blob_bytes());
  CHECK(told.validator == "\"v2\"");
}

TEST_CASE("a weak ETag is no reason to go on", "[lies]") {
  CHECK(ask("/blob/weak").validator.empty());
}

TEST_CASE("redirects without end are HttpStatus, and a later try may find them mended", "[lies]") {
  const Told told = ask("/loop");
  CHECK(told.reason == "HttpStatus");
  CHECK(told.retry);
}

TEST_CASE("a redirect leads to https and http only, and without a name and password", "[lies]") {
  const auto* target = GENERATE("file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/",
                                "http://me:secret@127.0.0.1:1/");
  const Told told = ask(std::string("/redirect-to/") + target);
  CHECK(told.reason == "HttpStatus");
  CHECK(told.content.empty());
}
