// Starting and stopping the target.
#include "daemon/recovery_target.h"

#include "base/log.h"
#include "base/names.h"
#include "linux/systemd_units.h"

namespace klubster {

void RecoveryTarget::want(bool reached) {
  if (told_ == reached) return;
  told_ = reached;
  const auto answered = [reached](const Result<BusMessage>& reply) {
    // One that was never started need not be there to be stopped.
    if (reply || !reached) return;
    log_error(Error(reply.error()).in("starting " + std::string(names::kRecoveryTarget)));
  };
  order_unit_job(bus_, reached ? "StartUnit" : "StopUnit", names::kRecoveryTarget, answered);
}

}  // namespace klubster
