// Everything is looked up in the tables that the verbs run by, so that it cannot be stale.
#include "cli/candidates.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/reason.h"
#include "base/text.h"
#include "cli/agent_client.h"
#include "cli/tree_options.h"
#include "cli/verbs.h"
#include "model/profile.h"
#include "model/schema.h"

namespace klubster {

namespace {

// What was typed of one verb before the word at the cursor.
struct Typed {
  std::vector<std::string> words;           // no options
  std::vector<std::string> roots;           // values of --root
  std::string node;                         // value of --node
  std::set<std::string> options;            // that were given
  const ArgumentShape* awaiting = nullptr;  // the option whose value the cursor is at
};

const ArgumentShape* find_option(const std::vector<ArgumentShape>& shapes,
                                 const std::string& name) {
  const auto found = std::ranges::find_if(shapes, [&](const ArgumentShape& shape) {
    return shape.is_option && std::ranges::count(shape.names, name) != 0;
  });
  return found == shapes.end() ? nullptr : &*found;
}

Typed take_apart(const std::vector<ArgumentShape>& shapes, std::span<const std::string> before) {
  Typed typed;
  for (const auto& word : before) {
    if (typed.awaiting != nullptr) {
      if (typed.awaiting->names[0] == "--root") typed.roots.push_back(word);
      if (typed.awaiting->names[0] == "--node") typed.node = word;
      typed.awaiting = nullptr;
    } else if (const auto* option = find_option(shapes, word)) {
      typed.options.insert(option->names.begin(), option->names.end());
      if (!option->value_word.empty()) typed.awaiting = option;
    } else {
      typed.words.push_back(word);
    }
  }
  return typed;
}

MergedTree tree_of(const Typed& typed) {
  const auto sources = sources_of({typed.roots, typed.node});
  return sources ? read_config_tree(*sources) : MergedTree();
}

// The key up to the first segment that is the user's to name and is not yet typed to its end.
std::string as_far_as_known(std::string_view pattern, const std::string& typed) {
  const auto given = split(typed, '/');
  const auto segments = split(pattern, '/');
  std::string key;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const bool own_name = segments[i][0] == '<';
    if (own_name && i + 1 >= given.size()) return key;
    key += own_name ? given[i] : segments[i];
    if (i + 1 < segments.size()) key += "/";
  }
  return key;
}

std::vector<std::string> keys(const Typed& typed, const std::string& word) {
  std::vector<std::string> found;
  for (const auto& spec : schema())
    found.push_back(as_far_as_known(spec.pattern, word));
  for (const auto& [key, setting] : tree_of(typed).settings)
    found.push_back(key);
  return found;
}

std::vector<std::string> values(const Typed& typed) {
  const KeySpec* spec = typed.words.empty() ? nullptr : find_key(typed.words[0]);
  if (spec == nullptr) return {};
  if (spec->type == ValueType::kBool) return {"true", "false"};
  if (spec->type == ValueType::kModes) return {std::begin(kModeNames), std::end(kModeNames)};
  return {};
}

// Of the agent that runs here; none when it does not answer.
std::vector<std::string> steps() {
  auto client = AgentClient::create();
  if (!client) return {};
  const auto status = client->ask_agent("GetStatus");
  if (!status) return {};
  std::vector<std::string> found;
  for (const auto& step : status->items("steps")) {
    found.push_back(step.text_or("id"));
    found.push_back(step.text_or("phase") + "/" + step.text_or("id"));
  }
  return found;
}

// `what` is the word's name in --help.
std::vector<std::string> of_word(const std::string& what, const Typed& typed,
                                 const std::string& word) {
  if (what == "NODE_A" || what == "NODE_B" || what == "NAME") return tree_of(typed).nodes;
  if (what == "VALUE") return values(typed);
  if (what == "STEP") return steps();
  if (!what.starts_with("KEY") && what != "PREFIX") return {};
  auto found = keys(typed, word);
  if (what == "KEY|REASON") {
    for (const auto& reason : reasons())
      found.emplace_back(reason.name);
  }
  return found;
}

std::vector<std::string> of_verb(const Verb& verb, std::span<const std::string> before,
                                 const std::string& word) {
  const auto shapes = shapes_of(verb);
  const Typed typed = take_apart(shapes, before);
  if (typed.awaiting != nullptr) {
    return typed.awaiting->names[0] == "--node" ? tree_of(typed).nodes : typed.awaiting->choices;
  }
  if (word.starts_with("-")) {
    std::vector<std::string> names = {"--help"};
    for (const auto& shape : shapes) {
      if (!shape.is_option || (!shape.repeats && typed.options.count(shape.names[0]) != 0))
        continue;
      names.insert(names.end(), shape.names.begin(), shape.names.end());
    }
    return names;
  }
  std::size_t at = 0;
  for (const auto& shape : shapes) {
    if (!shape.is_option && at++ == typed.words.size()) return of_word(shape.names[0], typed, word);
  }
  return {};
}

std::vector<std::string> names_of(std::span<const Verb> verbs) {
  std::vector<std::string> names;
  for (const auto& verb : verbs) {
    if (*verb.help != '\0') names.emplace_back(verb.name);
  }
  return names;
}

std::vector<std::string> all_candidates(const std::vector<std::string>& words) {
  std::span<const Verb> verbs = all_verbs();
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const auto found =
        std::ranges::find_if(verbs, [&](const Verb& verb) { return verb.name == words[i]; });
    if (found == verbs.end()) return {};
    const std::string& next = words[i + 1];
    const bool goes_on =
        i + 2 < words.size() &&
        std::ranges::any_of(found->below, [&](const Verb& verb) { return verb.name == next; });
    if (found->declare != nullptr && !goes_on) {
      auto names = i + 2 == words.size() ? names_of(found->below) : std::vector<std::string>();
      auto own =
          of_verb(*found, std::span(words).subspan(i + 1, words.size() - i - 2), words.back());
      names.insert(names.end(), own.begin(), own.end());
      return names;
    }
    verbs = found->below;
  }
  if (words.back().starts_with("-")) return {"--help", "--version"};
  return names_of(verbs);
}

// "--root=DIR" is two words; bash makes three of it.
std::vector<std::string> without_equals(const std::vector<std::string>& words) {
  std::vector<std::string> plain;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const auto equals = words[i].find('=');
    if (words[i] == "=") continue;
    plain.push_back(words[i].substr(0, words[i].starts_with("--") ? equals : std::string::npos));
    if (plain.back().size() < words[i].size()) plain.push_back(words[i].substr(equals + 1));
  }
  plain.push_back(words.back() == "=" ? "" : words.back());
  return plain;
}

}  // namespace

std::vector<std::string> candidates(std::vector<std::string> words) {
  if (words.empty()) words.emplace_back();
  words = without_equals(words);
  const std::string last = words.back();
  auto found = all_candidates(words);
  std::erase_if(found, [&](const std::string& candidate) {
    return candidate.empty() || !candidate.starts_with(last);
  });
  std::ranges::sort(found);
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace klubster
