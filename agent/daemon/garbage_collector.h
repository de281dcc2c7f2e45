// Has klubster-store remove what nobody needs: by itself, and when somebody asks.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "daemon/worker_host.h"
#include "engine/garbage.h"
#include "engine/lone_worker.h"
#include "engine/shell.h"

namespace klubster {

class GarbageCollector {
 public:
  // What was removed, kept and left, as docs/dbus.md says; or why nothing was done.
  using Handler = std::function<void(Result<Json>)>;

  GarbageCollector(Shell& shell, const ProfileWorkers& workers);

  // The handler is called once, unless the daemon ends before.
  void ask(bool dry_run, Handler handler);
  // The next move, after each settling of the shell. `blocked` says why it is not known what must
  // be kept: nothing is removed then.
  void advance(const std::optional<ProfileOrigin>& origin, const std::optional<Error>& blocked);
  // A collection that was due failed: it is not repeated until something changes, or try_again().
  bool failed() const { return !failed_.empty(); }
  void try_again() {
    failed_.clear();
    looked_at_.clear();
  }
  // Of the last collection that nobody asked for.
  const std::optional<Error>& problem() const { return problem_; }

 private:
  struct Order {
    bool dry_run = false;
    Handler handler;  // none: nobody asked
  };

  Keep keep(const std::optional<ProfileOrigin>& origin) const;
  void order_if_due(const std::optional<ProfileOrigin>& origin);
  void finish(const Result<Json>& result);

  Shell& shell_;
  const ProfileWorkers& workers_;
  LoneWorker store_;
  std::deque<Order> orders_;  // the first one is worked on
  Keep keep_;                 // of the run under way
  std::string looked_at_;     // log and origin for which nothing was due
  std::string failed_;        // what could not be collected, as Keep::digest()
  std::optional<Error> problem_;
};

}  // namespace klubster
