// Errors of libarchive.
#include "unpack/archive_writer.h"

#include "base/text.h"

namespace klubster {

Status demand(archive* writer, int code) {
  if (code == ARCHIVE_OK) return {};
  const char* text = archive_error_string(writer);
  return Error(ErrorKind::kIo, "SystemCallFailed",
               "libarchive: " + printable(text == nullptr ? "unknown" : text));
}

}  // namespace klubster
