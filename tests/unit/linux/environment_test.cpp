// What a program of ours takes from its environment.
#include "linux/environment.h"

#include <cstdlib>

#include "tests/unit/catch.h"

using namespace klubster;

TEST_CASE("variables that load code, write keys or redirect are gone, systemd's stay",
          "[environment]") {
  const char* dangerous[] = {"OPENSSL_CONF", "SSLKEYLOGFILE", "http_proxy", "HTTPS_PROXY",
                             "GCONV_PATH",   "SSL_CERT_FILE", "ODD_NAME"};
  for (const char* name : dangerous)
    ::setenv(name, "x", 1);
  ::setenv("NOTIFY_SOCKET", "/nowhere", 1);
  ::setenv("KLUBSTER_CONFIG_PATH", "/etc/klubster", 1);

  clear_environment();

  for (const char* name : dangerous) {
    INFO(name);
    CHECK(std::getenv(name) == nullptr);
  }
  CHECK(std::getenv("NOTIFY_SOCKET") != nullptr);
  CHECK(std::getenv("KLUBSTER_CONFIG_PATH") != nullptr);
  CHECK(std::getenv("PATH") != nullptr);
  ::unsetenv("NOTIFY_SOCKET");
  ::unsetenv("KLUBSTER_CONFIG_PATH");
}
