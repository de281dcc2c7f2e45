// Reading one line, unseen.
#include "unpack/passphrase.h"

#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>

namespace klubster {

namespace {

constexpr std::size_t kPassphraseBytes = 1024;  // minisign.h PASSWORDMAXBYTES

// A terminal that does not show what is typed while this lives.
class Unseen {
 public:
  explicit Unseen(int terminal) : terminal_(terminal) {
    if (::tcgetattr(terminal, &before_) != 0) return;  // no terminal
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    is_terminal_ = ::tcsetattr(terminal, TCSAFLUSH, &quiet) == 0;
    if (is_terminal_) std::cerr << "Passphrase of the secret key: " << std::flush;
  }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;
  ~Unseen() {
    if (!is_terminal_) return;
    (void)::tcsetattr(terminal_, TCSAFLUSH, &before_);  // nothing else could be done
    std::cerr << "\n";
  }

 private:
  int terminal_;
  termios before_{};
  bool is_terminal_ = false;
};

}  // namespace

Result<std::string> read_passphrase(int input) {
  const auto refuse = [](const char* why) {
    return Error(ErrorKind::kInvalid, "BadKey", why)
        .hint("the passphrase comes on standard input; minisign -C -W -s KEY takes it off the key");
  };
  const Unseen unseen(input);
  std::string line;
  char letter = 0;
  // Byte by byte: what follows the line is not ours.
  while (true) {
    const ssize_t got = ::read(input, &letter, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("reading the passphrase", errno);
    if (got == 0 || letter == '\n') break;
    if (line.size() == kPassphraseBytes) return refuse("the passphrase is longer than 1024 bytes");
    line += letter;
  }
  if (line.empty()) {
    return refuse("the secret key has a passphrase: expected it on standard input, found nothing");
  }
  return line;
}

}  // namespace klubster
