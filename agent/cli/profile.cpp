// klubster profile pack, sign, validate, inspect: handed to klubster-unpack, which reads packages.
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "cli/exit_code.h"
#include "cli/package_reader.h"
#include "cli/verbs.h"

namespace klubster {

namespace {

int become_unpack(const char* verb, const std::vector<std::string>& rest) {
  const std::string program = program_directory() + "/klubster-unpack";
  std::vector<std::string> words = {program, verb};
  words.insert(words.end(), rest.begin(), rest.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (auto& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  return report(
      system_error("running " + program, errno).hint("install the klubster package whole"));
}

Action declare(Arguments& arguments, const char* verb) {
  const auto rest = std::make_shared<std::vector<std::string>>();
  arguments.rest(rest.get());
  return [rest, verb] { return become_unpack(verb, *rest); };
}

}  // namespace

Action declare_profile_pack(Arguments& arguments) {
  return declare(arguments, "pack");
}
Action declare_profile_sign(Arguments& arguments) {
  return declare(arguments, "sign");
}
Action declare_profile_validate(Arguments& arguments) {
  return declare(arguments, "validate");
}
Action declare_profile_inspect(Arguments& arguments) {
  return declare(arguments, "inspect");
}

}  // namespace klubster
