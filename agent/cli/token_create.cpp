// klubster token create
#include <iostream>

#include "cli/exit_code.h"
#include "cli/verbs.h"
#include "model/token.h"

namespace klubster {

Action declare_token_create(Arguments&) {
  return [] {
    std::cout << make_token() << "\n";
    return kExitDone;
  };
}

}  // namespace klubster
