// Writing it on change only.
#include "daemon/kept_file.h"

#include "base/log.h"
#include "linux/files.h"

namespace klubster {

KeptFile::~KeptFile() {
  if (auto removed = remove_file(path_); !removed && !failed_) log_error(removed.error());
}

void KeptFile::show(const std::string& text) {
  if (known_ && text == shown_) return;
  const auto written = text.empty() ? remove_file(path_) : write_file(path_, text, 0644);
  known_ = written.has_value();
  shown_ = text;
  if (!written && !failed_) log_error(Error(written.error()).in(what_));
  failed_ = !written;
}

}  // namespace klubster
