// The forms of names in a profile.
#include "model/profile_names.h"

#include <algorithm>

#include "base/text.h"

namespace klubster {

namespace {

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z');
}

bool consists_of(std::string_view text, std::size_t max, bool (*first)(char), bool (*rest)(char)) {
  return !text.empty() && text.size() <= max && first(text[0]) &&
         std::all_of(text.begin() + 1, text.end(), rest);
}

}  // namespace

bool is_id(std::string_view text) {
  return consists_of(
      text, 64, [](char c) { return is_lower(c) || is_digit(c); },
      [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

bool is_name(std::string_view text) {
  return consists_of(text, 128, is_alphanumeric, [](char c) {
    return is_alphanumeric(c) || std::string_view("._+~-").find(c) != std::string::npos;
  });
}

// Published packages have inputs in small letters (TF_VAR_cluster_name); a step cannot name those.
bool is_input_name(std::string_view text) {
  return consists_of(
      text, 128, [](char c) { return is_letter(c) || c == '_'; },
      [](char c) { return is_alphanumeric(c) || c == '_'; });
}

bool is_user_name(std::string_view text) {
  return consists_of(
      text, 31, [](char c) { return is_letter(c) || c == '_'; },
      [](char c) { return is_alphanumeric(c) || c == '_' || c == '-'; });
}

bool is_condition(std::string_view text) {
  return consists_of(
      text, 64, [](char c) { return c >= 'A' && c <= 'Z'; }, is_alphanumeric);
}

bool is_service_name(std::string_view text) {
  constexpr std::string_view kSuffix = ".service";
  return text.size() > kSuffix.size() && text.ends_with(kSuffix) &&
         consists_of(text, 200, is_alphanumeric, [](char c) {
           return is_alphanumeric(c) || std::string_view(":_.-@").find(c) != std::string::npos;
         });
}

bool is_plain(std::string_view text, std::size_t max_bytes) {
  return text.size() <= max_bytes && is_utf8(text) &&
         std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace klubster
