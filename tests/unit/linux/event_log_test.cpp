// The event log: appending, segments, snapshot, base, formats.
#include "linux/event_log.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>

#include "base/digest.h"
#include "model/event_line.h"
#include "tests/unit/linux/log_directory.h"

using namespace klubster;

TEST_CASE("what was appended is read back in order", "[event_log]") {
  LogDirectory directory;
  directory.append(3);
  const Opened opened = directory.start();
  CHECK(opened.state == directory.last_state());
  CHECK(opened.damage.empty());
  const auto events = read_events(directory.log(), 1, 10);
  REQUIRE(events.has_value());
  REQUIRE(events->size() == 3);
  CHECK((*events)[2].seq == 3);
  CHECK((*events)[2].data.text_or("hash") == "hash 3");
}

TEST_CASE("two processes cannot write one log", "[event_log]") {
  LogDirectory directory;
  const auto first = directory.open();
  const auto second = EventLog::open(directory.log(), "boot");
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().reason() == "AlreadyRunning");
}

TEST_CASE("a log cut at any byte keeps every whole line, and goes on", "[event_log]") {
  LogDirectory directory;
  directory.append(3);
  const std::string whole = directory.bytes(directory.segment());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    directory.put(directory.segment(), whole.substr(0, length));
    const std::string_view kept(whole.data(), length);
    const auto lines = static_cast<std::size_t>(std::count(kept.begin(), kept.end(), '\n'));
    const Opened opened = directory.start();
    REQUIRE(opened.state.last_seq == lines);
    directory.require_true_state(opened.state);
    REQUIRE(opened.damage.empty());
  }
  directory.append(1);
  CHECK(directory.start().state.last_seq == 3);
}

TEST_CASE("segments follow one another, and a start reads what the snapshot does not hold",
          "[event_log]") {
  LogDirectory directory;
  directory.append(60, kSmallLimits);
  CHECK(directory.count(".jsonl") > 5);
  REQUIRE(directory.has(kLogSnapshot));
  CHECK(directory.start().state == directory.last_state());
  const auto restored = restore_log(directory.log());
  REQUIRE(restored.has_value());
  CHECK(restored->has_snapshot);
  CHECK(restored->reading.events < 10);

  directory.remove(kLogSnapshot);
  CHECK(directory.start().state == directory.last_state());
  directory.append(30, kSmallLimits);
  CHECK(directory.start().state == directory.last_state());
  CHECK(verify_log(directory.log())->damage.empty());
}

TEST_CASE("a start that had to read much leaves a snapshot for the next one", "[event_log]") {
  LogDirectory directory;
  directory.append(20);
  CHECK_FALSE(directory.has(kLogSnapshot));
  const LogLimits limits = {.snapshot_events = 10};
  CHECK(directory.start(limits).state == directory.last_state());
  REQUIRE(directory.has(kLogSnapshot));
  CHECK(restore_log(directory.log())->reading.events == 0);
  CHECK(directory.start(limits).state == directory.last_state());
  directory.append(3, limits);
  CHECK(directory.start(limits).state == directory.last_state());
}

TEST_CASE("the oldest segments go once the base stands for them", "[event_log]") {
  LogDirectory directory;
  LogLimits limits = kSmallLimits;
  limits.log_bytes = 9000;
  directory.append(150, limits);
  CHECK(directory.count(".jsonl") <= 6);
  CHECK_FALSE(std::filesystem::exists(directory.segment(1)));
  REQUIRE(directory.has(kLogBase));
  CHECK(directory.start(limits).state == directory.last_state());
  const auto verdict = verify_log(directory.log());
  REQUIRE(verdict.has_value());
  CHECK(verdict->damage.empty());
  CHECK(verdict->base_seq > 100);
  CHECK(verdict->first_seq == verdict->base_seq + 1);
  CHECK(verdict->last_seq == 150);

  directory.remove(kLogSnapshot);
  const Opened opened = directory.start(limits);
  CHECK(opened.damage.empty());
  CHECK(opened.state == directory.last_state());
}

