// klubster reset
#include <memory>

#include "cli/undo_call.h"
#include "cli/verbs.h"

namespace klubster {

Action declare_reset(Arguments& arguments) {
  const auto options = declare_undo_options(arguments);
  const auto identity = std::make_shared<bool>(false);
  arguments.flag("--identity", identity.get(),
                 "Forget the node's identity as well: to its peers it is another one then");
  return [options, identity] {
    return call_undo(*options, "Reset",
                     "This undoes everything that profiles did on this node, takes it out of the "
                     "cluster, and forgets its profiles, the data of its steps and its history.",
                     "reset", {{"identity", *identity}});
  };
}

}  // namespace klubster
