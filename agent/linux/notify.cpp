// sd_notify.
#include "linux/notify.h"

#include <systemd/sd-daemon.h>

#include <string>

namespace klubster {

void notify(std::string_view state) {
  (void)sd_notify(0, std::string(state).c_str());  // best effort: the manager may be absent
}

}  // namespace klubster
