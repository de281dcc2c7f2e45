// How the files that a medium brings may be called.
#pragma once

#include <string_view>

namespace klubster {

// A plain file name of at most 200 bytes: letters, digits and . _ + -, with neither a dot nor a
// dash first.
bool is_blob_name(std::string_view name);

}  // namespace klubster
