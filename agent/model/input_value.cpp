// The types of inputs (profile-format.md).
#include "model/input_value.h"

#include <algorithm>
#include <regex>

#include "base/text.h"
#include "model/environment.h"

namespace klubster {

namespace {

bool is_hostname(std::string_view value) {
  if (value.empty() || value.size() > 253) return false;
  for (const auto& label : split(value, '.')) {
    const bool framed = !label.empty() && label.front() != '-' && label.back() != '-';
    const bool plain = std::all_of(label.begin(), label.end(),
                                   [](char c) { return is_alphanumeric(c) || c == '-'; });
    if (!framed || !plain || label.size() > 63) return false;
  }
  return true;
}

bool is_ipv4(std::string_view value) {
  const auto parts = split(value, '.');
  return parts.size() == 4 && std::all_of(parts.begin(), parts.end(), [](const std::string& part) {
           return parse_number(part, 255).has_value();
         });
}

// RFC 4291 text form, without an embedded IPv4 address.
bool is_ipv6(std::string_view value) {
  const auto gap = value.find("::");
  if (gap != std::string_view::npos && value.find("::", gap + 1) != std::string_view::npos) {
    return false;
  }
  std::size_t groups = 0;
  for (const auto& part : split(value, ':')) {
    if (part.empty()) continue;
    if (part.size() > 4 || part.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
      return false;
    }
    ++groups;
  }
  if (gap == std::string_view::npos) {
    return groups == 8 && std::count(value.begin(), value.end(), ':') == 7;
  }
  return groups < 8;
}

bool is_cidr(std::string_view value) {
  const auto slash = value.find('/');
  if (slash == std::string_view::npos) return false;
  const auto address = value.substr(0, slash);
  const auto prefix = value.substr(slash + 1);
  if (is_ipv4(address)) return parse_number(prefix, 32).has_value();
  return is_ipv6(address) && parse_number(prefix, 128).has_value();
}

bool is_url(std::string_view value) {
  const auto scheme = value.find("://");
  if (scheme == std::string_view::npos || scheme == 0 || scheme + 3 >= value.size()) return false;
  return value.find_first_of(" \t\n\"<>") == std::string_view::npos;
}

std::optional<std::int64_t> parse_integer(std::string_view value) {
  const bool negative = !value.empty() && value.front() == '-';
  const auto number = parse_number(negative ? value.substr(1) : value, INT64_MAX);
  if (!number) return std::nullopt;
  const auto magnitude = static_cast<std::int64_t>(*number);
  return negative ? -magnitude : magnitude;
}

// What was expected of the type, or empty when the value fits.
std::string type_mistake(const InputSpec& input, std::string_view value) {
  switch (input.type) {
    case InputType::kString:
      return "";
    case InputType::kInt: {
      const auto number = parse_integer(value);
      if (!number) return "a whole number";
      if (input.min && *number < *input.min) return "at least " + std::to_string(*input.min);
      if (input.max && *number > *input.max) return "at most " + std::to_string(*input.max);
      return "";
    }
    case InputType::kBool:
      return value == "true" || value == "false" ? "" : "true or false";
    case InputType::kEnum:
      return std::find(input.values.begin(), input.values.end(), value) != input.values.end()
                 ? ""
                 : "one of " + join(input.values, ", ");
    case InputType::kHostname:
      return is_hostname(value) ? "" : "a host name";
    case InputType::kIp:
      return is_ipv4(value) || is_ipv6(value) ? "" : "an IP address";
    case InputType::kCidr:
      return is_cidr(value) ? "" : "a network such as 10.0.0.0/8";
    case InputType::kUrl:
      return is_url(value) ? "" : "a URL";
    case InputType::kDuration:
      return parse_duration_usec(value) ? "" : "a duration such as 90s or 5m";
    case InputType::kSize:
      return parse_size(value) ? "" : "a size such as 512M";
  }
  return "";
}

bool matches_pattern(const std::string& pattern, std::string_view value) {
  try {
    return std::regex_match(value.begin(), value.end(), std::regex(pattern));
  } catch (const std::regex_error&) {
    return false;  // the manifest's reader refuses broken patterns; too complex a match is no match
  }
}

}  // namespace

Status check_input(const InputSpec& input, std::string_view value) {
  if (auto plain = check_variable_value(value, input.multiline); !plain) return plain;
  std::string expected = type_mistake(input, value);
  if (expected.empty() && !input.pattern.empty() && !matches_pattern(input.pattern, value)) {
    expected = "a value that matches " + input.pattern;
  }
  if (expected.empty()) return {};
  return Error(ErrorKind::kInvalid, "BadValue",
               "expected " + expected + ", found " +
                   (input.sensitive ? "something else (secret)" : "\"" + printable(value) + "\""));
}

}  // namespace klubster
