// What was heard last of each peer, over restarts of klubster-peerd: else somebody's older word,
// come first after a start, would be shown as the newest.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/node_record.h"

namespace klubster {

// records.jsonl in `state_dir`: a record a line, as they were given. What cannot be read is left
// out with a warning; whether to believe the others is the roster's question.
std::vector<NodeRecord> load_kept_records(const std::string& state_dir);

// Replaces all of them; what does not fit into 4 MiB is left out. kIo.
Status keep_records(const std::string& state_dir, const std::vector<const NodeRecord*>& records);

}  // namespace klubster
