// klubster-unpack: judges and unpacks a package for klubsterd; checks, packs and signs for people.
#include <unistd.h>

#include <iostream>

#include "base/digest.h"
#include "base/exit_code.h"
#include "base/log.h"
#include "base/names.h"
#include "linux/environment.h"
#include "linux/worker.h"
#include "unpack/verbs.h"
#include "unpack/worker_call.h"

namespace klubster {

namespace {

constexpr const char* kStagingOption = "--staging";

int unpack_worker(const std::vector<std::string>& arguments) {
  const auto places = worker_places(arguments, {kStagingOption});
  if (!places) {
    log_error(places.error());
    return kExitUsage;
  }
  const auto staging = places->options.find(kStagingOption);
  const std::string directory =
      staging == places->options.end() ? std::string(names::kWorkerStaging) : staging->second;
  const auto json = read_worker_request(*places);
  if (!json) return deliver_result(*places, failed_result(json.error()));
  const auto request = unpack_request_from_json(*json);
  if (!request) return deliver_result(*places, failed_result(request.error()));
  return deliver_result(*places, judge_and_unpack(STDIN_FILENO, directory, *request));
}

int unpack_main(const std::vector<std::string>& arguments) {
  start_crypto();
  if (const auto code = run_package_verb(arguments)) return *code;
  return unpack_worker(arguments);
}

}  // namespace

}  // namespace klubster

int main(int argc, char** argv) {
  klubster::clear_environment();
  return klubster::run_main("klubster-unpack", [&] {
    return klubster::unpack_main({argv + 1, argv + argc});
  });
}
