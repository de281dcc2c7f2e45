// klubster destroy
#include "cli/undo_call.h"
#include "cli/verbs.h"

namespace klubster {

Action declare_destroy(Arguments& arguments) {
  const auto options = declare_undo_options(arguments);
  return [options] {
    return call_undo(*options, "Destroy",
                     "This undoes everything that profiles did on this node, also what earlier "
                     "ones left, and takes it out of the cluster.",
                     "destroy");
  };
}

}  // namespace klubster
