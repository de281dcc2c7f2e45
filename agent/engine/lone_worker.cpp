// Starting, following and releasing it by way of the shell.
#include "engine/lone_worker.h"

#include <utility>

namespace klubster {

LoneMove next_lone_move(const UnitSnapshot* unit, bool starting, bool wanted, bool ours) {
  if (unit == nullptr && !starting) return LoneMove::kWatch;
  if (starting) return LoneMove::kNone;
  if (!ours) {
    if (unit->found()) return LoneMove::kRelease;
    return wanted ? LoneMove::kStart : LoneMove::kNone;
  }
  const Outcome outcome = classify(*unit, false);
  if (outcome.left_a_result()) return LoneMove::kRead;
  const bool over = outcome.phase == UnitPhase::kFailed || outcome.phase == UnitPhase::kAbsent;
  return over ? LoneMove::kFail : LoneMove::kNone;
}

const UnitSnapshot* LoneWorker::known() const {
  const auto found = shell_.world().units.find(unit_);
  return found == shell_.world().units.end() ? nullptr : &found->second;
}

bool LoneWorker::is_gone() const {
  const UnitSnapshot* unit = known();
  return !runs_ && unit != nullptr && !unit->found();
}

void LoneWorker::release() {
  runs_ = false;
  releasing_ = true;
  shell_.release(unit_);
}

void LoneWorker::advance(bool wanted, const std::function<Result<TransientUnit>()>& prepare,
                         const std::function<void(const Status&)>& ended) {
  const UnitSnapshot* unit = known();
  if (unit != nullptr && !unit->found()) releasing_ = false;
  const bool starting = shell_.world().starting.count(unit_) > 0;
  switch (next_lone_move(unit, starting, wanted, runs_)) {
    case LoneMove::kNone:
      break;
    case LoneMove::kWatch:
      shell_.watch(unit_);
      break;
    case LoneMove::kRelease:
      if (!releasing_) release();
      break;
    case LoneMove::kStart:
      runs_ = true;
      shell_.launch(unit_, prepare());
      break;
    case LoneMove::kRead:
      release();
      ended({});
      break;
    case LoneMove::kFail: {
      const Outcome outcome = classify(*unit, false);
      release();
      ended(Error(ErrorKind::kIo, outcome.reason, outcome.message));
      break;
    }
  }
}

}  // namespace klubster
