// sd-id128, and the credential that stands in for it.
#include "linux/machine.h"

#include <systemd/sd-id128.h>

#include <cstdlib>

#include "base/text.h"
#include "linux/files.h"

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
  // In a container the boot ID is a mount below /proc, which a sandbox with a /proc of its own does
  // not show: klubster.service hands it in as a credential.
  if (const char* directory = std::getenv("CREDENTIALS_DIRECTORY")) {
    const auto text = read_file(std::string(directory) + "/boot-id", 64);
    if (text && sd_id128_from_string(std::string(trim(*text)).c_str(), &id) >= 0) {
      return text_of(id);
    }
  }
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
