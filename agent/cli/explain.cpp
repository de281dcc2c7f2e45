// klubster explain
#include <iostream>
#include <memory>

#include "base/reason.h"
#include "base/text.h"
#include "cli/exit_code.h"
#include "cli/reference.h"
#include "cli/tree_options.h"
#include "cli/verbs.h"
#include "model/schema.h"

namespace klubster {

namespace {

struct Options {
  TreeOptions tree;
  std::string subject;
  std::string format = "text";
  bool all = false;
};

int explain_all(const std::string& format) {
  if (format == "markdown") {
    std::cout << reasons_markdown();
  } else if (format == "json") {
    std::cout << reasons_json().pretty() << "\n";
  } else {
    std::cout << reasons_text(look_of_stdout());
  }
  return kExitDone;
}

int explain_reason(const Reason& reason) {
  std::cout << reason.name << ": " << reason.meaning << "\n"
            << (reason.retried ? "klubster tries again by itself\n"
                               : "klubster does not try again until something changes\n")
            << "next: " << reason.next << "\n";
  return kExitDone;
}

int explain_key(const Options& options, const KeySpec& spec) {
  const auto sources = sources_of(options.tree);
  if (!sources) return report(sources.error());
  const auto tree = read_config_tree(*sources);
  std::cout << options.subject << ": " << spec.help << "\n"
            << "form: " << expectation(spec.type) << (spec.secret ? "; secret" : "") << "\n"
            << "default: " << (spec.default_text.empty() ? "none" : spec.default_text) << "\n"
            << "since: " << spec.since
            << (spec.in_place ? "" : "; does not change in place: klubster leave first") << "\n";
  const auto found = tree.settings.find(options.subject);
  if (found == tree.settings.end()) {
    std::cout << "value: not set\n";
  } else {
    std::cout << "value: " << shown_value(options.subject, found->second) << "\n"
              << "from: " << origin_text(found->second.origin) << "\n";
    for (const auto& below : found->second.shadowed) {
      std::cout << "instead of: " << origin_text(below.origin) << "\n";
    }
  }
  for (const auto& error : tree.errors) {
    if (error.key == options.subject) std::cout << "refused: " << error.text() << "\n";
  }
  return kExitDone;
}

int run(const Options& options) {
  if (options.all) return explain_all(options.format);
  if (options.subject.empty()) {
    return report(Error(ErrorKind::kInvalid, "Usage", "expected a key, a reason or --all"));
  }
  if (const Reason* reason = find_reason(options.subject)) return explain_reason(*reason);
  if (const KeySpec* spec = find_key(options.subject)) return explain_key(options, *spec);
  if (options.subject.find('/') != std::string::npos) return report(unknown_key(options.subject));
  std::vector<std::string> names;
  for (const auto& reason : reasons())
    names.emplace_back(reason.name);
  std::string message = "there is no reason or key `" + printable(options.subject, 80) + "`";
  if (const auto meant = nearest(options.subject, names))
    message += " (did you mean " + *meant + "?)";
  return report(
      Error(ErrorKind::kInvalid, "UnknownName", message)
          .hint("klubster explain --all lists the reasons, klubster config keys the keys"));
}

}  // namespace

Action declare_explain(Arguments& arguments) {
  const auto options = std::make_shared<Options>();
  arguments.word("KEY|REASON", &options->subject, "A key (node/modes) or a reason (TlsFailed)",
                 false);
  arguments.flag("--all", &options->all, "All reasons");
  arguments.choice("--format", &options->format, {"text", "markdown", "json"},
                   "With --all: how to print them (default text)");
  add_tree_options(arguments, &options->tree);
  return [options] { return run(*options); };
}

}  // namespace klubster
