// The forms that names in a profile must have.
#pragma once

#include <cstddef>
#include <string_view>

namespace klubster {

// Of a step or command: [a-z0-9][a-z0-9-]{0,63}
bool is_id(std::string_view text);
// Of a profile, and its version: letters, digits and ._+~-, at most 128, so that they fit into a
// file name and a trusted comment.
bool is_name(std::string_view text);
// [A-Za-z_][A-Za-z0-9_]{0,127}: wider than what a step may name, see the definition.
bool is_input_name(std::string_view text);
// What systemd takes for User= without a number.
bool is_user_name(std::string_view text);
// Ready
bool is_condition(std::string_view text);
// etcd.service
bool is_service_name(std::string_view text);
// UTF-8 without control characters, at most `max_bytes`.
bool is_plain(std::string_view text, std::size_t max_bytes);

}  // namespace klubster
