// Reading a{sv}.
#include "daemon/api_options.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace klubster {

namespace {

constexpr std::size_t kTextBytes = 256;

Error wrong(const std::string& message) {
  return Error(ErrorKind::kInvalid, "Usage", message);
}

const char* type_of(const ApiOption& option) {
  constexpr const char* kTypes[] = {"b", "t", "s"};  // in the variant's order
  return kTypes[option.into.index()];
}

std::string names_of(const std::vector<ApiOption>& options) {
  std::vector<std::string> names;
  for (const auto& option : options)
    names.push_back(option.name);
  return join(names, ", ");
}

Status read_value(BusMessage& call, const ApiOption& option) {
  const std::string found = call.peek().second;
  if (found != type_of(option)) {
    return wrong("option " + option.name + ": expected a value of type " + type_of(option) +
                 ", found " + printable(found, 20));
  }
  call.enter('v', type_of(option));
  if (auto* const* flag = std::get_if<bool*>(&option.into)) {
    **flag = call.read_bool();
  } else if (auto* const* number = std::get_if<std::uint64_t*>(&option.into)) {
    **number = call.read_uint64();
  } else {
    const std::string text = call.read_string();
    if (text.size() > kTextBytes) return wrong("option " + option.name + ": the text is too long");
    *std::get<std::string*>(option.into) = text;
  }
  call.exit();
  return {};
}

}  // namespace

Status read_options(BusMessage& call, const std::vector<ApiOption>& known) {
  std::set<std::string> seen;
  call.enter('a', "{sv}");
  while (call.enter('e', "sv")) {
    const std::string name = call.read_string();
    const auto option = std::ranges::find(known, name, &ApiOption::name);
    if (option == known.end()) {
      return wrong("expected an option of " + names_of(known) + ", found " + printable(name, 40));
    }
    if (!seen.insert(name).second) return wrong("option " + name + " is given twice");
    if (auto read = read_value(call, *option); !read) return read;
    call.exit();
  }
  call.exit();
  return {};
}

}  // namespace klubster
