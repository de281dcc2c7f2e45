// A page of metrics in Prometheus' text format
// (https://prometheus.io/docs/instrumenting/exposition_formats/).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace klubster {

// All samples of a metric stand together below its help. Names begin with "klubster_".
class MetricsPage {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string>>;

  void gauge(std::string_view name, std::string_view help) { begin(name, help, "gauge"); }
  void counter(std::string_view name, std::string_view help) { begin(name, help, "counter"); }
  void sample(std::int64_t value, const Labels& labels = {});
  // One of several states is 1, the others 0.
  template <class States>
  void states(std::string_view label, const States& all, const std::string& present) {
    for (const auto state : all) {
      const std::string word(to_string(state));
      sample(word == present ? 1 : 0, {{label, word}});
    }
  }
  const std::string& text() const { return text_; }

 private:
  void begin(std::string_view name, std::string_view help, std::string_view type);
  std::string name_, text_;
};

}  // namespace klubster
