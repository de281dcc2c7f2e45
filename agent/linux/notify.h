// What a program tells its service manager (sd_notify(3)).
#pragma once

#include <string_view>

namespace klubster {

// "READY=1", "STATUS=…", "STOPPING=1"; without a manager nothing happens.
void notify(std::string_view state);

}  // namespace klubster
