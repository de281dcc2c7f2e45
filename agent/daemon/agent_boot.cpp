// The agent at the beginning and the end of a boot, and what it shows on its own machine.
#include "base/log.h"
#include "daemon/agent.h"
#include "daemon/metrics.h"
#include "daemon/reset.h"
#include "daemon/screen_text.h"
#include "linux/boot_loader.h"

namespace klubster {

// Why the state is not sound; empty: it is.
std::string Agent::damage() const {
  return standstill_ ? standstill_->message() : log_.damage();
}

// All of it at once: a process that begins after it was recorded takes the rest as done.
void Agent::record_boot(const ConfigSources& sources) {
  const NodeState& state = shell_.state();
  if (state.boot == boot_) return;  // the daemon was restarted, the machine was not
  const Status tree = in_force_.read(sources, state);
  const auto restored = problems_.find("generation");
  const std::optional<std::string> reset_by =
      state.last_seq == 0 && damage().empty() ? finished_reset(places_) : std::nullopt;
  const BootFacts facts = boot_facts(
      {state, boot_, damage(), sources, tree,
       restored == problems_.end() ? "" : restored->second.message(), reset_by, loader_verdict()},
      places_);
  const BootVerdict verdict = kind_of_boot(facts);
  const std::string kind(to_string(verdict.kind));
  std::vector<Event> events;
  if (reset_by) events.push_back(state_reset(*reset_by));
  events.push_back(booted(kind, verdict.reason));
  if (facts.recovery_asked && !state.recovery) {
    events.push_back(
        recovery_entered({"Asked", verdict.reason, "the kernel command line", present_tree()}));
  }
  shell_.record(std::move(events));
  log_info("boot of kind " + kind + ": " + verdict.reason, {{"KLUBSTER_BOOT_KIND", kind}});
}

// What is started might be what ends each boot.
void Agent::stop_rebooting() {
  const NodeState& state = shell_.state();
  const std::string why = too_many_boots(state, running().recovery_boots);
  const bool stopped = state.recovery && state.recovery->reason == kKeepsRebooting;
  if (why.empty() || stopped) return;
  shell_.record(recovery_entered({kKeepsRebooting, why, "", state.tried_tree()}));
}

void Agent::judge_boot() {
  const NodeState& state = shell_.state();
  AssessmentFacts facts;
  facts.demand_ready = in_force_.config().bless_when_ready;
  facts.unsound = unsound_state(state, damage(), problems_, shell_.plan().has_value());
  if (state.recovery) facts.recovery = state.recovery->message;
  facts.moving = shell_.moves() || !shell_.world().held.empty();
  const Assessment& assessment = boot_judge_.judge(state, facts, shell_.decision());
  if (assessment.judgement == BootJudgement::kGood && state.blessed_boot != boot_) {
    shell_.record(boot_blessed(state.boot_kind, assessment.reason));
    log_info("the boot is good: " + assessment.reason);
  }
  // From now on nobody goes back to an image whose klubster knows the older format only, unless the
  // boot loader still counts the tries of this one.
  if (state.blessed_boot != boot_ || log_format_settled_) return;
  log_format_settled_ = true;
  if (loader_verdict() == LoaderVerdict::kCounting) return;
  if (auto raised = log_.raise_format(); !raised) log_error(raised.error());
}

void Agent::show_on_machine(const Json& status) {
  const bool wanted = in_force_.config().console;
  const ScreenText text = wanted ? screen_text(status) : ScreenText();
  console_.show(escaped_for_agetty(text));
  motd_.show(text.state);
  metrics_.show(metrics_text(status, shell_.state().last_seq));
}

void Agent::stop(std::function<void()> done) {
  units_.ask_whether_stopping([this, done = std::move(done)](bool stopping_now) {
    if (stopping_now) shell_.record(stopping());
    done();
  });
}

}  // namespace klubster
