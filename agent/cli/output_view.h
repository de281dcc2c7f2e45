// What steps wrote, as people and programs read it. Pure.
#pragma once

#include <string>

#include "base/json.h"
#include "cli/text_table.h"
#include "linux/journal_reader.h"

namespace klubster {

// One line per line of the message, ended by a newline; nothing in it can disturb a terminal.
// `with_step`: each line says whose it is.
std::string output_text(const StepOutput& output, bool with_step, const Look& look);

// {"time","phase","step","stage","attempt","generation","unit","pid","message"}. A message that is
// not UTF-8 is an array of its bytes, as in the JSON of journalctl. A step that is not known (see
// step_output_of) is null.
Json output_json(const StepOutput& output);

}  // namespace klubster
