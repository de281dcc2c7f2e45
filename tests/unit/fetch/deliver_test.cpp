// Delivering telemetry: headers, order, what is kept for later.
#include "fetch/deliver.h"

#include "tests/unit/catch.h"
#include "tests/unit/http/test_server.h"

using namespace klubster;

namespace {

DeliverRequest request_to(std::string url, std::vector<std::string> bodies) {
  DeliverRequest request;
  request.url = std::move(url);
  request.token = "the-token";
  request.ca_pem = file_text(test_certificates() / "ca.pem");
  request.user_agent = "klubster/test";
  for (auto& body : bodies)
    request.events.push_back({"id-" + std::to_string(request.events.size()), std::move(body)});
  return request;
}

DeliverOutcome deliver(DeliverRequest request) {
  auto loop = std::move(*EventLoop::create());
  auto client = std::move(*HttpClient::create(loop));
  DeliverOutcome result;
  Delivery all(client, std::move(request));
  all.start([&](DeliverOutcome outcome) {
    result = std::move(outcome);
    loop.exit(0);
  });
  loop.run();
  return result;
}

std::string posted(const TestServer& server) {
  auto loop = std::move(*EventLoop::create());
  auto client = std::move(*HttpClient::create(loop));
  HttpRequest request;
  request.url = server.url("/posted");
  request.ca_pem = file_text(test_certificates() / "ca.pem");
  std::string text;
  const auto transfer = client.start(std::move(request), [&](const HttpOutcome& outcome) {
    text = outcome.response.body;
    loop.exit(0);
  });
  loop.run();
  return text;
}

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("each event is one POST with marker, token and type", "[deliver]") {
  const TestServer server("server");
  const auto outcome = deliver(request_to(server.url("/telemetry"), {R"({"a":1})", R"({"b":2})"}));
  CHECK_FALSE(outcome.error);
  CHECK(outcome.delivered == Ids{"id-0", "id-1"});
  const auto seen = *parse_json(posted(server));
  REQUIRE(seen.items("posted").size() == 2);
  const Json& first = seen.items("posted")[0];
  CHECK(first.text_or("body") == R"({"a":1})");
  CHECK(first.get("headers").text_or("x-productive-k3s-telemetry") == "pk3s-public-v1");
  CHECK(first.get("headers").text_or("authorization") == "Bearer the-token");
  CHECK(first.get("headers").text_or("content-type") == "application/json");
  CHECK(first.get("headers").text_or("user-agent") == "klubster/test");
  CHECK(seen.items("posted")[1].text_or("body") == R"({"b":2})");
}

TEST_CASE("without a token there is no such header", "[deliver]") {
  const TestServer server("server");
  auto request = request_to(server.url("/telemetry"), {"{}"});
  request.token.clear();
  CHECK_FALSE(deliver(std::move(request)).error);
  const auto seen = *parse_json(posted(server));
  CHECK(seen.items("posted")[0].get("headers").get("authorization").is_null());
}

TEST_CASE("what the server is too busy for waits, and what follows with it", "[deliver]") {
  const TestServer server("server");
  const auto outcome = deliver(request_to(server.url("/answer/503/7"), {"{}", "{}"}));
  REQUIRE(outcome.error);
  CHECK(outcome.error->reason() == "HttpStatus");
  CHECK(outcome.delivered.empty());
  CHECK(outcome.retry_after_seconds == 7);
  CHECK(parse_json(posted(server))->items("posted").size() == 1);
  CHECK(to_json(outcome).get("failure").bool_or("retry"));
}

TEST_CASE("what the server will never take is not sent for ever; a wrong token is kept",
          "[deliver]") {
  const TestServer server("server");
  const auto refused = deliver(request_to(server.url("/answer/422"), {"{}", "{}"}));
  CHECK_FALSE(refused.error);
  CHECK(refused.refused == Ids{"id-0", "id-1"});
  const auto denied = deliver(request_to(server.url("/answer/401"), {"{}"}));
  CHECK(denied.error);
  CHECK(denied.refused.empty());
}

TEST_CASE("nothing goes out in the open, nor to who cannot prove its name", "[deliver]") {
  const TestServer open;
  const auto bare = deliver(request_to(open.url("/telemetry"), {"{}"}));
  REQUIRE(bare.error);
  const TestServer stranger("self");
  const auto other = deliver(request_to(stranger.url("/telemetry"), {"{}"}));
  REQUIRE(other.error);
  CHECK(other.error->reason() == "TlsFailed");
}

TEST_CASE("a request without events is refused", "[deliver]") {
  const auto read = deliver_request_from_json(
      *parse_json(R"({"v":1,"url":"https://x/","userAgent":"k","events":[]})"));
  REQUIRE_FALSE(read);
  CHECK(read.error().reason() == "BadJson");
}
