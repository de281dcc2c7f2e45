// How this node is, in a few lines: for the console above the login prompt and the message of the
// day after it.
#pragma once

#include <string>

#include "base/json.h"

namespace klubster {

struct ScreenText {
  std::string state;     // lines; empty: nothing is shown of this node
  std::string download;  // a line while the package is downloaded, else empty
};

// Of the answer that `klubster status` gets. Pure, printable.
ScreenText screen_text(const Json& status);

}  // namespace klubster
