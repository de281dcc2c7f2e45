// Writing a{sv}.
#include "cli/method_options.h"

namespace klubster {

namespace {

bool says_nothing(const MethodOption& option) {
  if (const auto* flag = std::get_if<bool>(&option.value)) return !*flag;
  if (const auto* number = std::get_if<std::uint64_t>(&option.value)) return *number == 0;
  return std::get<std::string>(option.value).empty();
}

void add_value(BusMessage& message, const MethodOption& option) {
  if (const auto* flag = std::get_if<bool>(&option.value)) {
    message.open('v', "b").add_bool(*flag).close();
  } else if (const auto* number = std::get_if<std::uint64_t>(&option.value)) {
    message.open('v', "t").add_uint64(*number).close();
  } else {
    message.open('v', "s").add_string(std::get<std::string>(option.value)).close();
  }
}

}  // namespace

void add_options(BusMessage& message, const std::vector<MethodOption>& options) {
  message.open('a', "{sv}");
  for (const auto& option : options) {
    if (says_nothing(option)) continue;
    message.open('e', "sv").add_string(option.name);
    add_value(message, option);
    message.close();
  }
  message.close();
}

}  // namespace klubster
