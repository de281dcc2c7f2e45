// The only place that knows CLI11: its header costs seconds wherever it is included.
#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>
#include <iostream>
#include <optional>

#include "base/result.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/exit_code.h"

namespace klubster {

namespace {

// Actions stay where they are: callbacks of the parser point to them.
using Actions = std::deque<Action>;

bool is_for_programs(const Verb& verb) {
  return *verb.help == '\0';
}

void add_verbs(CLI::App& parent, std::span<const Verb> verbs, Actions& actions,
               const Action** chosen) {
  for (const auto& verb : verbs) {
    if (is_for_programs(verb)) continue;
    CLI::App* app = parent.add_subcommand(verb.name, verb.help);
    app->footer(kExitHelp);
    if (verb.declare == nullptr) {
      app->require_subcommand(1);
      add_verbs(*app, verb.below, actions, chosen);
      continue;
    }
    add_verbs(*app, verb.below, actions, chosen);
    Arguments arguments(app);
    const Action& action = actions.emplace_back(verb.declare(arguments));
    app->callback([&action, chosen, app] {
      if (app->get_subcommands().empty()) *chosen = &action;  // else that was meant
    });
  }
}

// The verb that was typed, and the parser's part for it.
std::pair<std::string, const CLI::App*> typed_verb(const CLI::App& whole) {
  const CLI::App* app = &whole;
  std::string path = whole.get_name();
  while (!app->get_subcommands().empty()) {
    app = app->get_subcommands().front();
    path += " " + app->get_name();
  }
  return {path, app};
}

// What nobody asked for. The parser would not say which option was probably meant.
std::string unexpected_text(const CLI::App& whole, const CLI::App& verb, const std::string& path) {
  const std::vector<std::string> rest = whole.remaining(true);
  const std::string word = rest.empty() ? "" : rest.front();
  const std::string found = "`" + printable(word, 80) + "`";
  if (!word.starts_with("-")) return "expected nothing more, found " + found;
  std::vector<std::string> names;
  for (const auto* option : verb.get_options()) {
    for (const auto& name : option->get_lnames())
      names.push_back("--" + name);
  }
  const std::string name = word.substr(0, word.find('='));
  if (contains(names, name)) return "expected " + name + " after `" + path + "`, found it before";
  const auto meant = nearest(name, names);
  return "there is no option " + found + (meant ? " (did you mean " + *meant + "?)" : "");
}

Error parse_error(const CLI::App& whole, const CLI::ParseError& error) {
  const auto [path, verb] = typed_verb(whole);
  const bool unexpected = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  return Error(ErrorKind::kInvalid, "Usage",
               unexpected ? unexpected_text(whole, *verb, path) : error.what())
      .hint(path + " --help");
}

// The first word that should be a verb and is none, told with the verb that was probably meant.
// The parser would only say that a subcommand is required.
std::optional<Error> find_unknown_verb(std::span<const Verb> verbs, int argc,
                                       const char* const* argv) {
  std::string path = "klubster";
  for (int i = 1; i < argc && !std::string_view(argv[i]).starts_with("-"); ++i) {
    const std::string_view word = argv[i];
    std::vector<std::string> names;
    for (const auto& verb : verbs) {
      if (!is_for_programs(verb)) names.emplace_back(verb.name);
    }
    const auto found = std::ranges::find(names, word);
    if (found == names.end()) {
      std::string message = path + " has no verb `" + printable(word, 40) + "`";
      if (const auto meant = nearest(word, names)) message += " (did you mean " + *meant + "?)";
      return Error(ErrorKind::kInvalid, "Usage", message).hint(path + " --help");
    }
    const Verb& verb = *std::ranges::find(verbs, word, &Verb::name);
    if (verb.declare != nullptr) return std::nullopt;
    verbs = verb.below;
    path += " " + *found;
  }
  return std::nullopt;
}

// "--key=FILE" is two words and -h is --help for every other verb; whom these words are handed to
// need not know that.
std::vector<std::string> plain_words(const std::vector<std::string>& words) {
  std::vector<std::string> plain;
  for (const auto& word : words) {
    const auto equals = word.starts_with("--") ? word.find('=') : std::string::npos;
    plain.push_back(word == "-h" ? "--help" : word.substr(0, equals));
    if (equals != std::string::npos) plain.push_back(word.substr(equals + 1));
  }
  return plain;
}

}  // namespace

void Arguments::flag(const std::string& name, bool* into, const std::string& help) {
  app_->add_flag(name, *into, help);
  shapes_.push_back({split(name, ','), "", {}, true, false});
}

void Arguments::option(const std::string& name, std::string* into, const std::string& value_word,
                       const std::string& help) {
  app_->add_option(name, *into, help)->type_name(value_word);
  shapes_.push_back({split(name, ','), value_word, {}, true, false});
}

void Arguments::number(const std::string& name, std::uint64_t* into, const std::string& value_word,
                       const std::string& help) {
  // The parser's own numbers may be negative, octal or followed by a unit.
  const auto wrong = [](const std::string& text) {
    return parse_number(text) ? "" : "expected a number, found `" + printable(text, 40) + "`";
  };
  app_->add_option(name, *into, help)->check(wrong)->type_name(value_word);
  shapes_.push_back({split(name, ','), value_word, {}, true, false});
}

void Arguments::options(const std::string& name, std::vector<std::string>* into,
                        const std::string& value_word, const std::string& help) {
  app_->add_option(name, *into, help)
      ->type_name(value_word)
      ->expected(1)
      ->allow_extra_args(false)  // else it takes words that stand behind its value
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  shapes_.push_back({split(name, ','), value_word, {}, true, true});
}

void Arguments::choice(const std::string& name, std::string* into,
                       const std::vector<std::string>& values, const std::string& help) {
  app_->add_option(name, *into, help)->check(CLI::IsMember(values));
  shapes_.push_back({split(name, ','), "WORD", values, true, false});
}

void Arguments::word(const std::string& name, std::string* into, const std::string& help,
                     bool required) {
  app_->add_option(name, *into, help)->required(required)->type_name("");
  shapes_.push_back({{name}, "", {}, false, false});
}

void Arguments::optional_word(const std::string& name, std::optional<std::string>* into,
                              const std::string& help) {
  // The parser's own optional takes an empty word for none.
  app_->add_option_function<std::string>(
          name, [into](const std::string& word) { *into = word; }, help)
      ->type_name("");
  shapes_.push_back({{name}, "", {}, false, false});
}

void Arguments::words(const std::string& name, std::vector<std::string>* into,
                      const std::string& help) {
  app_->add_option(name, *into, help)->type_name("");
  shapes_.push_back({{name}, "", {}, false, true});
}

void Arguments::offered(const std::string& name, const std::string& value_word, bool repeats) {
  shapes_.push_back({{name}, value_word, {}, true, repeats});
}

void Arguments::take_rest(int argc, const char* const* argv) {
  if (rest_ != nullptr) rest_->assign(argv, argv + argc);
}

void Arguments::rest(std::vector<std::string>* into) {
  rest_ = into;
  app_->prefix_command();
  app_->set_help_flag();
  CLI::App* app = app_;
  app_->parse_complete_callback([app, into] { *into = plain_words(app->remaining()); });
}

std::vector<ArgumentShape> shapes_of(const Verb& verb) {
  CLI::App app;
  Arguments arguments(&app);
  (void)verb.declare(arguments);  // only what it takes is of interest
  return arguments.shapes();
}

int run_command_line(std::span<const Verb> verbs, int argc, const char* const* argv) {
  for (const auto& verb : verbs) {
    if (argc < 2 || !is_for_programs(verb) || std::string_view(argv[1]) != verb.name) continue;
    CLI::App unused;
    Arguments arguments(&unused);
    const Action action = verb.declare(arguments);
    arguments.take_rest(argc - 2, argv + 2);
    return action();
  }
  if (const auto unknown = find_unknown_verb(verbs, argc, argv)) return report(*unknown);
  CLI::App app("klubster: what this node is, does and knows of its peers");
  app.name("klubster");
  app.footer(kExitHelp);
  app.set_version_flag("--version", std::string("klubster ") + kVersion);
  app.require_subcommand(1);
  Actions actions;
  const Action* chosen = nullptr;
  add_verbs(app, verbs, actions, &chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // --help and --version come this way too, with exit code 0.
    if (error.get_exit_code() == 0) return app.exit(error, std::cout, std::cerr);
    return report(parse_error(app, error));
  }
  set_called_verb(typed_verb(app).first);
  return (*chosen)();
}

}  // namespace klubster
