// klubster explain
#include <iostream>
#include <memory>

#include "base/reason.h"
#include "base/text.h"
#include "cli/exit_code.h"
#include "cli/reference.h"
#include "cli/tree_options.h"
#include "cli/verbs.h"
#include "model/key_names.h"
#include "model/schema.h"

namespace klubster {

namespace {

struct ExplainOptions {
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

// The file that took the key away from below, when that is why it is not set.
const Origin* removal_of(const MergedTree& tree, const std::string& key) {
  for (const auto& [path, origin] : tree.removed) {
    if (stands_in(key, path)) return &origin;
  }
  return nullptr;
}

std::string where_from(NodeNameFrom from) {
  switch (from) {
    case NodeNameFrom::kCaller:
      return "--node";
    case NodeNameFrom::kKey:
      return "node/name";
    case NodeNameFrom::kMatch:
      return "overlays/node=NAME/match, which fits this machine";
    case NodeNameFrom::kHostname:
      return "the machine's hostname";
  }
  return "";
}

void print_schema(const std::string& key, const KeySpec& spec) {
  const std::string variable = location_variable(spec);
  const std::string name = credential_name(key);
  std::cout << key << ": " << spec.help << "\n"
            << "form: " << expectation(spec.type) << (spec.secret ? "; secret" : "") << "\n"
            << "default: " << (spec.default_text.empty() ? "none" : spec.default_text) << "\n"
            << "since: " << spec.since
            << (spec.in_place ? "" : "; does not change in place: klubster leave first") << "\n"
            << "variable: " << (variable.empty() ? "none" : variable + " (where its file is)")
            << "\n"
            << "credential: " << name << "\n"
            << "kernel line: " << (spec.secret ? "never, everybody can read it" : name + "=VALUE")
            << "\n";
}

void print_value(const std::string& key, const MergedTree& tree) {
  const auto found = tree.settings.find(key);
  if (found != tree.settings.end()) {
    std::cout << "value: " << shown_value(key, found->second) << "\n"
              << "from: " << origin_text(found->second.origin) << "\n";
    for (const auto& below : found->second.shadowed) {
      std::cout << "instead of: " << shown_value(key, {below.value, below.origin, {}}) << ", "
                << origin_text(below.origin) << "\n";
    }
  } else if (key == "node/name" && !tree.node.empty()) {
    std::cout << "value: " << tree.node << "\n"
              << "from: " << where_from(tree.node_from) << "\n";
  } else {
    std::cout << "value: not set\n";
    if (const Origin* by = removal_of(tree, key)) {
      std::cout << "removed by: " << origin_text(*by) << "\n";
    }
  }
}

int explain_key(const ExplainOptions& options, const KeySpec& spec) {
  const auto sources = sources_of(options.tree);
  if (!sources) return report(sources.error());
  const auto tree = read_config_tree(*sources);
  print_schema(options.subject, spec);
  print_value(options.subject, tree);
  for (const auto* problems : {&tree.errors, &tree.warnings}) {
    for (const auto& problem : *problems) {
      if (stands_in(options.subject, problem.key) || problem.key.ends_with("/" + options.subject)) {
        std::cout << "refused: " << problem.text() << "\n";
      }
    }
  }
  return kExitDone;
}

int run(const ExplainOptions& options) {
  if (options.all) return explain_all(options.format);
  if (options.subject.empty()) {
    return report(Error(ErrorKind::kInvalid, "Usage", "expected a key, a reason or --all"));
  }
  if (const Reason* reason = find_reason(options.subject)) return explain_reason(*reason);
  if (const KeySpec* spec = find_key(options.subject)) return explain_key(options, *spec);
  if (options.subject.find('/') != std::string::npos || !keys_below(options.subject).empty()) {
    return report(unknown_key(options.subject));
  }
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
  const auto options = std::make_shared<ExplainOptions>();
  arguments.word("KEY|REASON", &options->subject, "A key (node/modes) or a reason (TlsFailed)",
                 false);
  arguments.flag("--all", &options->all, "All reasons");
  arguments.choice("--format", &options->format, {"text", "markdown", "json"},
                   "With --all: how to print them (default text)");
  add_tree_options(arguments, &options->tree);
  return [options] { return run(*options); };
}

}  // namespace klubster
