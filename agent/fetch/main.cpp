// klubster-fetch: downloads one URL into the file that is its standard output, or delivers the
// telemetry that it is handed.
#include <unistd.h>

#include <string>
#include <vector>

#include "base/exit_code.h"
#include "base/log.h"
#include "fetch/deliver.h"
#include "fetch/download.h"
#include "linux/environment.h"
#include "linux/notify.h"
#include "linux/worker.h"

namespace klubster {

namespace {

Result<Json> download(const WorkerPlaces& places, const Json& json) {
  auto request = download_request_from_json(json);
  if (!request) return request.error();
  auto loop = EventLoop::create();
  if (!loop) return loop.error();
  auto client = HttpClient::create(*loop);
  if (!client) return client.error();

  DownloadOutcome outcome;
  Download::Listener listener;
  listener.progress = [](const FetchProgress& progress) {
    notify("STATUS=" + status_line(progress));
  };
  listener.checkpoint = [&places](const DownloadOutcome& so_far) {
    (void)deliver_result(places, to_json(so_far));  // the next one may succeed
  };
  Download one(*loop, *client, STDOUT_FILENO, std::move(*request), std::move(listener));
  one.start([&](DownloadOutcome result) {
    outcome = std::move(result);
    loop->exit(0);
  });
  (void)loop->run();  // the outcome says it all
  return to_json(outcome);
}

Result<Json> deliver(const Json& json) {
  auto request = deliver_request_from_json(json);
  if (!request) return request.error();
  auto loop = EventLoop::create();
  if (!loop) return loop.error();
  auto client = HttpClient::create(*loop);
  if (!client) return client.error();
  DeliverOutcome outcome;
  Delivery all(*client, std::move(*request));
  all.start([&](DeliverOutcome result) {
    outcome = std::move(result);
    loop->exit(0);
  });
  (void)loop->run();  // the outcome says it all
  return to_json(outcome);
}

Result<Json> work(const WorkerPlaces& places) {
  auto json = read_worker_request(places);
  if (!json) return json.error();
  return json->get("events").is_null() ? download(places, *json) : deliver(*json);
}

int fetch_main(const std::vector<std::string>& arguments) {
  const auto places = worker_places(arguments);
  if (!places) {
    log_error(places.error());
    return kExitUsage;
  }
  const auto result = work(*places);
  return deliver_result(*places, result ? *result : failed_result(result.error()));
}

}  // namespace

}  // namespace klubster

int main(int argc, char** argv) {
  klubster::clear_environment();
  return klubster::run_main("klubster-fetch", [&] {
    return klubster::fetch_main({argv + 1, argv + argc});
  });
}
