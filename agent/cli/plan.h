// `klubster plan`, for other verbs that show it.
#pragma once

namespace klubster {

// Prints the plan and returns the exit code: 0 nothing to do, 2 changes, 1 or 78 it cannot be told.
// `ask`: the tree is read and checks are asked before.
int show_plan(bool json, bool ask);

}  // namespace klubster
