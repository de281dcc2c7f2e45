// inotify(7) on directories: files need no watches of their own.
#include "linux/tree_watch.h"

#include <dirent.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "linux/config_root.h"

namespace klubster {

namespace {

// Writers that keep a file open do not count until they close it. Modes count: a file may become
// readable. Reading causes none of these.
constexpr std::uint32_t kMask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF |
                                IN_ONLYDIR;
// About the directory itself, or about the queue.
constexpr std::uint32_t kWithoutName = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_Q_OVERFLOW;
constexpr std::size_t kWatches = 4096;  // directories: a link to / must not watch the machine

bool is_directory(const std::string& path) {
  struct stat info = {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

bool is_link(const std::string& path) {
  struct stat info = {};
  return ::lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode);
}

// The nearest directory above `path` that is there, and the name in it that leads to `path`.
std::pair<std::string, std::string> nearest_above(const std::string& path) {
  std::string child = path;
  while (true) {
    const std::string directory = parent_of(child);
    if (directory == "/" || is_directory(directory)) {
      return {directory, child.substr(child.rfind('/') + 1)};
    }
    child = directory;
  }
}

}  // namespace

TreeWatch::TreeWatch(EventLoop& loop, Pace pace, std::function<void()> changed)
    : loop_(loop),
      pace_(pace),
      changed_(std::move(changed)),
      inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
  if (!inotify_) {
    fail("the config tree", errno);
    return;
  }
  readable_ = loop_.on_io(inotify_.get(), EPOLLIN, [this](std::uint32_t) { drain(); });
}

void TreeWatch::watch(const std::vector<std::string>& directories,
                      const std::vector<std::string>& files) {
  if (!inotify_) return;
  auto before = std::move(scopes_);
  scopes_.clear();
  for (const auto& path : directories) {
    watch_tree(path, 0);
    // A link that is replaced tells its directory only. What came between the two calls is there.
    if (!is_directory(path) || is_link(path)) {
      watch_name(path);
      watch_tree(path, 0);
    }
  }
  for (const auto& path : files)
    watch_name(path);
  for (const auto& [descriptor, unused] : before) {
    if (scopes_.count(descriptor) != 0) continue;
    (void)::inotify_rm_watch(inotify_.get(), descriptor);  // gone already with its directory
  }
}

// The directory first, then what is in it: what is made meanwhile is told.
void TreeWatch::watch_tree(const std::string& path, std::size_t depth) {
  const int descriptor = add(path);
  if (descriptor < 0 || depth >= kConfigDepth) return;
  Scope& scope = scopes_[descriptor];
  if (scope.whole) return;  // by another way; its own links lead nowhere new
  scope.whole = true;
  const auto names = list_directory(path);
  if (!names) return;  // unreadable, or gone again: the reader of the tree says so
  for (const auto& name : *names) {
    const std::string below = path + "/" + name;
    if (is_directory(below)) watch_tree(below, depth + 1);
  }
}

void TreeWatch::watch_name(const std::string& path) {
  // Until the way down does not change any more while it is being watched.
  for (std::size_t turn = 0; turn < kConfigDepth; ++turn) {
    const auto found = nearest_above(path);
    if (const int descriptor = add(found.first); descriptor >= 0) {
      scopes_[descriptor].names.insert(found.second);
    }
    if (nearest_above(path) == found) return;
  }
}

// The watch descriptor, the same for the same directory; -1 when it cannot be watched.
int TreeWatch::add(const std::string& directory) {
  if (scopes_.size() >= kWatches) {
    fail(directory, ENOSPC);
    return -1;
  }
  const int descriptor = ::inotify_add_watch(inotify_.get(), directory.c_str(), kMask);
  const bool absent = errno == ENOENT || errno == ENOTDIR || errno == EACCES || errno == ELOOP;
  if (descriptor < 0 && !absent) fail(directory, errno);
  if (descriptor >= 0) scopes_.try_emplace(descriptor);
  return descriptor;
}

void TreeWatch::fail(const std::string& path, int error_number) {
  if (std::exchange(told_, true)) return;
  log_warning("watching " + path + ": " + std::strerror(error_number) +
              "; changes there are noticed by systemctl reload klubster only");
}

void TreeWatch::drain() {
  alignas(inotify_event) char buffer[16 * 1024];
  bool concerned = false;
  while (true) {
    const ssize_t got = ::read(inotify_.get(), buffer, sizeof buffer);
    if (got <= 0) break;  // EAGAIN: all of it was read
    for (ssize_t at = 0; at < got;) {
      inotify_event event = {};
      std::memcpy(&event, buffer + at, sizeof event);
      const char* name = buffer + at + sizeof event;  // padded with NULs
      concerned = concerned || concerns(event.wd, event.mask, event.len > 0 ? name : "");
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
  if (concerned) note_change();
}

bool TreeWatch::concerns(int descriptor, std::uint32_t mask, const std::string& name) const {
  if ((mask & IN_Q_OVERFLOW) != 0) return true;
  const auto found = scopes_.find(descriptor);
  if (found == scopes_.end() || (mask & IN_IGNORED) != 0) return false;  // watched no longer
  return found->second.whole || (mask & kWithoutName) != 0 || found->second.names.count(name) != 0;
}

void TreeWatch::note_change() {
  const std::uint64_t now = now_boottime_usec();
  if (first_change_usec_ == 0) first_change_usec_ = now;
  const std::uint64_t latest = first_change_usec_ + pace_.patience_usec;
  const std::uint64_t pause = std::min(pace_.rest_usec, latest > now ? latest - now : 0);
  if (rest_) return rest_.rearm(pause);
  rest_ = loop_.after(pause, [this] {
    first_change_usec_ = 0;
    changed_();
  });
}

}  // namespace klubster