TEST_CASE("before the boot is good twice as much is kept, for an older klubster", "[event_log]") {
  LogDirectory directory;
  LogLimits limits = kSmallLimits;
  limits.log_bytes = 9000;
  auto log = directory.open(limits);
  NodeState state = log.take_state();
  const auto append = [&] {
    std::vector<Event> events = {config_accepted("hash")};
    REQUIRE(log.append(events).has_value());
    state.fold(events[0]);
    REQUIRE(log.tidy(state).has_value());
  };
  while (directory.count(".jsonl") < 7)
    append();
  CHECK_FALSE(directory.has(kLogBase));
  REQUIRE(log.raise_format().has_value());
  const std::size_t before = state.last_seq;
  while (!directory.has(kLogBase) && state.last_seq < before + 50)
    append();
  CHECK(directory.count(".jsonl") <= 6);
}

TEST_CASE("a crash between base and removal leaves a log that is sound", "[event_log]") {
  LogDirectory directory;
  LogLimits limits = kSmallLimits;
  directory.append(40, limits);
  const auto before = directory.contents();
  limits.log_bytes = 4000;
  directory.append(8, limits);
  REQUIRE(directory.has(kLogBase));
  for (const auto& [name, bytes] : before) {  // what was removed is there again
    if (!directory.has(name)) directory.put(directory.file(name), bytes);
  }
  CHECK(verify_log(directory.log())->damage.empty());
  CHECK(directory.start(limits).state == directory.last_state());
  directory.append(8, limits);
  CHECK_FALSE(std::filesystem::exists(directory.segment(1)));
  CHECK(directory.start(limits).state == directory.last_state());
}

namespace {

// Writes a log as the first release did.
void write_format_1(LogDirectory& directory, int count) {
  std::filesystem::create_directory(directory.log());
  std::string text, hash = log_genesis(1);
  for (int i = 1; i <= count; ++i) {
    Event event = config_accepted("hash " + std::to_string(i));
    event.seq = static_cast<std::uint64_t>(i);
    event.boot = "boot";
    const std::string line = event_line(event, hash, 1);
    hash = sha256_hex(line);
    text += line + "\n";
  }
  directory.put(directory.segment(), text);
}

}  // namespace

TEST_CASE("a new log has the newest format, and people can read its times", "[event_log]") {
  LogDirectory directory;
  directory.append(1);
  CHECK(directory.open().format() == 2);
  const std::string line = directory.bytes(directory.segment());
  CHECK(line.find("\"time\":\"20") != std::string::npos);
  const std::string format = directory.bytes(directory.file("format"));
  CHECK(format == "2 " + log_genesis(2) + "\n");
}

TEST_CASE("an older format is read and written until somebody raises it", "[event_log]") {
  LogDirectory directory;
  write_format_1(directory, 3);
  {
    auto log = directory.open();
    CHECK(log.format() == 1);
    NodeState state = log.take_state();
    CHECK(state.config_hash == "hash 3");
    std::vector<Event> events = {config_accepted("hash 4")};
    REQUIRE(log.append(events).has_value());
    CHECK(directory.bytes(directory.segment()).find("\"sum\"") == std::string::npos);
    CHECK_FALSE(directory.has("format"));
    REQUIRE(log.raise_format().has_value());
    CHECK(log.format() == 2);
    events = {config_accepted("hash 5")};
    REQUIRE(log.append(events).has_value());
  }
  CHECK(directory.bytes(directory.segment()).find("\"sum\"") != std::string::npos);
  CHECK(directory.open().format() == 2);
  CHECK(directory.start().state.config_hash == "hash 5");
  CHECK(verify_log(directory.log())->damage.empty());
  directory.remove("format");  // the lines say it as well
  CHECK(directory.open().format() == 2);
  CHECK(directory.has("format"));
}

TEST_CASE("a log of the older format is not compacted, so that an older klubster can read it",
          "[event_log]") {
  LogDirectory directory;
  write_format_1(directory, 3);
  LogLimits limits = kSmallLimits;
  limits.log_bytes = 3000;
  directory.append(60, limits);
  CHECK_FALSE(directory.has(kLogBase));
  CHECK(std::filesystem::exists(directory.segment(1)));
  REQUIRE(directory.open(limits).raise_format().has_value());
  directory.append(10, limits);
  CHECK(directory.has(kLogBase));
  const Opened opened = directory.start(limits);
  CHECK(opened.damage.empty());
  CHECK(opened.state.last_seq == 73);
  CHECK(verify_log(directory.log())->damage.empty());
}

