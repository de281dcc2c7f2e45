// klubster history
#include <unistd.h>

#include <iostream>
#include <memory>

#include "base/names.h"
#include "base/text.h"
#include "cli/exit_code.h"
#include "cli/history_source.h"
#include "cli/verbs.h"
#include "cli/views.h"
#include "linux/event_loop.h"
#include "linux/files.h"
#include "linux/log_history.h"
#include "model/node_state_json.h"

namespace klubster {

namespace {

struct HistoryOptions {
  std::string what, since, at, generation, step, state_dir;
  std::uint64_t limit = 1000;
  bool json = false;
};

int usage(const std::string& message) {
  return report(Error(ErrorKind::kInvalid, "Usage", message));
}

// What only the files can tell, and only who may read them is told.
Result<std::string> log_files(const HistoryOptions& options) {
  if (auto directory = readable_log(options.state_dir)) return std::move(*directory);
  if (const std::string directory = std::string(names::kStateDir) + "/log";
      ::geteuid() == 0 && !exists(directory)) {
    return Error(ErrorKind::kInvalid, "NoSuchEvent", "there is no event log yet")
        .in(directory)
        .hint("systemctl status klubster: its first start makes one");
  }
  return Error(ErrorKind::kInvalid, "AccessDenied",
               "the event log's files may be read by root only, or are not there")
      .hint("the same command with sudo");
}

int print_events(const HistoryOptions& options, const HistoryChoice& choice) {
  const auto directory = readable_log(options.state_dir);
  const auto events =
      choose_events(directory ? pages_of_log(*directory) : pages_of_agent(), choice);
  if (!events) return report(events.error());
  Json list = Json::array();
  for (const auto& event : *events)
    list.push_back(to_json(event));
  const Json history = Json::Object{{"events", std::move(list)}};
  if (options.json) {
    std::cout << history.pretty() << "\n";
  } else if (events->empty()) {
    std::cerr << "the event log holds no such event\n";
  } else {
    std::cout << history_text(history, look_of_stdout());
  }
  return kExitDone;
}

Json past_json(const PastState& past) {
  const NodeState& state = past.state;
  const bool made = state.generation.has_value();
  const std::uint64_t number = made ? state.generation->number : 0;
  Json steps = Json::array();
  for (const auto& [name, subject] : state.subjects) {
    std::string word = "not done";
    if (!subject.done_fingerprint.empty()) word = "done";
    if (subject.failed()) word = "failed";
    if (subject.needs_person) word = "needs a person";
    if (subject.run) word = "running";
    steps.push_back(Json::Object{{"subject", name},
                                 {"state", word},
                                 {"attempts", subject.attempts},
                                 {"changed", subject.changed_time_usec},
                                 {"reason", subject.reason},
                                 {"message", subject.message}});
  }
  return Json::Object{
      {"seq", state.last_seq},
      {"time", past.time_usec},
      {"boot", state.boot},
      {"bootKind", state.boot_kind},
      {"bootReason", state.boot_reason},
      {"generation", number},
      {"profile",
       made ? state.generation->profile_name + " " + state.generation->profile_version : ""},
      {"ready", made && state.last_good_generation == number},
      {"lastGoodGeneration", state.last_good_generation},
      {"steps", std::move(steps)},
      {"state", to_json(state)}};
}

int print_moment(const HistoryOptions& options) {
  const auto moment = parse_seq_or_time(options.at, now_wall_usec());
  if (!moment) return report(Error(moment.error()).in("--at"));
  const auto directory = log_files(options);
  if (!directory) return report(directory.error());
  const auto past = state_at(*directory, {moment->seq, moment->time_usec});
  if (!past) return report(past.error());
  const Json json = past_json(*past);
  std::cout << (options.json ? json.pretty() + "\n" : past_text(json, look_of_stdout()));
  return kExitDone;
}

Json verdict_json(const LogVerdict& verdict) {
  Json damage;
  if (!verdict.damage.empty()) {
    damage = Json::Object{{"file", verdict.damaged_file},
                          {"event", verdict.damaged_seq},
                          {"message", verdict.damage}};
  }
  return Json::Object{{"sound", verdict.damage.empty()}, {"format", std::uint64_t{verdict.format}},
                      {"first", verdict.first_seq},      {"last", verdict.last_seq},
                      {"base", verdict.base_seq},        {"tornBytes", verdict.torn_bytes},
                      {"damage", std::move(damage)},     {"setAside", verdict.aside}};
}

int verify(const HistoryOptions& options) {
  const auto directory = log_files(options);
  if (!directory) return report(directory.error());
  const auto verdict = verify_log(*directory);
  if (!verdict) return report(verdict.error());
  const Json json = verdict_json(*verdict);
  std::cout << (options.json ? json.pretty() + "\n" : verdict_text(json, look_of_stdout()));
  return verdict->damage.empty() ? kExitDone : kExitFailed;
}

int run(const HistoryOptions& options) {
  const bool filters =
      !options.since.empty() || !options.generation.empty() || !options.step.empty();
  if (!options.what.empty() && options.what != "verify") {
    return usage("expected verify or an option, found `" + printable(options.what, 40) + "`");
  }
  if ((!options.what.empty() || !options.at.empty()) && filters) {
    return usage("--since, --generation and --step choose among events");
  }
  if (!options.what.empty() && !options.at.empty()) return usage("verify is about the whole log");
  if (!options.what.empty()) return verify(options);
  if (!options.at.empty()) return print_moment(options);

  HistoryChoice choice;
  choice.limit = options.limit;
  choice.step = options.step;
  if (!options.since.empty()) {
    const auto since = parse_seq_or_time(options.since, now_wall_usec());
    if (!since) return report(Error(since.error()).in("--since"));
    choice.since_seq = since->seq;
    choice.since_usec = since->time_usec;
  }
  if (!options.generation.empty()) {
    choice.generation = parse_number(options.generation);
    if (!choice.generation) {
      return usage("--generation: expected a number, found `" + printable(options.generation, 40) +
                   "`");
    }
  }
  return print_events(options, choice);
}

}  // namespace

Action declare_history(Arguments& arguments) {
  const auto options = std::make_shared<HistoryOptions>();
  arguments.word("verify", &options->what,
                 "Follow the whole log instead, and say what is damaged; exit code 1 then", false);
  arguments.option("--since", &options->since, "N|TIME",
                   "Only from event N on, or from a time ('2026-11-21 10:00:00', 90m ago)");
  arguments.option("--at", &options->at, "N|TIME",
                   "The node's state after event N, or at that time");
  arguments.option("--generation", &options->generation, "N", "Only while generation N was made");
  arguments.option("--step", &options->step, "PHASE/ID", "Only of this step");
  arguments.number("--limit", &options->limit, "N",
                   "At most N events (default 1000): the newest, or with --since the first");
  arguments.option("--state-dir", &options->state_dir, "DIR",
                   "Read the log below DIR, such as another machine's disk");
  arguments.flag("--json", &options->json, "Print JSON");
  return [options] { return run(*options); };
}

}  // namespace klubster
