// Names of blobs.
#include "model/blob_name.h"

#include <algorithm>

#include "base/text.h"

namespace klubster {

namespace {

constexpr std::size_t kNameBytes = 200;

}  // namespace

bool is_blob_name(std::string_view name) {
  if (name.empty() || name.size() > kNameBytes || name[0] == '.' || name[0] == '-') return false;
  return std::ranges::all_of(name, [](char c) {
    return is_alphanumeric(c) || c == '.' || c == '_' || c == '+' || c == '-';
  });
}

}  // namespace klubster
