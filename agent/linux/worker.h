// A worker's side of its contract with klubsterd: one JSON request in, one JSON result out.
//
// The daemon gives the request as a credential and an existing, empty result file at a fixed place;
// see docs/architecture.md "Workers".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace klubster {

// Where a worker finds its things: as systemd gives them, unless its options say otherwise.
struct WorkerPlaces {
  std::string request;  // --request FILE, else $CREDENTIALS_DIRECTORY/request
  std::string result;   // --result FILE, else names::kWorkerResult
  std::map<std::string, std::string, std::less<>> options;  // the `extra` ones that were given
};

// Reads "--name VALUE" pairs: --request, --result and those of `extra` (with their dashes).
// kInvalid, reason "Usage", for anything else, or when there is no request at all.
Result<WorkerPlaces> worker_places(const std::vector<std::string>& arguments,
                                   const std::vector<std::string>& extra = {});

// The request, at most 1 MiB of it (it may hold certificates and a signature).
Result<Json> read_worker_request(const WorkerPlaces& places);

// {"ok":false,"failure":{…}} for `error`: reason, the whole story, whether trying again makes
// sense.
Json failed_result(const Error& error, std::optional<std::uint64_t> retry_after_seconds = {});

// Writes `result` with one write into the existing file; one of more than names::kResultJsonBytes
// becomes TooLarge. Returns the exit code of the worker: 0 when it says ok, 1 when it says not ok,
// 2 when it could not be written (and the reason goes to the log).
int deliver_result(const WorkerPlaces& places, const Json& result);

}  // namespace klubster
