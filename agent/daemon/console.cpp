// Writing the issue file and waking agetty.
#include "daemon/console.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/log.h"
#include "linux/files.h"

namespace klubster {

namespace {

constexpr std::uint64_t kStatePauseUsec = 2'000'000;
constexpr std::uint64_t kDownloadPauseUsec = 10'000'000;

std::string doubled_backslashes(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\') escaped += c;
    escaped += c;
  }
  return escaped;
}

}  // namespace

ScreenText escaped_for_agetty(const ScreenText& text) {
  return {doubled_backslashes(text.state), doubled_backslashes(text.download)};
}

// Not by show(): the loop may be over, and takes no timer any more.
Console::~Console() {
  if (auto removed = remove_file(issue_); !removed && !failed_) log_error(removed.error());
  if (!shown_.state.empty()) redraw();
}

void Console::show(const ScreenText& text) {
  const bool same_state =
      known_ && text.state == shown_.state && text.download.empty() == shown_.download.empty();
  if (same_state && text.download == shown_.download) return;
  shown_ = text;
  known_ = true;
  const auto written = text.state.empty() ? remove_file(issue_)
                                          : write_file(issue_, text.state + text.download, 0644);
  if (!written) {
    if (!failed_) log_error(Error(written.error()).in("the text for the console"));
    failed_ = true;
    return;
  }
  const std::uint64_t pause = same_state ? kDownloadPauseUsec : kStatePauseUsec;
  const std::uint64_t due = drawn_mono_usec_ ? *drawn_mono_usec_ + pause : 0;
  if (due <= timers_.now_mono_usec()) return redraw();
  due_mono_usec_ = std::min(due, due_mono_usec_.value_or(due));
  timers_.wake_at(*due_mono_usec_, [this] { redraw(); });
}

// What `agetty --reload` does.
void Console::redraw() {
  due_mono_usec_.reset();
  drawn_mono_usec_ = timers_.now_mono_usec();
  timers_.cancel();
  const auto file = open_file(reload_, O_WRONLY | O_NOFOLLOW | O_NONBLOCK);
  if (file) (void)::futimens(file->get(), nullptr);  // a prompt that is drawn later shows it, too
}

}  // namespace klubster
