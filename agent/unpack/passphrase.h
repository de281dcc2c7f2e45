// The passphrase of a secret key, from whoever runs the verb.
#pragma once

#include <string>

#include "base/result.h"

namespace klubster {

// One line of `input`, without its end; at a terminal it is asked for and not shown. kInvalid,
// reason "BadKey", when nothing comes or more than 1024 bytes.
Result<std::string> read_passphrase(int input);

}  // namespace klubster
