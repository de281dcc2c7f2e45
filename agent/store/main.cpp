// klubster-store: seals unpacked profiles and removes old ones, as root without a network.
#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/exit_code.h"
#include "base/log.h"
#include "base/names.h"
#include "base/text.h"
#include "linux/environment.h"
#include "linux/worker.h"
#include "store/forget.h"
#include "store/store.h"

namespace klubster {

namespace {

constexpr const char* kStateOption = "--state-dir";

// A result has a limit (names::kResultJsonBytes), and nobody reads more lines than these.
constexpr std::size_t kMostEntries = 60;
constexpr std::size_t kNameBytes = 80;
constexpr std::size_t kMessageBytes = 160;

Json entries_json(const std::vector<StoreReport::Entry>& entries) {
  Json list = Json::array();
  for (const auto& entry : std::span(entries).first(std::min(entries.size(), kMostEntries))) {
    Json item = Json::Object{{"kind", entry.kind}, {"name", printable(entry.name, kNameBytes)}};
    if (!entry.message.empty()) {
      item["message"] = printable(entry.message, kMessageBytes);
    } else {
      item["files"] = entry.files;
      item["bytes"] = entry.bytes;
    }
    list.push_back(std::move(item));
  }
  return list;
}

Json to_result(const Result<StoreReport>& report) {
  if (!report) return failed_result(report.error());
  Json result;
  result["v"] = 1;
  result["ok"] = true;
  result["files"] = report->files;
  result["bytes"] = report->bytes;
  std::size_t more = 0;
  for (const auto& [key, entries] :
       {std::pair{"removed", &report->removed}, {"left", &report->left}, {"kept", &report->kept}}) {
    result[key] = entries_json(*entries);
    more += entries->size() - std::min(entries->size(), kMostEntries);
  }
  result["more"] = more;
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

// Of klubster-reset.service, which has no daemon to report to.
int forget_main() {
  const auto forgotten = forget(std::string(names::kStateDir), std::string(names::kPeerStateDir));
  if (!forgotten) log_error(forgotten.error());
  return forgotten ? 0 : 1;
}

int store_main(const std::vector<std::string>& arguments) {
  if (arguments == std::vector<std::string>{"--forget"}) return forget_main();
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
  return klubster::run_main("klubster-store", [&] {
    return klubster::store_main({argv + 1, argv + argc});
  });
}
