// A worker that a part of the daemon runs beside the plan, under one unit name, one run at a time.
#pragma once

#include <functional>
#include <string>

#include "engine/shell.h"

namespace klubster {

enum class LoneMove {
  kNone,
  kWatch,    // nobody asked yet what the unit is
  kRelease,  // it is of an earlier process: its result has no reader
  kStart,
  kRead,  // it ended, and says how
  kFail,  // it ended, and says nothing: the message is classify()'s
};
// `unit` is what is known of it (null: nothing), `starting` that systemd was told and has not
// answered; `wanted` that it is to run, `ours` that this process started it. Pure.
LoneMove next_lone_move(const UnitSnapshot* unit, bool starting, bool wanted, bool ours);

// A new process of the daemon finds by the unit's name what an earlier one began, and ends it
// unread.
class LoneWorker {
 public:
  LoneWorker(Shell& shell, std::string unit) : shell_(shell), unit_(std::move(unit)) {}

  // The next move, after each settling of the shell. `wanted`: it is to run, and `prepare` makes
  // its unit. `ended` is called once for each run of this process: the worker has left its result,
  // or why it has not (kIo, classify()'s reason and message).
  void advance(bool wanted, const std::function<Result<TransientUnit>()>& prepare,
               const std::function<void(const Status&)>& ended);
  // Ends what there is of it; nobody hears what came of it.
  void release();

  // A run of this process is not over.
  bool runs() const { return runs_; }
  // There is no such unit, whoever began it; false while that is not known.
  bool is_gone() const;
  // Nothing of it is awaited, as far as this process began or ended it.
  bool is_idle() const { return !runs_ && !releasing_; }

 private:
  const UnitSnapshot* known() const;

  Shell& shell_;
  std::string unit_;
  bool runs_ = false;
  bool releasing_ = false;  // it was told to go and has not gone
};

}  // namespace klubster
