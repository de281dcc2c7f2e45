// Notices changes below the roots of the config tree, and says so once they have come to rest.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "linux/event_loop.h"
#include "linux/files.h"

namespace klubster {

// An extra: `systemctl reload` and D-Bus Reload are the contract for "read again", since links into
// another file system tree (NixOS' /etc) can change without any event here. So whatever cannot be
// watched is said once in the log and is no failure.
class TreeWatch {
 public:
  // A change is told when nothing more changed for `rest_usec`, and `patience_usec` after the first
  // one at the latest.
  struct Pace {
    std::uint64_t rest_usec = 300'000;
    std::uint64_t patience_usec = 1'000'000;
  };

  // `changed` is called from the loop.
  TreeWatch(EventLoop& loop, Pace pace, std::function<void()> changed);

  // Watches what is there now: `directories` with everything below them, links followed, and
  // `files` by name; of what is not there the way that leads to it. To be called before each
  // reading of the tree: what changes after this call is told, so that nothing falls between two
  // readings.
  void watch(const std::vector<std::string>& directories, const std::vector<std::string>& files);

 private:
  void watch_tree(const std::string& path, std::size_t depth);
  void watch_name(const std::string& path);
  int add(const std::string& directory);
  void fail(const std::string& path, int error_number);
  void drain();
  bool concerns(int descriptor, std::uint32_t mask, const std::string& name) const;
  void note_change();

  // What counts in a watched directory.
  struct Scope {
    bool whole = false;  // everything; else these
    std::set<std::string> names;
  };

  EventLoop& loop_;
  Pace pace_;
  std::function<void()> changed_;
  UniqueFd inotify_;
  std::map<int, Scope> scopes_;  // by watch descriptor
  bool told_ = false;            // that something cannot be watched
  std::uint64_t first_change_usec_ = 0;
  EventSource readable_, rest_;
};

}  // namespace klubster
