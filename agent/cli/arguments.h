// What a verb takes: declared once, parsed and shown in --help from the same declaration.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace klubster {

// One option or word of a verb, as completion needs to know it.
struct ArgumentShape {
  std::vector<std::string> names;    // "-o", "--output"; of a word what --help calls it: "KEY"
  std::string value_word;            // what an option's value is called; empty for flags
  std::vector<std::string> choices;  // the only values, when they are few
  bool is_option = false;
  bool repeats = false;
};

// The options and words of one verb. What `into` points to must live as long as the verb's action.
class Arguments {
 public:
  explicit Arguments(CLI::App* app) : app_(app) {}

  void flag(const std::string& name, bool* into, const std::string& help);
  void option(const std::string& name, std::string* into, const std::string& value_word,
              const std::string& help);
  void number(const std::string& name, std::uint64_t* into, const std::string& value_word,
              const std::string& help);
  // May be given several times.
  void options(const std::string& name, std::vector<std::string>* into,
               const std::string& value_word, const std::string& help);
  void choice(const std::string& name, std::string* into, const std::vector<std::string>& values,
              const std::string& help);
  void word(const std::string& name, std::string* into, const std::string& help, bool required);
  // The same for a word that may be left out or be empty, which are not the same.
  void optional_word(const std::string& name, std::optional<std::string>* into,
                     const std::string& help);
  // All words that are left.
  void words(const std::string& name, std::vector<std::string>* into, const std::string& help);
  // An option that rest() passes on: for completion alone. Without a value word it is a flag.
  void offered(const std::string& name, const std::string& value_word = "", bool repeats = false);
  // Everything that follows, options of another program included; "--key=FILE" as two words.
  void rest(std::vector<std::string>* into);

  // Gives the words that follow to rest() without a parser, "--" and empty ones included.
  void take_rest(int argc, const char* const* argv);

  // What was declared, in its order.
  const std::vector<ArgumentShape>& shapes() const { return shapes_; }

 private:
  CLI::App* app_;
  std::vector<std::string>* rest_ = nullptr;
  std::vector<ArgumentShape> shapes_;
};

// What a verb does once its arguments are read; returns the exit code.
using Action = std::function<int()>;

struct Verb {
  const char* name;
  const char* help;                         // empty: shown nowhere, for programs only
  Action (*declare)(Arguments& arguments);  // nullptr: only a group
  std::span<const Verb> below;              // verbs of the group, or beside what it does itself
};

// What the verb takes. It must have a declaration.
std::vector<ArgumentShape> shapes_of(const Verb& verb);

// Parses the command line by the table and runs the verb that it names. Wrong usage is told on
// standard error and gives 64.
int run_command_line(std::span<const Verb> verbs, int argc, const char* const* argv);

}  // namespace klubster
