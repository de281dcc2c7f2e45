// Reading profile.env.
#include "unpack/profile_env.h"

#include <algorithm>

#include "base/text.h"

namespace klubster {

namespace {

constexpr std::size_t kEnvBytes = 256 * 1024;

bool is_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return is_alphanumeric(c) || c == '_'; });
}

// What a shell would expand and klubster does not.
bool looks_expanded(std::string_view value) {
  for (std::size_t i = 0; i + 1 < value.size(); ++i) {
    const char next = value[i + 1];
    const bool starts_name = (next >= 'A' && next <= 'Z') || (next >= 'a' && next <= 'z');
    if (value[i] == '$' && (next == '(' || next == '{' || next == '_' || starts_name)) return true;
  }
  return value.find('`') != std::string_view::npos;
}

class EnvReader {
 public:
  void line(int number, std::string_view raw) {
    const auto text = trim(raw);
    if (text.empty() || text[0] == '#') return;
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || !is_name(text.substr(0, equals))) {
      return mistake(number, "expected NAME=value, found \"" + printable(text, 80) + "\"");
    }
    value(number, std::string(text.substr(0, equals)), trim(text.substr(equals + 1)));
  }
  ProfileEnv take() { return std::move(env_); }
  void mistake(int number, std::string message) {
    env_.mistakes.push_back({number, std::move(message)});
  }

 private:
  void value(int number, std::string name, std::string_view text) {
    const char quote = text.empty() ? '\0' : text[0];
    bool literal = false;
    if (quote == '"' || quote == '\'') {
      const auto end = text.find(quote, 1);
      if (end == std::string_view::npos) {
        return mistake(number, name + ": the quote is not closed on this line");
      }
      const auto rest = trim(text.substr(end + 1));
      if (!rest.empty() && rest[0] != '#') {
        return mistake(number, name + ": expected the quotes around the whole value");
      }
      text = text.substr(1, end - 1);
      literal = quote == '\'';
    } else if (const auto comment = comment_start(text); comment != std::string_view::npos) {
      text = trim(text.substr(0, comment));
    }
    if (!literal && looks_expanded(text)) {
      env_.warnings.push_back({number, name + ": \"" + printable(text, 80) +
                                           "\" stays as it is written: nothing is expanded here"});
    }
    env_.lines.push_back({number, std::move(name), std::string(text)});
  }

  static std::size_t comment_start(std::string_view text) {
    const auto space = text.find(" #");
    const auto tab = text.find("\t#");
    return std::min(space, tab);
  }

  ProfileEnv env_;
};

}  // namespace

ProfileEnv parse_profile_env(std::string_view text) {
  EnvReader reader;
  if (text.size() > kEnvBytes) {
    reader.mistake(1, "expected at most 256 KiB");
  } else if (!is_utf8(text) || text.find('\0') != std::string_view::npos) {
    reader.mistake(1, "expected UTF-8 without NUL");
  } else {
    int number = 0;
    for (const auto& line : split(text, '\n'))
      reader.line(++number, line);
  }
  return reader.take();
}

}  // namespace klubster
