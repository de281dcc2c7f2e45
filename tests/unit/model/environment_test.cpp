// Which variables may reach a step.
#include "model/environment.h"

#include "tests/unit/catch.h"

using namespace klubster;

TEST_CASE("a variable name is made of capitals, digits and underscores", "[environment]") {
  CHECK(is_variable_name("CLUSTER_DOMAIN"));
  CHECK(is_variable_name("_A1"));
  CHECK(is_variable_name(std::string(128, 'A')));
  CHECK_FALSE(is_variable_name(""));
  CHECK_FALSE(is_variable_name("1A"));
  CHECK_FALSE(is_variable_name("lower"));
  CHECK_FALSE(is_variable_name("A B"));
  CHECK_FALSE(is_variable_name(std::string(129, 'A')));
}

TEST_CASE("variables that load code or redirect traffic never reach a step", "[environment]") {
  const auto* name =
      GENERATE("LD_PRELOAD", "GCONV_PATH", "MALLOC_ARENA_MAX", "BASH_ENV", "ENV", "IFS", "PATH",
               "PYTHONPATH", "PERL5LIB", "RUBYOPT", "NODE_OPTIONS", "OPENSSL_CONF", "SSLKEYLOGFILE",
               "SSL_CERT_FILE", "CURL_CA_BUNDLE", "HTTP_PROXY", "https_proxy", "GIT_SSH",
               "SYSTEMD_LOG_LEVEL", "NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS",
               "CREDENTIALS_DIRECTORY", "INVOCATION_ID", "KLUBSTER_NODE");
  INFO(name);
  CHECK(is_denied_variable(name));
}

TEST_CASE("ordinary variables are not denied", "[environment]") {
  const auto* name = GENERATE("CLUSTER_DOMAIN", "SERVER_URL", "LDAP_URL", "ENVIRONMENT", "TOKEN");
  INFO(name);
  CHECK_FALSE(is_denied_variable(name));
}

TEST_CASE("a value is UTF-8 without NUL, and has a newline only when it may", "[environment]") {
  CHECK(check_variable_value("plain $(text) ü", false));
  CHECK(check_variable_value("two\nlines", true));
  CHECK_FALSE(check_variable_value("two\nlines", false));
  CHECK_FALSE(check_variable_value(std::string_view("a\0b", 3), true));
  CHECK_FALSE(check_variable_value("\xff", true));
  CHECK(check_variable_value(std::string(32 * 1024, 'x'), false));
  CHECK_FALSE(check_variable_value(std::string(32 * 1024 + 1, 'x'), false));
}
