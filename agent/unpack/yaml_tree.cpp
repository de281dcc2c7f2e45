// Building the tree from yaml-cpp's events: its own tree hides doubled keys.
#include "unpack/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <map>
#include <optional>
#include <sstream>

#include "base/text.h"

namespace klubster {

namespace {

constexpr std::size_t kYamlBytes = 256 * 1024;
constexpr std::size_t kMaxNodes = 20'000;
constexpr std::size_t kMaxDepth = 32;

YamlPlace place_of(const YAML::Mark& mark) {
  return {mark.line + 1, mark.column + 1};
}

std::string at(const YamlPlace& place) {
  return std::to_string(place.line) + ":" + std::to_string(place.column) + ": ";
}

std::size_t count_nodes(const YamlNode& node) {
  std::size_t count = 1;
  for (const auto& item : node.items)
    count += count_nodes(item);
  for (const auto& member : node.members)
    count += count_nodes(member.value);
  return count;
}

class Builder : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node;
    node.place = place_of(mark);
    add(std::move(node), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (problem_) return;
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) return refuse(place_of(mark), "an alias inside of what it names");
    YamlNode copy = found->second;
    nodes_ += count_nodes(copy);
    if (nodes_ > kMaxNodes) return refuse(place_of(mark), "aliases expand to too many values");
    add(std::move(copy), YAML::NullAnchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node;
    node.kind = YamlNode::Kind::kScalar;
    node.place = place_of(mark);
    node.text = value;
    node.plain = tag == "?" || tag.empty();
    if (!node.plain && tag != "!" && tag != "tag:yaml.org,2002:str") {
      return refuse(node.place, "the tag " + printable(tag, 64) + " is not understood here");
    }
    if (node.plain && (value == "~" || value == "null" || value == "Null" || value == "NULL")) {
      node.kind = YamlNode::Kind::kNull;
    }
    add(std::move(node), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kSequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kMapping, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

  const std::optional<std::string>& problem() const { return problem_; }
  YamlNode take() { return std::move(root_); }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor = YAML::NullAnchor;
    std::optional<YamlNode> key;  // of a mapping: read, its value not yet
  };

  void refuse(const YamlPlace& place, const std::string& why) {
    if (!problem_) problem_ = at(place) + why;
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    if (problem_) return;
    Open next;
    next.node.kind = kind;
    next.node.place = place_of(mark);
    next.anchor = anchor;
    if (stack_.size() >= kMaxDepth) return refuse(next.node.place, "nested too deep");
    if (tag != "?" && tag != "!" && !tag.empty()) {
      return refuse(next.node.place, "the tag " + printable(tag, 64) + " is not understood here");
    }
    stack_.push_back(std::move(next));
  }

  void close() {
    if (problem_) return;
    Open done = std::move(stack_.back());
    stack_.pop_back();
    add(std::move(done.node), done.anchor);
  }

  void add(YamlNode node, YAML::anchor_t anchor) {
    if (problem_) return;
    if (++nodes_ > kMaxNodes) return refuse(node.place, "too many values");
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = stack_.back();
    if (parent.node.kind == YamlNode::Kind::kSequence) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      if (node.kind != YamlNode::Kind::kScalar) {
        return refuse(node.place, "expected a text as key, found " + describe(node));
      }
      parent.key = std::move(node);
    } else {
      parent.node.members.push_back({parent.key->text, parent.key->place, std::move(node)});
      parent.key.reset();
    }
  }

  std::vector<Open> stack_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  YamlNode root_;
  std::size_t nodes_ = 0;
  std::optional<std::string> problem_;
};

}  // namespace

std::string describe(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMapping:
      return "a mapping";
    case YamlNode::Kind::kScalar:
      break;
  }
  return "\"" + printable(node.text, 80) + "\"";
}

Result<YamlNode> parse_yaml(std::string_view text) {
  const auto refuse = [](const std::string& why) {
    return Error(ErrorKind::kInvalid, "ManifestInvalid", why);
  };
  if (text.size() > kYamlBytes) return refuse("1:1: expected at most 256 KiB");
  if (!is_utf8(text)) return refuse("1:1: expected UTF-8");
  if (text.find('\0') != std::string_view::npos) return refuse("1:1: found a NUL byte");
  std::istringstream stream{std::string(text)};
  Builder builder;
  // yaml-cpp reports by exceptions only.
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return refuse("1:1: the document is empty");
    if (builder.problem()) return refuse(*builder.problem());
    Builder second;
    if (parser.HandleNextDocument(second)) return refuse("1:1: expected one document, found more");
  } catch (const YAML::Exception& e) {
    return refuse(at(place_of(e.mark)) + printable(e.msg));
  }
  return builder.take();
}

}  // namespace klubster
