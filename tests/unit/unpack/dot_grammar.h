// Reads Graphviz' language as its grammar says (graphviz.org/doc/info/lang.html), and nothing more.
#pragma once

#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace klubster {

// What a graph holds; names without their quotes, escapes undone.
struct DotGraph {
  std::string name;
  std::set<std::string> subgraphs, nodes;
  std::map<std::string, std::string> labels;  // of nodes, as written
  struct Edge {
    std::string from, to;
    std::map<std::string, std::string> attributes;
  };
  std::vector<Edge> edges;
};

// Throws std::runtime_error at the first word that does not fit.
class DotReader {
 public:
  explicit DotReader(std::string text) : text_(std::move(text)) { next(); }

  DotGraph read() {
    expect("digraph");
    graph_.name = id();
    block();
    if (!word_.empty()) fail();
    return std::move(graph_);
  }

 private:
  [[noreturn]] void fail() const {
    throw std::runtime_error("at byte " + std::to_string(at_) + ": unexpected `" + word_ + "`");
  }
  static bool is_bare(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  }

  // The next word into `word_`; empty at the end. A quoted one is an id whatever it says.
  void next() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n'))
      ++at_;
    word_.clear();
    quoted_ = false;
    if (at_ == text_.size()) return;
    if (text_[at_] == '"') return quoted();
    if (text_.compare(at_, 2, "->") == 0) {
      word_ = "->";
      at_ += 2;
    } else if (is_bare(text_[at_])) {
      while (at_ < text_.size() && is_bare(text_[at_]))
        word_ += text_[at_++];
    } else if (std::string("{}[];,=").find(text_[at_]) != std::string::npos) {
      word_ = text_[at_++];
    } else {
      word_ = text_[at_];
      fail();
    }
  }
  void quoted() {
    quoted_ = true;
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (static_cast<unsigned char>(text_[at_]) < 0x20) fail();
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) word_ += text_[at_++];
      word_ += text_[at_];
    }
    if (at_ == text_.size()) throw std::runtime_error("a quote is not closed");
    ++at_;
  }
  bool is(const char* word) const { return !quoted_ && word_ == word; }
  void expect(const char* word) {
    if (!is(word)) fail();
    next();
  }
  std::string id() {
    const bool keyword = is("graph") || is("node") || is("edge") || is("subgraph");
    if (!quoted_ && (word_.empty() || !is_bare(word_[0]) || keyword)) fail();
    std::string taken = word_;
    next();
    return taken;
  }

  void block() {
    expect("{");
    while (!is("}"))
      statement();
    next();
  }
  void statement() {
    if (is("subgraph")) {
      next();
      if (!graph_.subgraphs.insert(id()).second) fail();
      return block();
    }
    if (is("graph") || is("node") || is("edge")) {
      next();
      (void)attributes();
      return expect(";");
    }
    const std::string first = id();
    if (is("=")) {
      next();
      (void)id();
    } else if (is("->")) {
      next();
      const std::string second = id();
      graph_.edges.push_back({first, second, attributes()});
    } else {
      if (!graph_.nodes.insert(first).second) fail();
      graph_.labels[first] = attributes()["label"];
    }
    expect(";");
  }
  std::map<std::string, std::string> attributes() {
    std::map<std::string, std::string> taken;
    if (!is("[")) return taken;
    next();
    while (!is("]")) {
      const std::string name = id();
      expect("=");
      if (!taken.emplace(name, id()).second) fail();
      if (is(",")) next();
    }
    next();
    return taken;
  }

  std::string text_, word_;
  std::size_t at_ = 0;
  bool quoted_ = false;
  DotGraph graph_;
};

}  // namespace klubster
