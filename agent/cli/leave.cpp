// klubster leave
#include "cli/undo_call.h"
#include "cli/verbs.h"

namespace klubster {

Action declare_leave(Arguments& arguments) {
  const auto options = declare_undo_options(arguments);
  return [options] {
    return call_undo(*options, "Leave",
                     "This stops and undoes this node's steps and takes it out of the cluster.",
                     "leave");
  };
}

}  // namespace klubster
