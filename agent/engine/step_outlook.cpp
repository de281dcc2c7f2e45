// Comparing each step of a plan with what became of it.
#include "engine/step_outlook.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace klubster {

namespace {

// "input A", "inputs A and B", "inputs A, B and C"
std::string list_text(const std::vector<std::string>& parts) {
  if (parts.size() < 2) return join(parts, "");
  return join({parts.begin(), parts.end() - 1}, ", ") + " and " + parts.back();
}

void add_inputs(const Json& before, const Json& now, std::vector<std::string>& texts) {
  std::vector<std::string> changed, gone, set;
  for (const auto& [name, digest] : *now.as_object()) {
    if (before.get(name).is_null()) {
      set.push_back(name);
    } else if (!(before.get(name) == digest)) {
      changed.push_back(name);
    }
  }
  for (const auto& [name, digest] : *before.as_object()) {
    if (now.get(name).is_null()) gone.push_back(name);
  }
  const auto add = [&](const std::vector<std::string>& names, const char* one, const char* many) {
    if (names.empty()) return;
    const std::string word = names.size() == 1 ? "input " : "inputs ";
    texts.push_back(word + list_text(names) + (names.size() == 1 ? one : many));
  };
  add(changed, " changed", " changed");
  add(set, " is new", " are new");
  add(gone, " is gone", " are gone");
}

// What differs from its last success.
std::string difference(const Json& before, const Json& now) {
  constexpr const char* kUnknown = "definition, inputs or files changed";
  if (before.get("inputs").as_object() == nullptr || now.get("inputs").as_object() == nullptr) {
    return kUnknown;
  }
  std::vector<std::string> texts;
  add_inputs(before.get("inputs"), now.get("inputs"), texts);
  const std::pair<const char*, const char*> others[] = {{"files", "its files changed"},
                                                        {"definition", "its definition changed"},
                                                        {"path", "the path of its tools changed"}};
  for (const auto& [part, text] : others) {
    if (!(before.get(part) == now.get(part))) texts.emplace_back(text);
  }
  return texts.empty() ? kUnknown : join(texts, "; ");
}

std::string times(std::uint64_t count) {
  return count == 1 ? "once" : std::to_string(count) + " times";
}

// Of a step whose needs nobody has looked at yet.
std::string needs_text(const std::vector<NeedSpec>& needs) {
  std::vector<std::string> texts;
  for (const auto& need : needs)
    texts.push_back(need.phase + " " + need.condition + " at " + need.count +
                    (need.count == "any" ? " peer" : " peers"));
  return texts.empty() ? "its peers" : list_text(texts);
}

class Comparison {
 public:
  explicit Comparison(const Standing& standing) : at_(standing) {
    for (const auto& view : at_.decision.views)
      views_[view.subject] = &view;
    for (const auto& view : at_.decision.obsolete)
      views_[view.subject] = &view;
  }

  std::vector<StepOutlook> run() {
    if (at_.state.leaving) return leaving();
    std::vector<StepOutlook> all;
    for (const auto& step : at_.target.steps)
      all.push_back(look(step));
    add_obsolete(all);
    return all;
  }

 private:
  bool same() const { return at_.present == &at_.target; }
  bool may_destroy() const { return at_.target.allow_destroy || at_.state.destroy_allowed; }
  bool open(const SubjectState& past) const { return past.run && past.run->boot == at_.state.boot; }
  const StepView* view_of(const std::string& subject) const {
    const auto found = views_.find(subject);
    return found == views_.end() ? nullptr : found->second;
  }

  static StepOutlook made(const Step& step, PlannedAction action, std::string why) {
    return {step.subject, step.phase, step.spec.id, action, std::move(why), false, false};
  }

  StepOutlook undo(const Step& step, std::string why) const {
    StepOutlook item = made(step, PlannedAction::kUndo, std::move(why));
    item.needs_permission = !may_destroy();
    const StepView* view = view_of(step.subject);
    if (view != nullptr && !view->reason.empty()) item.why += "; its undo failed: " + view->message;
    if (item.needs_permission) item.why += "; needs --allow-destroy";
    return item;
  }

  StepOutlook look(const Step& step) const {
    const SubjectState& past = at_.state.subject(step.subject);
    if (step.skipped) {
      const std::string why = "when does not hold: " + step.spec.when_input + " is not `" +
                              printable(step.spec.when_is, 40) + "`";
      const bool left = open(past) || (past.owes_undo && step.spec.undo);
      return left ? undo(step, why) : made(step, PlannedAction::kSkip, why);
    }
    const bool current = past.is_done(step.fingerprint, step.service());
    const bool up =
        open(past) && past.done_boot == at_.state.boot && past.run->fingerprint == step.fingerprint;
    if (current && (up || !step.service())) return settled(step, past);
    if (const std::string what = awaited(step, current); !what.empty()) {
      return made(step, PlannedAction::kWait, "for " + what);
    }
    PlannedAction action = PlannedAction::kRun;
    if (step.service()) {
      const bool replaced = open(past) && past.run->fingerprint != step.fingerprint;
      action = replaced ? PlannedAction::kRestart : PlannedAction::kStart;
    }
    return made(step, action, why_begun(step, past, current));
  }

