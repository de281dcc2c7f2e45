// klubster-store: seals unpacked profiles and removes old ones, as root without a network.
#include <exception>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/names.h"
#include "linux/environment.h"
#include "linux/worker.h"
#include "store/store.h"

namespace klubster {

namespace {

constexpr int kExitUsage = 64;
constexpr const char* kStateOption = "--state-dir";

Json to_result(const Result<StoreReport>& report) {
  if (!report) return failed_result(report.error());
  Json result;
  result["v"] = 1;
  result["ok"] = true;
  result["files"] = report->files;
  result["bytes"] = report->bytes;
  return result;
}

Result<StoreReport> perform(const WorkerPlaces& places) {
  const auto json = read_worker_request(places);
  if (!json) return json.error();
  const auto request = store_request_from_json(*json);
  if (!request) return request.error();
  const auto given = places.options.find(kStateOption);
  const std::string state =
      given == places.options.end() ? std::string(names::kStateDir) : given->second;
  return request->kind == StoreRequest::Kind::kSeal ? seal(state, *request)
                                                    : collect(state, *request);
}

int store_main(const std::vector<std::string>& arguments) {
  const auto places = worker_places(arguments, {kStateOption});
  if (!places) {
    log_error(places.error());
    return kExitUsage;
  }
  return deliver_result(*places, to_result(perform(*places)));
}

}  // namespace

}  // namespace klubster

int main(int argc, char** argv) {
  klubster::clear_environment();
  try {
    return klubster::store_main({argv + 1, argv + argc});
  } catch (const std::exception& bug) {
    klubster::log(klubster::LogLevel::kError, std::string("klubster-store: ") + bug.what());
    return 70;
  }
}
