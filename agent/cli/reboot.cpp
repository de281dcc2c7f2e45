// klubster reboot
#include <memory>

#include "cli/consent.h"
#include "cli/exit_code.h"
#include "cli/guarded_call.h"
#include "cli/verbs.h"

namespace klubster {

namespace {

struct RebootOptions {
  bool recovery = false;
  bool yes = false;
  GuardOptions guard;
};

int run(const RebootOptions& options) {
  const std::string what = options.recovery ? "This reboots the machine into recovery mode."
                                            : "This reboots the machine.";
  if (!is_meant(options.yes, what, "reboot")) return kExitFailed;
  return call_guarded("Reboot", {{"recovery", options.recovery}}, options.guard,
                      "the machine reboots once the tasks that run have ended");
}

}  // namespace

Action declare_reboot(Arguments& arguments) {
  const auto options = std::make_shared<RebootOptions>();
  arguments.flag("--recovery", &options->recovery,
                 "Into recovery mode: nothing begins, services that are ready go on");
  arguments.flag("--yes", &options->yes, "Do not ask");
  declare_guard(arguments, &options->guard);
  return [options] { return run(*options); };
}

}  // namespace klubster
