// What Core said of its last run of each step that is Core's: klubster-core keeps it with the step.
#pragma once

#include <string>

#include "base/json.h"
#include "daemon/places.h"

namespace klubster {

// {"unit","run"} of the step's last run of Core: in which unit, and the public part of the
// manifest, held to its form again. Null when there is none.
Json read_core_run(const Places& places, const std::string& phase, const std::string& id);

// Adds "coreRun" to the steps of a status that run Core.
void add_core_runs(Json& status, const Places& places);

}  // namespace klubster
