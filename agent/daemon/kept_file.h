// A file below /run that says how this node is as long as the daemon lives.
#pragma once

#include <string>
#include <utility>

namespace klubster {

class KeptFile {
 public:
  // `what` is for messages: "the metrics file".
  KeptFile(std::string path, std::string what) : path_(std::move(path)), what_(std::move(what)) {}

  KeptFile(const KeptFile&) = delete;
  KeptFile& operator=(const KeptFile&) = delete;
  // Nobody would keep it true: it goes.
  ~KeptFile();

  // Whoever reads it sees the old text or the new. The same again touches nothing; empty: no file.
  // That it cannot be written is logged once and costs nothing else.
  void show(const std::string& text);

 private:
  std::string path_, what_, shown_;
  bool known_ = false;  // what the file says
  bool failed_ = false;
};

}  // namespace klubster
