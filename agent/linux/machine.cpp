// sd-id128.
#include "linux/machine.h"

#include <systemd/sd-id128.h>

namespace klubster {

namespace {

constexpr sd_id128_t kApplication =
    SD_ID128_MAKE(5e, 3b, 0c, 51, 7d, 2a, 4f, 0e, 9b, 66, 1f, 8a, 42, d7, 90, c3);

std::string text_of(sd_id128_t id) {
  char text[SD_ID128_STRING_MAX];
  return sd_id128_to_string(id, text);
}

}  // namespace

Result<std::string> boot_id() {
  sd_id128_t id;
  if (const int code = sd_id128_get_boot(&id); code < 0) {
    return system_error("reading the boot ID", -code);
  }
  return text_of(id);
}

Result<std::string> machine_identity() {
  sd_id128_t id;
  if (const int code = sd_id128_get_machine_app_specific(kApplication, &id); code < 0) {
    return system_error("reading /etc/machine-id", -code);
  }
  return text_of(id);
}

}  // namespace klubster
