// klubster-store: the one program that owns sealed profiles; root with three capabilities.
#include <exception>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/names.h"
#include "linux/worker.h"
#include "store/operations.h"

namespace klubster {

namespace {

constexpr int kExitUsage = 64;

Result<Json> perform(const WorkerPlaces& places) {
  auto json = read_worker_request(places);
  if (!json) return json.error();
  auto request = store_request_from_json(*json);
  if (!request) return request.error();
  const auto given = places.options.find("--state-dir");
  const std::string state_dir =
      given == places.options.end() ? std::string(names::kStateDir) : given->second;
  return request->seal ? seal(state_dir, *request) : collect(state_dir, *request);
}

int store_main(const std::vector<std::string>& arguments) {
  const auto places = worker_places(arguments, {"--state-dir"});
  if (!places) {
    log_error(places.error());
    return kExitUsage;
  }
  const auto result = perform(*places);
  return deliver_result(*places, result ? *result : failed_result(result.error()));
}

}  // namespace

}  // namespace klubster

int main(int argc, char** argv) {
  try {
    return klubster::store_main({argv + 1, argv + argc});
  } catch (const std::exception& bug) {
    klubster::log(klubster::LogLevel::kError, std::string("klubster-store: ") + bug.what());
    return 70;
  }
}
