// Delivering telemetry: each event is one POST, in order.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "http/client.h"

namespace klubster {

// What klubsterd asks for.
struct DeliverRequest {
  std::string url, token, ca_pem, user_agent;
  struct Event {
    std::string id, body;
  };
  std::vector<Event> events;
};

// kInvalid, reason "BadJson", for anything but a request of version 1.
Result<DeliverRequest> deliver_request_from_json(const Json& json);

// Which events arrived, which ones the server will never take, and why it ended before all were
// one or the other.
struct DeliverOutcome {
  std::vector<std::string> delivered, refused;
  std::optional<Error> error;
  std::optional<std::uint64_t> retry_after_seconds;
};
Json to_json(const DeliverOutcome& outcome);

class Delivery {
 public:
  Delivery(HttpClient& client, DeliverRequest request)
      : client_(client), request_(std::move(request)) {}
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  // Calls `done` once, from the loop; there is at least one event.
  void start(std::function<void(DeliverOutcome)> done);

 private:
  void next();
  void take(const HttpOutcome& outcome);

  HttpClient& client_;
  DeliverRequest request_;
  std::function<void(DeliverOutcome)> done_;
  DeliverOutcome outcome_;
  HttpTransfer transfer_;
  std::size_t at_ = 0;
};

}  // namespace klubster
