// klubster logs
#include <algorithm>
#include <iostream>
#include <memory>

#include "base/text.h"
#include "cli/agent_client.h"
#include "cli/exit_code.h"
#include "cli/output_view.h"
#include "cli/verbs.h"

namespace klubster {

namespace {

constexpr const char* kLinesWhenFollowing = "100";

struct LogsOptions {
  std::string step;
  std::string attempt, lines;  // a number, or not given
  bool follow = false;
  bool json = false;
};

// "PHASE/ID" or "ID".
std::pair<std::string, std::string> parts_of(const std::string& subject) {
  const auto slash = subject.find('/');
  if (slash == std::string::npos) return {"", subject};
  return {subject.substr(0, slash), subject.substr(slash + 1)};
}

Result<std::optional<std::uint64_t>> number_of(const char* option, const std::string& text) {
  if (text.empty()) return std::optional<std::uint64_t>();
  if (const auto number = parse_number(text)) return number;
  return Error(ErrorKind::kInvalid, "Usage",
               std::string(option) + ": expected a number, found `" + printable(text, 40) + "`");
}

// What the agent says of its steps; nothing when it does not answer: the journal is there without.
Json::Array steps_of_agent() {
  auto client = AgentClient::create();
  if (!client) return {};
  const auto status = client->ask_agent("GetStatus");
  return status ? status->items("steps") : Json::Array();
}

bool is_asked_for(const Json& step, const OutputFilter& filter) {
  return (filter.step.empty() || step.text_or("id") == filter.step) &&
         (filter.phase.empty() || step.text_or("phase") == filter.phase);
}

// Nothing was found: is there such a step at all?
Status look_for_step(const std::string& asked, const OutputFilter& filter, const Json::Array& steps,
                     JournalReader& journal) {
  if (filter.step.empty()) return {};
  if (std::ranges::any_of(steps, [&](const Json& step) { return is_asked_for(step, filter); })) {
    return {};
  }
  std::vector<std::string> names;
  for (const auto& step : steps)
    names.push_back(step.text_or("phase") + "/" + step.text_or("id"));
  if (names.empty()) {
    auto wrote = journal.step_names();
    if (!wrote) return wrote.error();
    names = std::move(*wrote);
    if (names.empty()) return {};  // nobody knows
  }
  std::string message = "no step `" + printable(asked, 80) + "`: ";
  message += "there are " + join(names, ", ");
  return Error(ErrorKind::kInvalid, "UnknownName", message).hint("klubster status");
}

int run(const LogsOptions& options) {
  const auto attempt = number_of("--attempt", options.attempt);
  if (!attempt) return report(attempt.error());
  const auto lines = number_of("--lines", options.lines);
  if (!lines) return report(lines.error());

  OutputFilter filter;
  std::tie(filter.phase, filter.step) = parts_of(options.step);
  filter.attempt = *attempt;
  const Json::Array steps = steps_of_agent();
  for (const auto& step : steps) {
    if (step.text_or("unit").empty() || !is_asked_for(step, filter)) continue;
    filter.units[step.text_or("unit")] = {step.text_or("phase"), step.text_or("id")};
  }
  auto journal = JournalReader::open_system(filter);
  if (!journal) return report(journal.error());
  if (auto sought = journal->seek(*lines); !sought) return report(sought.error());

  const Look look = look_of_stdout();
  bool found = false;
  while (std::cout) {
    auto output = journal->next();
    if (!output) return report(output.error());
    if (*output) {
      found = true;
      std::cout << (options.json ? output_json(**output).dump() + "\n"
                                 : output_text(**output, options.step.empty(), look));
      continue;
    }
    std::cout.flush();
    if (!found) {
      found = true;  // asked once
      if (auto known = look_for_step(options.step, filter, steps, *journal); !known) {
        return report(known.error());
      }
      if (!options.follow) std::cerr << "the journal holds no such output\n";
    }
    if (!options.follow) return kExitDone;
    if (auto waited = journal->wait(); !waited) return report(waited.error());
  }
  return kExitFailed;  // nobody takes what is written
}

}  // namespace

Action declare_logs(Arguments& arguments) {
  const auto options = std::make_shared<LogsOptions>();
  arguments.word("STEP", &options->step, "Only this step: its id, or PHASE/ID", false);
  arguments.flag("-f,--follow", &options->follow, "Go on with what comes, until Ctrl-C");
  arguments.option("--attempt", &options->attempt, "N", "Only of the step's attempt N");
  arguments.option("--lines", &options->lines, "N",
                   "Only the last N lines (default all, with -f 100)");
  arguments.flag("--json", &options->json, "Print one JSON object per line");
  return [options] {
    if (options->follow && options->lines.empty()) options->lines = kLinesWhenFollowing;
    return run(*options);
  };
}

}  // namespace klubster
