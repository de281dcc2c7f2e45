// Headers and limits are productive-k3s' own.
#include "fetch/deliver.h"

#include <utility>

#include "linux/worker.h"

namespace klubster {

namespace {

constexpr const char* kMarker = "X-Productive-K3S-Telemetry: pk3s-public-v1";
constexpr std::uint64_t kConnectUsec = 5'000'000;
constexpr std::uint64_t kTotalUsec = 10'000'000;

// What asking again does not change: the body itself is not what the server takes.
bool is_final(int status) {
  return status == 400 || status == 413 || status == 415 || status == 422;
}

}  // namespace

Result<DeliverRequest> deliver_request_from_json(const Json& json) {
  DeliverRequest request;
  JsonReader reader(json, "telemetry request");
  if (reader.number("v") != 1) reader.refuse("v", "expected 1");
  request.url = reader.text("url", kMaxUrlBytes);
  request.token = reader.text_or("token", "");
  request.ca_pem = reader.text_or("ca", "", kMaxCaBytes);
  request.user_agent = reader.text("userAgent", 256);
  reader.objects("events", [&](JsonReader& event) {
    request.events.push_back({event.text("id", 256), event.raw("body").dump()});
  });
  if (request.events.empty()) reader.refuse("events", "expected at least one, found none");
  if (auto read = reader.finish(); !read) return read.error();
  return request;
}

Json to_json(const DeliverOutcome& outcome) {
  Json json = Json::object();
  if (outcome.error) json = failed_result(*outcome.error, outcome.retry_after_seconds);
  json["v"] = 1;
  json["ok"] = !outcome.error;
  json["delivered"] = outcome.delivered;
  json["refused"] = outcome.refused;
  return json;
}

void Delivery::start(std::function<void(DeliverOutcome)> done) {
  done_ = std::move(done);
  next();
}

void Delivery::next() {
  HttpRequest request;
  request.method = "POST";
  request.url = request_.url;
  request.headers = {"Content-Type: application/json", kMarker,
                     "User-Agent: " + request_.user_agent};
  if (!request_.token.empty()) request.headers.push_back("Authorization: Bearer " + request_.token);
  request.body = request_.events[at_].body;
  request.ca_pem = request_.ca_pem;
  request.connect_timeout_usec = kConnectUsec;
  request.total_timeout_usec = kTotalUsec;
  transfer_ =
      client_.start(std::move(request), [this](const HttpOutcome& outcome) { take(outcome); });
}

void Delivery::take(const HttpOutcome& outcome) {
  const std::string id = request_.events[at_].id;
  auto good =
      outcome.error ? Status(*outcome.error) : check_http_status(outcome.response, request_.url);
  if (good) {
    outcome_.delivered.push_back(id);
  } else if (!outcome.error && is_final(outcome.response.status)) {
    outcome_.refused.push_back(id);
  } else {
    outcome_.error = good.error();
    outcome_.retry_after_seconds = outcome.response.retry_after_seconds();
    return done_(std::move(outcome_));
  }
  if (++at_ < request_.events.size()) return next();
  done_(std::move(outcome_));
}

}  // namespace klubster
