// A worker's request and result files.
#include "linux/worker.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/log.h"
#include "base/names.h"
#include "base/reason.h"
#include "base/text.h"
#include "linux/files.h"

namespace klubster {

namespace {

constexpr std::size_t kMaxRequestBytes = 1024 * 1024;
constexpr std::size_t kMaxMessageBytes = 16 * 1024;

Error wrong_usage(std::string why) {
  return {ErrorKind::kInvalid, "Usage", std::move(why)};
}

// A failed write or an unfinished exchange may go well the next time; a wrong package does not
// become right by being asked for again, unless the table says that a new one may appear.
bool worth_retrying(const Error& error) {
  const Reason* row = find_reason(error.reason());
  return (row != nullptr && row->retried) || error.kind() == ErrorKind::kUnavailable ||
         error.kind() == ErrorKind::kTimeout;
}

// A manifest's mistakes are one a line; the daemon shows and logs one line.
std::string one_line(const std::string& text) {
  return printable(join(split(text, '\n'), "; "), kMaxMessageBytes);
}

}  // namespace

Result<WorkerPlaces> worker_places(const std::vector<std::string>& arguments,
                                   const std::vector<std::string>& extra) {
  WorkerPlaces places;
  places.result = names::kWorkerResult;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread
  if (const char* directory = std::getenv("CREDENTIALS_DIRECTORY")) {
    places.request = std::string(directory) + "/request";
  }
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    const auto& name = arguments[i];
    if (i + 1 == arguments.size()) return wrong_usage("expected a value after " + printable(name));
    const auto& value = arguments[i + 1];
    if (name == "--request") {
      places.request = value;
    } else if (name == "--result") {
      places.result = value;
    } else if (std::find(extra.begin(), extra.end(), name) != extra.end()) {
      places.options[name] = value;
    } else {
      return wrong_usage("unknown option " + printable(name));
    }
  }
  if (places.request.empty()) {
    return wrong_usage(
        "this program is started by klubsterd as a transient unit; to try it by "
        "hand, give --request FILE and --result FILE");
  }
  return places;
}

Result<Json> read_worker_request(const WorkerPlaces& places) {
  auto text = read_file(places.request, kMaxRequestBytes);
  if (!text) return std::move(text.error()).in("request");
  return parse_json(*text, {.bytes = kMaxRequestBytes}).in("request");
}

Json failed_result(const Error& error, std::optional<std::uint64_t> retry_after_seconds) {
  Json result;
  result["v"] = 1;
  result["ok"] = false;
  result["failure"]["reason"] = error.reason();
  result["failure"]["message"] = one_line(error.message());
  result["failure"]["retry"] = worth_retrying(error);
  if (retry_after_seconds) result["failure"]["retryAfter"] = *retry_after_seconds;
  return result;
}

int deliver_result(const WorkerPlaces& places, const Json& result) {
  const auto give_up = [](const Error& error) {
    log_error(error);
    return 2;
  };
  const std::string text = result.dump();
  if (text.size() > names::kResultJsonBytes) {
    const Error error(ErrorKind::kInvalid, "TooLarge",
                      "the result has " + std::to_string(text.size()) + " bytes, more than " +
                          std::to_string(names::kResultJsonBytes));
    return deliver_result(places, failed_result(error));
  }
  auto file = open_file(places.result, O_WRONLY | O_TRUNC | O_NOFOLLOW);
  if (!file) return give_up(file.error());
  if (auto written = write_all(file->get(), text); !written) {
    return give_up(std::move(written.error()).in("writing " + places.result));
  }
  (void)::fdatasync(file->get());  // a pipe of somebody who tries it by hand cannot
  return result.bool_or("ok") ? 0 : 1;
}

}  // namespace klubster
