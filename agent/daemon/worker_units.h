// The sandboxes of the workers (trust.md "Units").
#pragma once

#include <string>

#include "engine/acquire.h"
#include "engine/unit.h"

namespace klubster {

// What a worker is handed from outside.
struct WorkerFiles {
  std::string request;            // JSON, 0600; becomes the credential "request"
  std::string result;             // bound to names::kWorkerResult
  std::string staging;            // of unpack: bound to names::kWorkerStaging
  std::string state_dir;          // of store: the only tree that it may write
  BlobDescriptor input;           // of unpack
  BlobDescriptor output;          // of the fetches
  std::uint64_t limit_bytes = 0;  // of the fetches: no file of theirs becomes larger
  bool read_only = false;         // of store: it may not even write there
};

TransientUnit make_worker_unit(const StartWorker& start, const WorkerFiles& files);
// Of telemetry: klubster-fetch with nothing but a network.
TransientUnit make_sender_unit(const std::string& name, const WorkerFiles& files);

}  // namespace klubster
