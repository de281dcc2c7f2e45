// What the headers of a response mean.
#include "http/client.h"
#include "tests/unit/catch.h"

using namespace klubster;

TEST_CASE("only a strong ETag may continue a download", "[http]") {
  HttpResponse response;
  const auto validator = [&](const char* etag) {
    response.headers["etag"] = etag;
    return std::string(response.strong_validator());
  };
  CHECK(validator("\"abc\"") == "\"abc\"");
  CHECK(validator("W/\"abc\"").empty());
  CHECK(validator("abc").empty());
  CHECK(validator("\"a\"b\"").empty());
  CHECK(validator("\"a b\"").empty());
  CHECK(validator("").empty());
}

TEST_CASE("Retry-After is seconds or a date, at most a day", "[http]") {
  HttpResponse response;
  const auto seconds = [&](const char* text) {
    response.headers["retry-after"] = text;
    return response.retry_after_seconds();
  };
  CHECK(seconds("120") == 120);
  CHECK(seconds("999999999") == 86'400);
  CHECK(seconds("Sun, 06 Nov 1994 08:49:37 GMT") == 0);
  CHECK(seconds("Sun, 06 Nov 2095 08:49:37 GMT") == 86'400);
  CHECK_FALSE(seconds("-5").has_value());
  CHECK_FALSE(seconds("soon, maybe").has_value());
}

TEST_CASE("a partial answer says where it begins and of what", "[http]") {
  HttpResponse response;
  const auto range = [&](const char* text) {
    response.headers["content-range"] = text;
    return response.content_range();
  };
  REQUIRE(range("bytes 10-19/20").has_value());
  CHECK(range("bytes 10-19/20")->start == 10);
  CHECK(range("bytes 10-19/20")->last == 19);
  CHECK(range("bytes 10-19/20")->total == 20);
  REQUIRE(range("bytes 10-19/*").has_value());
  CHECK_FALSE(range("bytes 10-19/*")->total.has_value());
  for (const char* wrong : {"bytes */20", "items 1-2/3", "", "bytes 10-19", "bytes 19-10/20",
                            "bytes 10-20/20", "bytes 10-/20", "bytes -10/20", "bytes 10-19/x",
                            "bytes 10-19/20, 30-39/40", "bytes 10-99999999999999999999/20"}) {
    INFO(wrong);
    CHECK_FALSE(range(wrong).has_value());
  }
  response.headers["content-type"] = "multipart/byteranges; boundary=x";
  CHECK_FALSE(range("bytes 10-19/20").has_value());
}

TEST_CASE("a passing failure of the server is told from a lasting one", "[http]") {
  HttpResponse response;
  const auto kind = [&](int status) {
    response.status = status;
    return check_http_status(response, "https://x/").error().kind();
  };
  CHECK(kind(503) == ErrorKind::kUnavailable);
  CHECK(kind(429) == ErrorKind::kUnavailable);
  CHECK(kind(404) == ErrorKind::kInvalid);
  CHECK(kind(403) == ErrorKind::kInvalid);
  response.status = 204;
  CHECK(check_http_status(response, "https://x/"));
}
