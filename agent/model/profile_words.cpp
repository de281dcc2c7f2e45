// The words of the manifest for the enumerations of a profile.
#include <array>

#include "model/profile_rules.h"

namespace klubster {

namespace {

template <typename T>
struct Word {
  T value;
  std::string_view text;
};

constexpr std::array<Word<InputSource>, 3> kSources = {
    {{InputSource::kPackageDefault, "package-default"},
     {InputSource::kLocalOverride, "local-override"},
     {InputSource::kEither, "either"}}};

constexpr std::array<Word<InputType>, 10> kTypes = {{{InputType::kString, "string"},
                                                     {InputType::kInt, "int"},
                                                     {InputType::kBool, "bool"},
                                                     {InputType::kEnum, "enum"},
                                                     {InputType::kHostname, "hostname"},
                                                     {InputType::kIp, "ip"},
                                                     {InputType::kCidr, "cidr"},
                                                     {InputType::kUrl, "url"},
                                                     {InputType::kDuration, "duration"},
                                                     {InputType::kSize, "size"}}};

constexpr std::array<Word<StepKind>, 2> kKinds = {
    {{StepKind::kTask, "task"}, {StepKind::kService, "service"}}};

template <typename Table, typename T>
std::string_view text_of(const Table& table, T value) {
  for (const auto& row : table) {
    if (row.value == value) return row.text;
  }
  return "";
}

template <typename T, std::size_t N>
std::optional<T> value_of(const std::array<Word<T>, N>& table, std::string_view text) {
  for (const auto& row : table) {
    if (row.text == text) return row.value;
  }
  return std::nullopt;
}

template <typename Table>
std::vector<std::string> texts_of(const Table& table) {
  std::vector<std::string> texts;
  texts.reserve(table.size());
  for (const auto& row : table)
    texts.emplace_back(row.text);
  return texts;
}

}  // namespace

std::string_view to_string(InputSource source) {
  return text_of(kSources, source);
}
std::string_view to_string(InputType type) {
  return text_of(kTypes, type);
}
std::string_view to_string(StepKind kind) {
  return text_of(kKinds, kind);
}
std::optional<InputSource> input_source_from(std::string_view text) {
  return value_of(kSources, text);
}
std::optional<InputType> input_type_from(std::string_view text) {
  return value_of(kTypes, text);
}
std::optional<StepKind> step_kind_from(std::string_view text) {
  return value_of(kKinds, text);
}
std::vector<std::string> input_source_words() {
  return texts_of(kSources);
}
std::vector<std::string> input_type_words() {
  return texts_of(kTypes);
}
std::vector<std::string> engine_words() {
  return {"shell", "ansible", "opentofu"};
}
std::vector<std::string> scenario_words() {
  return {"multipass", "onprem-basic", "onprem-basic-arm", "aws-single-node"};
}
std::vector<std::string> requirement_words(std::string_view component) {
  if (component == "infra") return {"contract", "minEngineVersion", "maxEngineVersionExclusive"};
  if (component == "core") return {"minVersion", "maxVersionExclusive"};
  return {};
}

}  // namespace klubster
