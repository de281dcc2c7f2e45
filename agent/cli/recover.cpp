// klubster recover
#include <memory>

#include "cli/guarded_call.h"
#include "cli/verbs.h"

namespace klubster {

Action declare_recover(Arguments& arguments) {
  const auto guard = std::make_shared<GuardOptions>();
  declare_guard(arguments, guard.get());
  return [guard] {
    return call_guarded("Recover", {}, *guard, "to see it through: klubster wait --for=Ready");
  };
}

}  // namespace klubster
