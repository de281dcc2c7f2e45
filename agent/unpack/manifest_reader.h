// Reading mappings of a manifest against what is expected, every mistake remembered with its place.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "unpack/yaml_tree.h"

namespace klubster {

// A mistake in a file of the package: "profile.yaml:3:5: spec.inputs[0].name: expected …, found …".
struct ManifestProblem {
  std::string file;
  YamlPlace place;
  std::string path;
  std::string message;
};

std::string to_text(const ManifestProblem& problem);

// All mistakes of one manifest, and where each path of it stands.
class ManifestProblems {
 public:
  void add(const YamlPlace& place, const std::string& path, std::string message);
  // At place_of(path).
  void add_at_path(const std::string& path, std::string message);
  void add_in_file(std::string file, int line, std::string path, std::string message);
  void remember(const std::string& path, const YamlPlace& place) { places_[path] = place; }
  // Where `path` was read, or the nearest above it.
  YamlPlace place_of(const std::string& path) const;
  // Whether `path`, or something below or above it, is already known to be wrong.
  bool concerns(const std::string& path) const;
  bool empty() const { return problems_.empty(); }
  // Sorted by file and place.
  std::vector<ManifestProblem> take();

 private:
  std::vector<ManifestProblem> problems_;
  std::map<std::string, YamlPlace> places_;
};

// One mapping. Every key that is asked for is known; finish() reports the others.
class MapReader {
 public:
  MapReader(const YamlNode& node, std::string path, ManifestProblems& problems);

  // nullptr when the key is absent or holds nothing.
  const YamlNode* find(const std::string& key);
  bool has(const std::string& key);

  std::string text(const std::string& key, bool required = false);
  bool boolean(const std::string& key, bool otherwise);
  std::optional<std::int64_t> integer(const std::string& key);
  std::uint64_t duration_usec(const std::string& key, std::uint64_t otherwise);
  std::uint64_t size(const std::string& key);
  std::vector<std::string> texts(const std::string& key);
  std::vector<std::int64_t> integers(const std::string& key);
  // A word of a list; nullopt (and a mistake, unless absent) otherwise.
  std::optional<std::string> word(const std::string& key, const std::vector<std::string>& words);

  void map(const std::string& key, const std::function<void(MapReader&)>& read);
  // `skip` is called for each item that is no mapping, so that later items keep their numbers.
  void maps(const std::string& key, const std::function<void(MapReader&)>& read,
            const std::function<void()>& skip = {});
  // Each member of this mapping: its name and a reader of its value.
  void each(const std::function<void(const std::string&, MapReader&)>& read);

  void refuse(const std::string& key, std::string message);
  void expected(const std::string& key, const std::string& what, const YamlNode& found);
  std::string path_of(const std::string& key) const;
  const YamlNode& node() const { return node_; }
  ManifestProblems& problems() { return problems_; }
  void finish();

 private:
  const YamlNode& node_;
  std::string path_;
  ManifestProblems& problems_;
  std::set<std::string> known_;
};

}  // namespace klubster
