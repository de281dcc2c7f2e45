// The real event log, driven by scenarios and measurements.
//
//   event-log-tool append DIR COUNT [SEGMENT-BYTES LOG-BYTES]
//       One event after the other, each one durable and then acknowledged by a line "NUMBER".
//   event-log-tool check DIR ACKNOWLEDGED
//       Starts, as klubsterd does: no damage, every acknowledged event is there, and the chain
//       whole.
//   event-log-tool roll DIR [LOG-BYTES]
//       A new segment, with a snapshot of what is before; older segments go above so many bytes.
//   event-log-tool fill DIR COUNT
//       A log of that many events, quickly.
//   event-log-tool measure-append DIR COUNT
//       Appends and bare write + fdatasync of the same bytes in turns: "ours bare" microseconds a
//       line.
//   event-log-tool measure-start DIR
//       Milliseconds until the state is there.
#include <fcntl.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "base/digest.h"
#include "base/text.h"
#include "linux/event_log.h"
#include "linux/log_files.h"
#include "linux/log_history.h"
#include "model/event_line.h"

namespace klubster {

namespace {

int fail(const Error& error) {
  std::fprintf(stderr, "%s\n", error.message().c_str());
  return 1;
}
int fail(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  return 1;
}

double usec_since(std::chrono::steady_clock::time_point from) {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - from).count();
}

// What a step's start leaves in the log, of a usual size.
std::vector<Event> usual_events(std::uint64_t number) {
  StartedRun run;
  run.subject = "server/step-" + std::to_string(number % 50);
  run.fingerprint = sha256_hex(std::to_string(number));
  run.unit = "klubster-step-server-step-" + std::to_string(number % 50) + ".service";
  run.attempt = 1;
  run.generation = 1;
  return {run_started(run)};
}

Status append_one(EventLog& log, NodeState& state, std::uint64_t number) {
  auto events = usual_events(number);
  if (auto appended = log.append(events); !appended) return appended;
  if (auto synced = log.sync(); !synced) return synced;
  state.fold(events[0]);
  return {};
}

int append(const std::string& directory, std::uint64_t count, const LogLimits& limits) {
  auto log = EventLog::open(directory, "boot", limits);
  if (!log) return fail(log.error());
  if (auto raised = log->raise_format(); !raised) return fail(raised.error());
  NodeState state = log->take_state();
  for (std::uint64_t i = 0; i < count; ++i) {
    if (auto appended = append_one(*log, state, i); !appended) return fail(appended.error());
    const std::string line = std::to_string(state.last_seq) + "\n";
    if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) return 1;
    // A disk that is full keeps the segment from being followed, not the log from going on.
    if (auto tidied = log->tidy(state); !tidied) (void)fail(tidied.error());
  }
  return 0;
}

int check(const std::string& directory, std::uint64_t acknowledged) {
  auto log = EventLog::open(directory, "boot");
  if (!log) return fail(log.error());
  const NodeState state = log->take_state();
  if (!log->damage().empty()) return fail("damage: " + log->damage());
  if (state.last_seq < acknowledged) {
    return fail("event " + std::to_string(acknowledged) + " was acknowledged, the last one is " +
                std::to_string(state.last_seq));
  }
  const auto verdict = verify_log(directory);
  if (!verdict) return fail(verdict.error());
  if (!verdict->damage.empty()) return fail("verify: " + verdict->damage);
  const auto whole = state_at(directory, {state.last_seq, std::nullopt});
  if (state.last_seq > 0 && (!whole || !(whole->state == state))) return fail("the state differs");
  return 0;
}

int roll(const std::string& directory, const LogLimits& limits) {
  auto log = EventLog::open(directory, "boot", limits);
  if (!log) return fail(log.error());
  if (auto raised = log->raise_format(); !raised) return fail(raised.error());
  const NodeState state = log->take_state();
  auto tidied = log->tidy(state);
  return tidied ? 0 : fail(tidied.error());
}

int measure_append(const std::string& directory, std::uint64_t count) {
  auto log = EventLog::open(directory, "boot");
  if (!log) return fail(log.error());
  NodeState state = log->take_state();
  const std::string bare = directory + ".bare";
  auto file = open_file(bare, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (!file) return fail(file.error());
  std::string hash = log_genesis(2);
  for (std::uint64_t i = 0; i < count; ++i) {
    auto events = usual_events(i);
    const auto from = std::chrono::steady_clock::now();
    if (auto appended = log->append(events); !appended) return fail(appended.error());
    if (auto synced = log->sync(); !synced) return fail(synced.error());
    const double ours = usec_since(from);
    state.fold(events[0]);
    const std::string line = event_line(events[0], hash, 2) + "\n";
    const auto bare_from = std::chrono::steady_clock::now();
    if (auto written = write_all(file->get(), line); !written) return fail(written.error());
    if (::fdatasync(file->get()) < 0) return 1;
    std::printf("%.1f %.1f\n", ours, usec_since(bare_from));
    if (auto tidied = log->tidy(state); !tidied) return fail(tidied.error());
  }
  return remove_file(bare).has_value() ? 0 : 1;
}

int measure_start(const std::string& directory) {
  const auto from = std::chrono::steady_clock::now();
  auto log = EventLog::open(directory, "next boot");
  if (!log) return fail(log.error());
  const NodeState state = log->take_state();
  std::printf("%.1f %llu\n", usec_since(from) / 1000,
              static_cast<unsigned long long>(state.last_seq));
  return 0;
}

// A log of many events that nobody waits for: all in one go.
int fill(const std::string& directory, std::uint64_t count) {
  auto log = EventLog::open(directory, "boot");
  if (!log) return fail(log.error());
  NodeState state = log->take_state();
  while (count > 0) {
    std::vector<Event> events;
    for (; count > 0 && events.size() < 500; --count)
      events.push_back(usual_events(count)[0]);
    if (auto appended = log->append(events); !appended) return fail(appended.error());
    for (const auto& event : events)
      state.fold(event);
    if (auto tidied = log->tidy(state); !tidied) return fail(tidied.error());
  }
  if (auto synced = log->sync(); !synced) return fail(synced.error());
  return 0;
}

int run(const std::vector<std::string>& words) {
  const auto number = [&words](std::size_t at, std::uint64_t otherwise) {
    return at < words.size() ? parse_number(words[at]).value_or(otherwise) : otherwise;
  };
  if (words.size() < 2) return fail("see the head of tests/tools/event_log.cpp");
  if (words[0] == "append") {
    LogLimits limits;
    limits.segment_bytes = number(3, limits.segment_bytes);
    limits.log_bytes = number(4, limits.log_bytes);
    return append(words[1], number(2, 1), limits);
  }
  if (words[0] == "check") return check(words[1], number(2, 0));
  if (words[0] == "roll") {
    LogLimits limits;
    limits.segment_bytes = 1;
    limits.log_bytes = number(2, limits.log_bytes);
    return roll(words[1], limits);
  }
  if (words[0] == "fill") return fill(words[1], number(2, 1));
  if (words[0] == "measure-append") return measure_append(words[1], number(2, 1));
  if (words[0] == "measure-start") return measure_start(words[1]);
  return fail("unknown: " + words[0]);
}

}  // namespace

}  // namespace klubster

int main(int argc, char** argv) {
  klubster::start_crypto();
  return klubster::run(std::vector<std::string>(argv + 1, argv + argc));
}
