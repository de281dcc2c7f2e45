// profile.env: the defaults of inputs, as data. Nothing in it is ever expanded or run.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace klubster {

struct ProfileEnvLine {
  int line = 0;
  std::string name;
  std::string value;
};

struct ProfileEnvMistake {
  int line = 0;
  std::string message;
};

struct ProfileEnv {
  std::vector<ProfileEnvLine> lines;  // in order; of a doubled name the last one counts
  std::vector<ProfileEnvMistake> mistakes;
  std::vector<ProfileEnvMistake> warnings;  // $(…) and $NAME, which stay as they are
};

// NAME=value lines, the whole value in single or double quotes or none; lines that begin with #
// and what follows " #" after an unquoted value are comments (profile-format.md "Inputs").
ProfileEnv parse_profile_env(std::string_view text);

}  // namespace klubster
