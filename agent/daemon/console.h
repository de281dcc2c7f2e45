// What the machine's screen shows above its login prompt (agetty(8), "ISSUE FILES").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "daemon/screen_text.h"
#include "engine/ports.h"

namespace klubster {

// The text as agetty wants it: what follows a backslash would be expanded, two of them are one.
ScreenText escaped_for_agetty(const ScreenText& text);

// Keeps the file and asks every agetty at which nobody has begun to type to draw its prompt anew:
// each two seconds at most, and for the growth of a download alone each ten.
class Console {
 public:
  // `reload` is the file that agetty watches; where it is not there, a prompt is drawn with what
  // was known then.
  Console(Timers& timers, std::string issue, std::string reload)
      : timers_(timers), issue_(std::move(issue)), reload_(std::move(reload)) {}

  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;
  // Nobody would keep it true: the text goes.
  ~Console();

  void show(const ScreenText& text);

 private:
  void redraw();

  Timers& timers_;
  std::string issue_, reload_;
  ScreenText shown_;
  bool known_ = false;   // what the file says
  bool failed_ = false;  // and told
  std::optional<std::uint64_t> drawn_mono_usec_, due_mono_usec_;
};

}  // namespace klubster
