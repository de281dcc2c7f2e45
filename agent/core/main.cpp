// klubster-core: drives productive-k3s Core, one verb for each step of a package that it runs.
//
// It runs as a step's transient unit. Exit codes: 0 done, 1 failed, 64 wrong usage, 78 what it was
// given has to be mended first.
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/exit_code.h"
#include "base/log.h"
#include "base/text.h"
#include "core/bundle.h"
#include "core/verbs.h"
#include "linux/notify.h"

namespace klubster {

namespace {

struct Verb {
  const char* name;
  Status (*run)(const Call&);
};

Status bundle(const Call& call) {
  return call.has("--check") ? check_bundle(call) : obtain_bundle(call);
}

constexpr Verb kVerbs[] = {
    {"bundle", bundle},      {"preflight", preflight}, {"install", install},
    {"check", is_installed}, {"nodes", nodes},         {"validate", validate},
    {"hosts", hosts},        {"cleanup", cleanup},     {"backup", backup},
};

int report(const Error& error) {
  log_error(error);
  notify("STATUS=" + printable(error.message(), 400));
  return plain_exit_code(error);
}

int core_main(const std::vector<std::string>& arguments) {
  start_crypto();
  const auto call = read_call(arguments);
  if (!call) return report(call.error());
  for (const auto& verb : kVerbs) {
    if (call->verb != verb.name) continue;
    const auto done = verb.run(*call);
    return done ? 0 : report(done.error());
  }
  return report(Error(ErrorKind::kInvalid, "Usage", "unknown verb " + printable(call->verb, 40)));
}

}  // namespace

}  // namespace klubster

int main(int argc, char** argv) {
  return klubster::run_main("klubster-core", [&] {
    return klubster::core_main({argv + 1, argv + argc});
  });
}
