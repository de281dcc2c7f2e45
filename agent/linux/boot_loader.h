// What the boot loader says of the image that it started.
#pragma once

#include <string>

#include "engine/boot_kind.h"

namespace klubster {

// From systemd-boot's EFI variables (the Boot Loader Interface). kUnknown: there is no such boot
// loader. Always in a container, which sees the variables of its host.
LoaderVerdict loader_verdict();
// The same of any directory in place of /sys/firmware/efi/efivars.
LoaderVerdict loader_verdict_in(const std::string& efivars);

}  // namespace klubster
