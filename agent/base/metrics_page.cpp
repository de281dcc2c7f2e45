// Labels may hold what other machines said: everything is escaped.
#include "base/metrics_page.h"

#include "base/text.h"

namespace klubster {

namespace {

constexpr std::size_t kLabelBytes = 200;

std::string escaped(const std::string& value) {
  std::string text;
  for (const char c : printable(value, kLabelBytes)) {
    if (c == '\\' || c == '"') text += '\\';
    text += c;
  }
  return text;
}

}  // namespace

void MetricsPage::begin(std::string_view name, std::string_view help, std::string_view type) {
  name_ = "klubster_" + std::string(name);
  text_ += "# HELP " + name_ + " " + std::string(help) + "\n# TYPE " + name_ + " " +
           std::string(type) + "\n";
}

void MetricsPage::sample(std::int64_t value, const Labels& labels) {
  std::string list;
  for (const auto& [label, content] : labels) {
    list += (list.empty() ? "" : ",") + std::string(label) + "=\"" + escaped(content) + "\"";
  }
  text_ += name_ + (list.empty() ? "" : "{" + list + "}") + " " + std::to_string(value) + "\n";
}

}  // namespace klubster
