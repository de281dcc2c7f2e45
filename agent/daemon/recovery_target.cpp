// Starting and stopping the target.
#include "daemon/recovery_target.h"

#include "base/log.h"
#include "base/names.h"

namespace klubster {

void RecoveryTarget::want(bool reached) {
  if (told_ == reached) return;
  told_ = reached;
  BusMessage message =
      bus_.method("org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                  "org.freedesktop.systemd1.Manager", reached ? "StartUnit" : "StopUnit");
  message.add_string(std::string(names::kRecoveryTarget)).add_string("replace");
  bus_.call(std::move(message), [reached](const Result<BusMessage>& reply) {
    // One that was never started need not be there to be stopped.
    if (reply || !reached) return;
    log_error(Error(reply.error()).in("starting " + std::string(names::kRecoveryTarget)));
  });
}

}  // namespace klubster
