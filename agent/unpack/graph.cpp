// Writing dot.
#include "unpack/graph.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "model/profile_rules.h"

namespace klubster {

namespace {

constexpr std::size_t kLabelBytes = 200;

// Backslashes begin escapes of labels ("\N" is the node's name): none of the profile's gets
// through.
std::string escaped(std::string_view text) {
  std::string made;
  for (const char c : printable(text, kLabelBytes)) {
    if (c == '"' || c == '\\') made += '\\';
    made += c;
  }
  return made;
}

std::string quoted(std::string_view text) {
  return "\"" + escaped(text) + "\"";
}

std::string cluster_of(const std::string& phase) {
  return quoted("cluster " + phase);
}

std::string node_of(const std::string& phase, const std::string& step) {
  return quoted(join({phase, step}, "/"));
}

std::string step_label(const StepSpec& step) {
  std::vector<std::string> lines = {step.id, std::string(to_string(step.kind))};
  if (!step.core_mode.empty()) lines.push_back("Core, mode " + step.core_mode);
  if (!step.start_unit.empty()) lines.push_back("starts " + step.start_unit);
  if (!step.unit_name.empty()) lines.push_back("as " + step.unit_name);
  if (!step.when_input.empty()) lines.push_back("when " + step.when_input + " is " + step.when_is);
  for (auto& line : lines)
    line = escaped(line);
  return "\"" + join(lines, "\\n") + "\"";
}

class Graph {
 public:
  explicit Graph(const Profile& profile) : profile_(profile) {}

  std::string run() {
    text_ = "digraph " + quoted(profile_.name + " " + profile_.version) + " {\n";
    text_ += "  graph [rankdir=LR, compound=true];\n  node [shape=box];\n";
    for (const auto& [phase, steps] : profile_.modes)
      draw_phase(phase, steps);
    for (const auto& [phase, steps] : profile_.modes) {
      for (const auto& step : steps)
        draw_needs(phase, step);
    }
    return text_ + "}\n";
  }

 private:
  void draw_phase(const std::string& phase, const std::vector<StepSpec>& steps) {
    text_ += "  subgraph " + cluster_of(phase) + " {\n    label=" + quoted(phase) + ";\n";
    for (const auto& step : steps) {
      text_ += "    " + node_of(phase, step.id) + " [label=" + step_label(step);
      text_ += step.kind == StepKind::kService ? ", style=bold];\n" : "];\n";
    }
    for (const auto& step : steps) {
      for (const auto& before : step.after)
        text_ += "    " + node_of(phase, before) + " -> " + node_of(phase, step.id) + ";\n";
    }
    text_ += "  }\n";
  }

  // An edge that begins at the frame of the phase that the peers must have; of the step's own
  // phase, or of one without steps, the peers stand beside it.
  void draw_needs(const std::string& phase, const StepSpec& step) {
    for (const auto& need : step.needs) {
      const std::string head = node_of(phase, step.id);
      const std::string wanted = join({need.count, need.phase, need.condition}, " ");
      const auto found = profile_.modes.find(need.phase);
      const bool framed =
          found != profile_.modes.end() && !found->second.empty() && need.phase != phase;
      std::string tail;
      std::string from_frame;
      if (framed) {
        tail = node_of(need.phase, found->second.back().id);
        from_frame = ", ltail=" + cluster_of(need.phase);
      } else {
        tail = quoted("peers " + need.phase);
        if (peers_.insert(need.phase).second)
          text_.append("  " + tail).append(" [shape=ellipse];\n");
      }
      text_ += "  " + tail;
      text_ += " -> " + head;
      text_ += " [style=dashed, label=" + quoted(wanted) + from_frame + "];\n";
    }
  }

  const Profile& profile_;
  std::string text_;
  std::set<std::string> peers_;  // that stand beside a phase
};

}  // namespace

std::string profile_graph(const Profile& profile) {
  return Graph(profile).run();
}

}  // namespace klubster
