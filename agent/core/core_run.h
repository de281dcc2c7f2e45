// Running the scripts of a bundle, and what they leave: the run manifest, JSON answers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "core/bundle.h"
#include "core/call.h"
#include "core/questions.h"

namespace klubster {

// Brings this program where Core must run: the step's directory, root's HOME, no telemetry but what
// the agent itself sends, no pager, no colours.
Status enter_step(const Call& call);

// What Core did not bring about: kUnavailable.
Error core_failed(const std::string& message);

// How long Core may be silent in `mode`, and what it did may take to show: productive-k3s-infra's
// own limits, or what its variable says.
std::uint64_t patience_usec(const Call& call, const std::string& mode);

// Runs Core in `mode`, its questions answered, until it ends. kInvalid CoreFailed when it fails, is
// declined, or ends before it asked; the dialogue's errors else.
Status run_core(const Call& call, const CoreBundle& bundle, const std::string& mode,
                const std::vector<std::string>& argv, const CoreAnswers& answers);

// The JSON object in what a script printed, which may stand among other lines (validate.sh prints
// tables before it). kInvalid, BadJson.
Result<Json> json_among(const std::string& text);

// What Core wrote about its last run: runs/<id>.json. Null when there is none.
Json last_run(const std::string& state_dir);

}  // namespace klubster
