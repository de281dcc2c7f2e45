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
  app_->add_option(name, *into, help)->type_name(value_word);
  shapes_.push_back({split(name, ','), value_word, {}, true, false});
}

void Arguments::options(const std::string& name, std::vector<std::string>* into,
                        const std::string& value_word, const std::string& help) {
  app_->add_option(name, *into, help)
      ->type_name(value_word)
      ->expected(1)
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
  app_->parse_complete_callback([app, into] { *into = app->remaining(); });
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
    std::cerr << "klubster: " << error.what() << "\nnext: klubster ";
    for (const auto* verb : app.get_subcommands())
      std::cerr << verb->get_name() << " ";
    std::cerr << "--help\n";
    return kExitUsage;
  }
  return (*chosen)();
}

}  // namespace klubster
