// Reading mappings with their places.
#include "unpack/manifest_reader.h"

#include <algorithm>

#include "base/text.h"

namespace klubster {

namespace {

bool is_within(std::string_view path, std::string_view root) {
  if (path == root) return true;
  return path.starts_with(root) && (path[root.size()] == '.' || path[root.size()] == '[');
}

std::optional<std::int64_t> integer_of(const YamlNode& node) {
  if (node.kind != YamlNode::Kind::kScalar || !node.plain) return std::nullopt;
  const bool negative = node.text.starts_with("-");
  const auto number = parse_number(std::string_view(node.text).substr(negative ? 1 : 0), INT64_MAX);
  if (!number) return std::nullopt;
  const auto magnitude = static_cast<std::int64_t>(*number);
  return negative ? -magnitude : magnitude;
}

}  // namespace

std::string to_text(const ManifestProblem& problem) {
  std::string text = problem.file + ":" + std::to_string(problem.place.line) + ":" +
                     std::to_string(problem.place.column) + ": ";
  if (!problem.path.empty()) text += printable(problem.path) + ": ";
  return text + problem.message;
}

void ManifestProblems::add(const YamlPlace& place, const std::string& path, std::string message) {
  problems_.push_back({"profile.yaml", place, path, std::move(message)});
}

YamlPlace ManifestProblems::place_of(const std::string& path) const {
  std::string known = path;
  auto found = places_.find(known);
  while (found == places_.end()) {
    const auto cut = known.find_last_of(".[");
    if (cut == std::string::npos) break;
    known.resize(cut);
    found = places_.find(known);
  }
  return found == places_.end() ? YamlPlace{} : found->second;
}

void ManifestProblems::add_at_path(const std::string& path, std::string message) {
  add(place_of(path), path, std::move(message));
}

void ManifestProblems::add_in_file(std::string file, int line, std::string path,
                                   std::string message) {
  problems_.push_back({std::move(file), {line, 1}, std::move(path), std::move(message)});
}

bool ManifestProblems::concerns(const std::string& path) const {
  return std::any_of(problems_.begin(), problems_.end(), [&](const ManifestProblem& problem) {
    return is_within(path, problem.path) || is_within(problem.path, path);
  });
}

std::vector<ManifestProblem> ManifestProblems::take() {
  std::stable_sort(problems_.begin(), problems_.end(), [](const auto& a, const auto& b) {
    return std::tie(b.file, a.place.line, a.place.column) <  // profile.yaml before profile.env
           std::tie(a.file, b.place.line, b.place.column);
  });
  return std::move(problems_);
}

MapReader::MapReader(const YamlNode& node, std::string path, ManifestProblems& problems)
    : node_(node), path_(std::move(path)), problems_(problems) {
  if (!path_.empty()) problems_.remember(path_, node_.place);
  if (node_.kind != YamlNode::Kind::kMapping) {
    problems_.add(node_.place, path_, "expected a mapping, found " + describe(node_));
    return;
  }
  std::map<std::string, YamlPlace> seen;
  for (const auto& member : node_.members) {
    const auto [first, is_new] = seen.emplace(member.key, member.place);
    if (is_new) continue;
    problems_.add(member.place, path_of(member.key),
                  "expected each key once, found it again (first in line " +
                      std::to_string(first->second.line) + ")");
  }
}

std::string MapReader::path_of(const std::string& key) const {
  return path_.empty() ? printable(key, 80) : path_ + "." + printable(key, 80);
}

const YamlNode* MapReader::find(const std::string& key) {
  known_.insert(key);
  for (const auto& member : node_.members) {
    if (member.key != key) continue;
    problems_.remember(path_of(key), member.value.place);
    return member.value.kind == YamlNode::Kind::kNull ? nullptr : &member.value;
  }
  return nullptr;
}

bool MapReader::has(const std::string& key) {
  return find(key) != nullptr;
}

void MapReader::refuse(const std::string& key, std::string message) {
  problems_.add_at_path(key.empty() ? path_ : path_of(key), std::move(message));
}

void MapReader::expected(const std::string& key, const std::string& what, const YamlNode& found) {
  problems_.add(found.place, path_of(key), "expected " + what + ", found " + describe(found));
}

std::string MapReader::text(const std::string& key, bool required) {
  const YamlNode* found = find(key);
  if (found == nullptr) {
    if (required) refuse(key, "expected a text, found nothing");
    return "";
  }
  if (found->kind == YamlNode::Kind::kScalar && (!required || !found->text.empty())) {
    return found->text;
  }
  expected(key, "a text", *found);
  return "";
}

bool MapReader::boolean(const std::string& key, bool otherwise) {
  const YamlNode* found = find(key);
  if (found == nullptr) return otherwise;
  if (found->plain && (found->text == "true" || found->text == "false")) {
    return found->text == "true";
  }
  expected(key, "true or false", *found);
  return otherwise;
}

std::optional<std::int64_t> MapReader::integer(const std::string& key) {
  const YamlNode* found = find(key);
  if (found == nullptr) return std::nullopt;
  const auto number = integer_of(*found);
  if (!number) expected(key, "a whole number", *found);
  return number;
}

std::uint64_t MapReader::duration_usec(const std::string& key, std::uint64_t otherwise) {
  const YamlNode* found = find(key);
  if (found == nullptr) return otherwise;
  const auto usec = parse_duration_usec(found->text);
  if (!usec) expected(key, "a duration such as 90s or 5m", *found);
  return usec.value_or(otherwise);
}

std::uint64_t MapReader::size(const std::string& key) {
  const YamlNode* found = find(key);
  if (found == nullptr) return 0;
  const auto bytes = parse_size(found->text);
  if (!bytes || *bytes > INT64_MAX) expected(key, "a size such as 512M", *found);
  return bytes.value_or(0);
}

std::vector<std::string> MapReader::texts(const std::string& key) {
  std::vector<std::string> texts;
  const YamlNode* found = find(key);
  if (found == nullptr) return texts;
  if (found->kind != YamlNode::Kind::kSequence) {
    expected(key, "a list of texts", *found);
    return texts;
  }
  for (std::size_t i = 0; i < found->items.size(); ++i) {
    const auto& item = found->items[i];
    const std::string at = key + "[" + std::to_string(i) + "]";
    problems_.remember(path_of(at), item.place);
    if (item.kind == YamlNode::Kind::kScalar) {
      texts.push_back(item.text);
    } else {
      expected(at, "a text", item);
    }
  }
  return texts;
}

std::vector<std::int64_t> MapReader::integers(const std::string& key) {
  std::vector<std::int64_t> numbers;
  const YamlNode* found = find(key);
  if (found == nullptr) return numbers;
  if (found->kind != YamlNode::Kind::kSequence) {
    expected(key, "a list of whole numbers", *found);
    return numbers;
  }
  for (const auto& item : found->items) {
    const auto number = integer_of(item);
    if (number) {
      numbers.push_back(*number);
    } else {
      expected(key, "a whole number", item);
    }
  }
  return numbers;
}

std::optional<std::string> MapReader::word(const std::string& key,
                                           const std::vector<std::string>& words) {
  const YamlNode* found = find(key);
  if (found == nullptr) return std::nullopt;
  if (found->kind == YamlNode::Kind::kScalar &&
      std::find(words.begin(), words.end(), found->text) != words.end()) {
    return found->text;
  }
  expected(key, words.size() == 1 ? words[0] : "one of " + join(words, ", "), *found);
  return std::nullopt;
}

void MapReader::map(const std::string& key, const std::function<void(MapReader&)>& read) {
  const YamlNode* found = find(key);
  if (found == nullptr) return;
  MapReader reader(*found, path_of(key), problems_);
  if (found->kind != YamlNode::Kind::kMapping) return;
  read(reader);
  reader.finish();
}

void MapReader::maps(const std::string& key, const std::function<void(MapReader&)>& read,
                     const std::function<void()>& skip) {
  const YamlNode* found = find(key);
  if (found == nullptr) return;
  if (found->kind != YamlNode::Kind::kSequence) {
    expected(key, "a list", *found);
    return;
  }
  for (std::size_t i = 0; i < found->items.size(); ++i) {
    MapReader reader(found->items[i], path_of(key) + "[" + std::to_string(i) + "]", problems_);
    if (found->items[i].kind != YamlNode::Kind::kMapping) {
      if (skip) skip();
      continue;
    }
    read(reader);
    reader.finish();
  }
}

void MapReader::each(const std::function<void(const std::string&, MapReader&)>& read) {
  for (const auto& member : node_.members) {
    known_.insert(member.key);
    MapReader reader(member.value, path_of(member.key), problems_);
    if (member.value.kind != YamlNode::Kind::kMapping) continue;
    read(member.key, reader);
    reader.finish();
  }
}

void MapReader::finish() {
  for (const auto& member : node_.members) {
    if (known_.count(member.key) > 0) continue;
    const auto near = nearest(member.key, {known_.begin(), known_.end()});
    problems_.add(
        member.place, path_of(member.key),
        near ? "unknown key, did you mean " + *near + "?"
             : "unknown key, expected one of " + join({known_.begin(), known_.end()}, ", "));
  }
}

}  // namespace klubster
