// klubster profile pack, sign, validate, inspect, graph, diff: handed to klubster-unpack.
#include "cli/profile.h"

#include <unistd.h>

#include <cerrno>
#include <memory>

#include "cli/exit_code.h"
#include "cli/package_reader.h"
#include "cli/verbs.h"
#include "linux/program.h"

namespace klubster {

int become_unpack(const std::string& verb, const std::vector<std::string>& rest, bool only_reads) {
  const std::string program = program_directory() + "/klubster-unpack";
  std::vector<std::string> words = {program, verb};
  words.insert(words.end(), rest.begin(), rest.end());
  const auto argv = argv_of(words);
  if (only_reads && !drop_privileges()) {
    return report(system_error("giving up root's rights", errno));
  }
  ::execv(program.c_str(), argv.data());
  return report(
      system_error("running " + program, errno).hint("install the klubster package whole"));
}

Action declare_unpack_verb(Arguments& arguments, const char* verb, bool only_reads) {
  const auto rest = std::make_shared<std::vector<std::string>>();
  arguments.rest(rest.get());
  return [rest, verb, only_reads] { return become_unpack(verb, *rest, only_reads); };
}

Action declare_profile_pack(Arguments& arguments) {
  arguments.offered("-o", "FILE");
  arguments.offered("--sign", "KEYFILE");
  arguments.offered("--seq", "N");
  arguments.offered("--cluster", "NAME");
  return declare_unpack_verb(arguments, "pack", false);
}
Action declare_profile_sign(Arguments& arguments) {
  arguments.offered("--seq", "N");
  arguments.offered("--cluster", "NAME");
  return declare_unpack_verb(arguments, "sign", false);
}
Action declare_profile_validate(Arguments& arguments) {
  return declare_unpack_verb(arguments, "validate", true);
}
Action declare_profile_inspect(Arguments& arguments) {
  arguments.offered("--json");
  return declare_unpack_verb(arguments, "inspect", true);
}
Action declare_profile_graph(Arguments& arguments) {
  return declare_unpack_verb(arguments, "graph", true);
}
Action declare_profile_diff(Arguments& arguments) {
  arguments.offered("--json");
  return declare_unpack_verb(arguments, "diff", true);
}

}  // namespace klubster
