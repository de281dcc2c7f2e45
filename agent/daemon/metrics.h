// The metrics file in Prometheus' text format, for node-exporter's textfile directory
// (https://prometheus.io/docs/instrumenting/exposition_formats).
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"

namespace klubster {

// Of the answer that `klubster status` gets; `log_seq` is the number of the last event. Pure.
std::string metrics_text(const Json& status, std::uint64_t log_seq);

}  // namespace klubster
