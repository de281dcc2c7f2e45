// Properties out of a status.
#include "daemon/api_properties.h"

namespace klubster {

namespace {

// "ExitCode: server/etcd: ended with exit code 7"
std::vector<std::string> problem_texts(const Json& status) {
  std::vector<std::string> lines;
  for (const auto& problem : status.items("problems")) {
    lines.push_back(problem.text_or("reason") + ": " + problem.text_or("message"));
  }
  return lines;
}

}  // namespace

ApiValues api_values(const Json& status) {
  ApiValues values;
  values["Node"] = status.text_or("node");
  values["Ready"] = status.bool_or("ready");
  values["Generation"] = status.number_or("generation");
  values["LastGood"] = status.number_or("lastGood");
  values["Leaving"] = status.bool_or("leaving");
  values["ConfigHash"] = status.text_or("configHash");
  values["BootKind"] = status.get("boot").text_or("kind");
  values["Version"] = status.text_or("version");
  values["Applying"] = status.get("applying").text_or("by");
  values["Recovery"] = status.get("recovery").text_or("reason");
  values["Problems"] = problem_texts(status);
  return values;
}

const char* api_type(const ApiValue& value) {
  constexpr const char* kTypes[] = {"b", "t", "s", "as"};  // in the variant's order
  return kTypes[value.index()];
}

std::vector<std::string> api_changes(const ApiValues& before, const ApiValues& after) {
  std::vector<std::string> names;
  for (const auto& [name, value] : after) {
    const auto old = before.find(name);
    if (old == before.end() || old->second != value) names.push_back(name);
  }
  return names;
}

}  // namespace klubster
