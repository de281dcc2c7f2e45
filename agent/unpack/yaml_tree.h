// YAML as a tree that remembers where everything stood, with bounds and no duplicate keys hidden.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace klubster {

struct YamlPlace {
  int line = 1;
  int column = 1;
};

// One value. A mapping keeps its members in written order, doubled keys included: the reader
// reports those.
struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMapping };
  struct Member;

  Kind kind = Kind::kNull;
  YamlPlace place;
  std::string text;    // of a scalar
  bool plain = false;  // a scalar without quotes: may be a number, a boolean, nothing
  std::vector<YamlNode> items;
  std::vector<Member> members;
};

struct YamlNode::Member {
  std::string key;
  YamlPlace place;  // of the key
  YamlNode value;
};

// "a text", "a list", … for messages.
std::string describe(const YamlNode& node);

// One document of at most 256 KiB. Aliases are expanded up to 20,000 values in all. kInvalid,
// reason "ManifestInvalid": "LINE:COL: why".
Result<YamlNode> parse_yaml(std::string_view text);

}  // namespace klubster