  StepOutlook settled(const Step& step, const SubjectState& past) const {
    StepOutlook item = made(step, PlannedAction::kKeep, "");
    if (past.drift.empty()) return item;
    item.drifted = true;
    item.why = "drifted: " + past.drift;
    if (!at_.target.repair) item.why += "; apply/drift = repair would run it again";
    if (at_.target.repair) item.action = PlannedAction::kRun;
    return item;
  }

  // What the step has to wait for before it may begin; empty: nothing.
  std::string awaited(const Step& step, bool current) const {
    const StepView* view = view_of(step.subject);
    if (same() && view != nullptr && view->progress == StepProgress::kWaiting) {
      return view->message;
    }
    if (current) return "";
    const bool asks = !step.spec.needs.empty() || !step.waits.empty();
    if (asks) {
      const auto need = at_.needs.find(step.subject);
      if (need == at_.needs.end()) return needs_text(step.spec.needs);
      if (!need->second.reason.empty()) return need->second.message;
      if (!need->second.satisfied) return need->second.waiting_for;
    }
    return step.fingerprint.empty() ? "facts of its peers: " + list_text(step.waits) : "";
  }

  std::string why_begun(const Step& step, const SubjectState& past, bool current) const {
    std::string why;
    if (!past.drift.empty()) {
      why = "drifted: " + past.drift;
    } else if (current) {
      why = past.run && past.run->fingerprint == step.fingerprint && open(past) ? "not ready yet"
                                                                                : "not running";
    } else if (!past.done_fingerprint.empty() && past.done_fingerprint == step.fingerprint) {
      why = "was begun in another form since it was done";
    } else if (!past.done_fingerprint.empty()) {
      why = difference(past.done_parts, step.parts);
    } else {
      why = past.done_parts.is_null() ? "never succeeded" : "was undone";
    }
    const bool tried = past.last_fingerprint == step.fingerprint && !step.fingerprint.empty();
    if (past.needs_person) {
      why += "; was cut off, and does not run again by itself";
    } else if (tried && past.failed()) {
      // What a leave or a person stopped used up no attempt.
      why += past.attempts == 0 ? "; " : "; failed " + times(past.attempts) + ": ";
      why += past.message;
    } else if (tried && open(past) && !current) {
      why += "; runs now";
    } else if (const StepView* view = view_of(step.subject); same() && view != nullptr) {
      // Such as a unit of its name that the machine has.
      if (view->progress == StepProgress::kFailed) why += "; " + view->message;
    }
    return why;
  }

  std::string why_gone(const Step& step) const {
    const auto& phases = at_.target.phases;
    const bool mode = std::find(phases.begin(), phases.end(), step.phase) != phases.end();
    return mode ? "no longer in the profile" : step.phase + " is no longer a mode of this node";
  }

  // Of the present plan and of earlier ones, last first.
  void add_obsolete(std::vector<StepOutlook>& all) const {
    std::set<std::string> owed;
    for (const auto& [generation, subjects] : at_.state.obligations())
      owed.insert(subjects.begin(), subjects.end());
    std::set<std::string> seen;
    for (const auto& step : at_.target.steps)
      seen.insert(step.subject);
    std::vector<const Step*> left;
    for (const Plan* plan : {&at_.target, at_.present}) {
      if (plan == nullptr) continue;
      for (const auto* list : {&plan->obsolete, &plan->steps}) {
        for (const auto& step : *list)
          if (seen.insert(step.subject).second) left.push_back(&step);
      }
    }
    std::reverse(left.begin(), left.end());
    for (const Step* step : left) {
      const SubjectState& past = at_.state.subject(step->subject);
      if (owed.count(step->subject) > 0 && (open(past) || step->spec.undo)) {
        all.push_back(undo(*step, why_gone(*step)));
      } else if (!past.done_fingerprint.empty()) {
        all.push_back(
            made(*step, PlannedAction::kSkip, why_gone(*step) + "; there is nothing to undo"));
      }
    }
  }

  std::vector<StepOutlook> leaving() const {
    std::vector<StepOutlook> all;
    const auto add = [&](const std::vector<Step>& steps) {
      for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
        const StepView* view = view_of(step->subject);
        if (view == nullptr || view->progress == StepProgress::kUndone) continue;
        all.push_back(made(*step, PlannedAction::kUndo, "this node leaves its cluster"));
        if (!view->reason.empty()) all.back().why += "; failed: " + view->message;
      }
    };
    add(at_.target.steps);
    add(at_.target.obsolete);
    return all;
  }

  const Standing& at_;
  std::map<std::string, const StepView*> views_;
};

}  // namespace

std::string_view to_string(PlannedAction action) {
  switch (action) {
    case PlannedAction::kRun:
      return "run";
    case PlannedAction::kStart:
      return "start";
    case PlannedAction::kRestart:
      return "restart";
    case PlannedAction::kKeep:
      return "keep";
    case PlannedAction::kSkip:
      return "skip";
    case PlannedAction::kWait:
      return "wait";
    case PlannedAction::kUndo:
      return "undo";
  }
  return "run";
}

std::vector<StepOutlook> outlook(const Standing& standing) {
  return Comparison(standing).run();
}

}  // namespace klubster