TEST_CASE("a later klubster's log is refused and left as it is", "[event_log]") {
  LogDirectory directory;
  directory.append(3);
  Event event = config_accepted("hash");
  event.boot = "boot";
  SECTION("by the first line") {
    event.seq = 1;
    directory.put(directory.segment(), event_line(event, log_genesis(3), 2) + "\n");
  }
  SECTION("by the format file") {
    directory.put(directory.file("format"), "3\n");
  }
  SECTION("by the format file with its digest") {
    directory.put(directory.file("format"), "7 " + log_genesis(7) + "\n");
  }
  SECTION("by an event of an unknown type") {
    const std::string text = directory.bytes(directory.segment());
    const auto last = text.rfind('\n', text.size() - 2) + 1;
    event.type = "FromTheFuture";
    event.seq = 4;
    const std::string hash = sha256_hex(text.substr(last, text.size() - 1 - last));
    directory.put(directory.segment(), text + event_line(event, hash, 2) + "\n");
  }
  SECTION("by a base with more in it than is known") {
    Json json = Json::Object{{"format", 2},
                             {"seq", 9},
                             {"hash", "h"},
                             {"segment", 1},
                             {"state", Json::Object{{"fromTheFuture", 1}}}};
    json["sha256"] = sha256_hex(json.dump());
    directory.put(directory.file(kLogBase), json.dump() + "\n");
  }
  const auto before = directory.contents();
  const auto log = EventLog::open(directory.log(), "boot");
  REQUIRE_FALSE(log.has_value());
  CHECK(log.error().reason() == "LogTooNew");
  CHECK(directory.contents() == before);
}

TEST_CASE("a flipped bit of the format file does not make the log a later one", "[event_log]") {
  LogDirectory directory;
  directory.append(3);
  const std::string whole = directory.bytes(directory.file("format"));
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    directory.put(directory.file("format"), damaged);
    const Opened opened = directory.start();
    REQUIRE(opened.state == directory.last_state());
    REQUIRE(directory.bytes(directory.file("format")) == whole);
  }
}

TEST_CASE("a write that comes short is not acknowledged, and the next start goes on before it",
          "[event_log]") {
  LogDirectory directory;
  directory.append(3);
  const auto size = directory.bytes(directory.segment()).size();
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit before = {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  for (std::size_t more = 0; more < 400; more += 13) {
    auto log = directory.open();
    const struct rlimit limit = {size + more, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
    std::vector<Event> events = {config_accepted("never"), config_accepted("nor this")};
    const auto appended = log.append(events);
    const auto again = log.append(events);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    REQUIRE_FALSE(appended.has_value());
    REQUIRE_FALSE(again.has_value());
    REQUIRE(directory.bytes(directory.segment()).size() <= size + more);
  }
  std::signal(SIGXFSZ, old);
  const Opened opened = directory.start();
  CHECK(opened.damage.empty());
  // Whole lines that were not acknowledged may be there: more than was promised, never less.
  CHECK(opened.state.last_seq >= 3);
  directory.append(2);
  CHECK(directory.start().damage.empty());
}

TEST_CASE("an event that is too large to be read again is not written", "[event_log]") {
  LogDirectory directory;
  auto log = directory.open();
  std::vector<Event> events = {config_accepted(std::string(2 << 20, 'x'))};
  REQUIRE_FALSE(log.append(events).has_value());
  events = {config_accepted("small")};
  CHECK(log.append(events).has_value());
  CHECK(events[0].seq == 1);
}

TEST_CASE("what a start reads it writes again, since a failed sync leaves it in memory alone",
          "[event_log]") {
  LogDirectory directory;
  directory.append(3);
  const std::string before = directory.bytes(directory.segment());
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit unlimited = {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &unlimited) == 0);
  const struct rlimit limit = {before.size() - 10, unlimited.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  const bool refused = !EventLog::open(directory.log(), "boot").has_value();
  const bool after_reboot = EventLog::open(directory.log(), "another boot").has_value();
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &unlimited) == 0);
  std::signal(SIGXFSZ, old);
  CHECK(refused);
  CHECK(after_reboot);  // then it comes from the disk
  CHECK(directory.bytes(directory.segment()) == before);
  CHECK(directory.start().state == directory.last_state());
}
