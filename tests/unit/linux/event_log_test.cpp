// The event log against damage of every kind.
#include "linux/event_log.h"

#include <algorithm>
#include <filesystem>

#include "base/digest.h"
#include "base/log.h"
#include "tests/unit/catch.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;

namespace {

class LogDirectory : public TemporaryDirectory {
 public:
  std::string log() const { return path() + "/log"; }
  std::string segment() const { return log() + "/00000001.jsonl"; }
};

struct Reading {
  std::vector<Event> events;
  std::string damage;
};

Reading reopen(const LogDirectory& directory) {
  set_log_sink([](LogLevel, std::string_view, const LogFields&) {});  // damage is expected here
  Reading reading;
  auto log = EventLog::open(directory.log(), "boot",
                            [&](const Event& event) { reading.events.push_back(event); });
  REQUIRE(log.has_value());
  reading.damage = log->damage();
  return reading;
}

void write_events(const LogDirectory& directory, int count) {
  auto log = EventLog::open(directory.log(), "boot", [](const Event&) {});
  REQUIRE(log.has_value());
  for (int i = 0; i < count; ++i) {
    std::vector<Event> events = {config_accepted("hash " + std::to_string(i))};
    REQUIRE(log->append(events).has_value());
  }
}

bool has_aside(const LogDirectory& directory) {
  for (const auto& entry : std::filesystem::directory_iterator(directory.log())) {
    if (entry.path().string().find(".damaged-") != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("what was appended is read back in order", "[event_log]") {
  const LogDirectory directory;
  write_events(directory, 3);
  const Reading reading = reopen(directory);
  REQUIRE(reading.events.size() == 3);
  CHECK(reading.events[2].seq == 3);
  CHECK(reading.events[2].data.text_or("hash") == "hash 2");
  CHECK(reading.damage.empty());
}

TEST_CASE("a log cut at any byte keeps every whole line, and goes on", "[event_log]") {
  const LogDirectory directory;
  write_events(directory, 3);
  const std::string whole = *read_file(directory.segment(), 1 << 20);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    REQUIRE(write_file(directory.segment(), whole.substr(0, length), 0600).has_value());
    const std::string_view kept(whole.data(), length);
    const auto lines = static_cast<std::size_t>(std::count(kept.begin(), kept.end(), '\n'));
    const Reading reading = reopen(directory);
    REQUIRE(reading.events.size() == lines);
    REQUIRE(reading.damage.empty());
    write_events(directory, 1);
    REQUIRE(reopen(directory).events.size() == lines + 1);
  }
}

TEST_CASE("every flipped bit is found, and nothing after it is believed", "[event_log]") {
  const LogDirectory directory;
  write_events(directory, 2);
  const std::string whole = *read_file(directory.segment(), 1 << 20);
  // The chain covers a line by the one after it: flip bits of the first line.
  const std::size_t first_line = whole.find('\n');
  for (std::size_t bit = 0; bit < (first_line + 1) * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    std::filesystem::remove_all(directory.log());
    std::filesystem::create_directory(directory.log());
    REQUIRE(write_file(directory.segment(), damaged, 0600).has_value());
    const Reading reading = reopen(directory);
    INFO("bit " << bit);
    REQUIRE_FALSE(reading.damage.empty());
    REQUIRE(reading.events.size() <= 1);
    REQUIRE(has_aside(directory));
    REQUIRE(reopen(directory).damage.empty());  // the good beginning stands in its place
  }
}

TEST_CASE("a line from another log does not fit the chain", "[event_log]") {
  const LogDirectory directory, other;
  write_events(directory, 2);
  write_events(other, 1);
  const std::string own = *read_file(directory.segment(), 1 << 20);
  const std::string mixed = *read_file(other.segment(), 1 << 20) + own.substr(own.find('\n') + 1);
  REQUIRE(write_file(directory.segment(), mixed, 0600).has_value());
  const Reading reading = reopen(directory);
  CHECK(reading.events.size() == 1);
  CHECK_FALSE(reading.damage.empty());
}

TEST_CASE("a later klubster's log is refused and left as it is", "[event_log]") {
  const LogDirectory directory;
  std::filesystem::create_directory(directory.log());
  Event event = config_accepted("hash");
  event.seq = 1;
  event.boot = "boot";
  const std::string text = event_line(event, sha256_hex("klubster-log-2")) + "\n";
  REQUIRE(write_file(directory.segment(), text, 0600).has_value());
  const auto log = EventLog::open(directory.log(), "boot", [](const Event&) {});
  REQUIRE_FALSE(log.has_value());
  CHECK(log.error().reason() == "LogTooNew");
  CHECK(*read_file(directory.segment(), 1 << 20) == text);
}

TEST_CASE("two processes cannot write one log", "[event_log]") {
  const LogDirectory directory;
  auto first = EventLog::open(directory.log(), "boot", [](const Event&) {});
  REQUIRE(first.has_value());
  auto second = EventLog::open(directory.log(), "boot", [](const Event&) {});
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().reason() == "AlreadyRunning");
}
