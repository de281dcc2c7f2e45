// The verbs that `klubster profile …` hands over: they read packages, unprivileged, and run
// nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace klubster {

// Runs the verb that arguments[0] names and returns its exit code (0, 1, 64, 78); nullopt when it
// names none, so that this is a worker's call. Results go to standard output, all else to standard
// error.
std::optional<int> run_package_verb(const std::vector<std::string>& arguments);

}  // namespace klubster
