// Asking before something that cannot be taken back.
#pragma once

#include <string>

namespace klubster {

// Somebody at a terminal is told and has to type `word`; a script has decided already, and so has
// who says `yes`. Says that nothing was done when the answer is another one.
bool is_meant(bool yes, const std::string& what_happens, const std::string& word);

}  // namespace klubster
