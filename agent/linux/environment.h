// The environment that a program of ours begins with.
#pragma once

namespace klubster {

// Removes every variable but those of an allow list (what systemd tells a service, PATH, locale,
// KLUBSTER_*): OPENSSL_CONF loads code, SSLKEYLOGFILE writes keys, http_proxy redirects (trust.md).
// To be called first in main(), before any library looks.
void clear_environment();

}  // namespace klubster
