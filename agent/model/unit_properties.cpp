// The systemd properties that a manifest may set, and the form of their values.
#include <algorithm>
#include <array>
#include <iterator>

#include "base/text.h"
#include "model/profile.h"
#include "model/profile_rules.h"

namespace klubster {

namespace {

using enum UnitPropertyType;

// What would break supervision is not here: Restart*, Exec*, RemainAfterExit, CollectMode, Slice,
// User, Environment*, LoadCredential*, BindPaths, StateDirectory, TimeoutStart, dependencies.
// Keep sorted by name: find_unit_property() searches by halves.
constexpr UnitProperty kProperties[] = {
    {"CPUWeight", kUint64, "CPUWeight"},
    {"CacheDirectory", kStringList, "CacheDirectory"},
    {"ConfigurationDirectory", kStringList, "ConfigurationDirectory"},
    {"Delegate", kBool, "Delegate"},
    {"DevicePolicy", kString, "DevicePolicy"},
    {"Group", kString, "Group"},
    {"IOWeight", kUint64, "IOWeight"},
    {"InaccessiblePaths", kStringList, "InaccessiblePaths"},
    {"KillMode", kString, "KillMode"},
    {"LimitAS", kUint64, "LimitAS"},
    {"LimitCORE", kUint64, "LimitCORE"},
    {"LimitDATA", kUint64, "LimitDATA"},
    {"LimitFSIZE", kUint64, "LimitFSIZE"},
    {"LimitLOCKS", kUint64, "LimitLOCKS"},
    {"LimitMEMLOCK", kUint64, "LimitMEMLOCK"},
    {"LimitMSGQUEUE", kUint64, "LimitMSGQUEUE"},
    {"LimitNOFILE", kUint64, "LimitNOFILE"},
    {"LimitNPROC", kUint64, "LimitNPROC"},
    {"LimitRSS", kUint64, "LimitRSS"},
    {"LimitSIGPENDING", kUint64, "LimitSIGPENDING"},
    {"LimitSTACK", kUint64, "LimitSTACK"},
    {"LockPersonality", kBool, "LockPersonality"},
    {"LogsDirectory", kStringList, "LogsDirectory"},
    {"MemoryDenyWriteExecute", kBool, "MemoryDenyWriteExecute"},
    {"NoNewPrivileges", kBool, "NoNewPrivileges"},
    {"NotifyAccess", kString, "NotifyAccess"},
    {"OOMPolicy", kString, "OOMPolicy"},
    {"PIDFile", kString, "PIDFile"},
    {"PrivateDevices", kBool, "PrivateDevices"},
    {"PrivateNetwork", kBool, "PrivateNetwork"},
    {"PrivateTmp", kBool, "PrivateTmp"},
    {"ProtectClock", kBool, "ProtectClock"},
    {"ProtectControlGroups", kBool, "ProtectControlGroups"},
    {"ProtectHome", kString, "ProtectHome"},
    {"ProtectHostname", kBool, "ProtectHostname"},
    {"ProtectKernelLogs", kBool, "ProtectKernelLogs"},
    {"ProtectKernelModules", kBool, "ProtectKernelModules"},
    {"ProtectKernelTunables", kBool, "ProtectKernelTunables"},
    {"ProtectProc", kString, "ProtectProc"},
    {"ProtectSystem", kString, "ProtectSystem"},
    {"ReadOnlyPaths", kStringList, "ReadOnlyPaths"},
    {"ReadWritePaths", kStringList, "ReadWritePaths"},
    {"RestrictRealtime", kBool, "RestrictRealtime"},
    {"RestrictSUIDSGID", kBool, "RestrictSUIDSGID"},
    {"RuntimeDirectory", kStringList, "RuntimeDirectory"},
    {"RuntimeDirectoryMode", kOctal, "RuntimeDirectoryMode"},
    {"RuntimeDirectoryPreserve", kString, "RuntimeDirectoryPreserve"},
    {"SendSIGHUP", kBool, "SendSIGHUP"},
    {"SendSIGKILL", kBool, "SendSIGKILL"},
    {"SupplementaryGroups", kStringList, "SupplementaryGroups"},
    {"SyslogIdentifier", kString, "SyslogIdentifier"},
    {"TasksMax", kUint64, "TasksMax"},
    {"TimeoutStopSec", kUsec, "TimeoutStopUSec"},
    {"Type", kString, "Type"},
    {"UMask", kOctal, "UMask"},
    {"WatchdogSec", kUsec, "WatchdogUSec"},
    {"WorkingDirectory", kString, "WorkingDirectory"},
};

struct Choice {
  std::string_view property;
  std::array<std::string_view, 5> values;  // unused ones are empty
};

// A wrong word would fail at StartTransientUnit, long after the package was published.
constexpr Choice kChoices[] = {
    {"Type", {"exec", "simple", "notify", "forking"}},
    {"KillMode", {"control-group", "mixed", "process"}},
    {"NotifyAccess", {"main", "exec", "all", "none"}},
    {"OOMPolicy", {"continue", "stop", "kill"}},
    {"DevicePolicy", {"auto", "closed", "strict"}},
    {"ProtectHome", {"yes", "no", "read-only", "tmpfs"}},
    {"ProtectProc", {"default", "noaccess", "invisible", "ptraceable"}},
    {"ProtectSystem", {"yes", "no", "full", "strict"}},
    {"RuntimeDirectoryPreserve", {"yes", "no", "restart"}},
};

std::string shown(const Json& value) {
  return printable(value.dump(), 80);
}

Error refuse(const std::string& expected, const Json& value) {
  return {ErrorKind::kInvalid, "ManifestInvalid",
          "expected " + expected + ", found " + shown(value)};
}

bool is_plain_text(std::string_view text) {
  return text.size() <= 4096 && is_utf8(text) && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

Result<Json> text_value(const UnitProperty& property, const Json& value) {
  std::string text;
  if (const auto* flag = value.as_bool()) {
    text = *flag ? "yes" : "no";  // YAML reads an unquoted true as a boolean
  } else if (const auto* found = value.as_string()) {
    text = *found;
  } else {
    return refuse("a text", value);
  }
  if (text.empty() || !is_plain_text(text))
    return refuse("a text without control characters", value);
  for (const auto& choice : kChoices) {
    if (choice.property != property.name) continue;
    std::vector<std::string> words;
    for (const auto word : choice.values) {
      if (!word.empty()) words.emplace_back(word);
    }
    if (std::find(words.begin(), words.end(), text) == words.end()) {
      return refuse("one of " + join(words, ", "), value);
    }
  }
  return Json(text);
}

Result<Json> list_value(const Json& value) {
  Json list = Json::array();
  if (value.as_string() != nullptr) {
    list.push_back(value);
  } else if (const auto* items = value.as_array()) {
    for (const auto& item : *items) {
      if (item.as_string() == nullptr) return refuse("a list of texts", value);
      list.push_back(item);
    }
  } else {
    return refuse("a list of texts", value);
  }
  for (const auto& item : *list.as_array()) {
    if (item.as_string()->empty() || !is_plain_text(*item.as_string())) {
      return refuse("texts without control characters", value);
    }
  }
  return list;
}

Result<Json> number_value(UnitPropertyType type, const Json& value) {
  const char* expected = type == kUsec    ? "a duration such as 30s, or infinity"
                         : type == kOctal ? "octal digits such as \"0022\""
                                          : "a whole number, a size such as 64M, or infinity";
  if (const auto* integer = value.as_integer()) {
    if (*integer < 0 || (type == kOctal && *integer > 07777)) return refuse(expected, value);
    return value;
  }
  const auto* text = value.as_string();
  if (text == nullptr) return refuse(expected, value);
  if (type == kOctal) {
    const bool octal = !text->empty() && text->size() <= 5 &&
                       text->find_first_not_of("01234567") == std::string::npos;
    const int mode = octal ? std::stoi(*text, nullptr, 8) : 010000;
    if (mode > 07777) return refuse(expected, value);
    return Json(mode);
  }
  if (*text == "infinity") return value;
  const auto number = type == kUsec ? parse_duration_usec(*text) : parse_size(*text);
  if (!number) return refuse(expected, value);
  return Json(*number);
}

}  // namespace

const UnitProperty* find_unit_property(std::string_view name) {
  const auto* found = std::lower_bound(
      std::begin(kProperties), std::end(kProperties), name,
      [](const UnitProperty& property, std::string_view key) { return property.name < key; });
  return found != std::end(kProperties) && found->name == name ? found : nullptr;
}

std::vector<std::string> unit_property_names() {
  std::vector<std::string> names;
  for (const auto& property : kProperties)
    names.emplace_back(property.name);
  return names;
}

Result<Json> unit_property_value(const UnitProperty& property, const Json& value) {
  switch (property.type) {
    case kString:
      return text_value(property, value);
    case kBool:
      if (value.as_bool() == nullptr) return refuse("true or false", value);
      return value;
    case kUint64:
    case kUsec:
    case kOctal:
      return number_value(property.type, value);
    case kStringList:
      return list_value(value);
  }
  return refuse("a known type", value);
}

}  // namespace klubster
