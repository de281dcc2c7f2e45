// The event log against damage of every kind: never a state that was not, never silence.
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "linux/event_log.h"
#include "model/event_line.h"
#include "tests/unit/linux/log_directory.h"

using namespace klubster;

namespace {

std::string with_flipped_bit(std::string bytes, std::size_t bit) {
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  return bytes;
}

// A log of several segments without snapshot; damage in any of them must show at a start.
class Segments : public LogDirectory {
 public:
  Segments() {
    append(30, kSmallLimits);
    remove(kLogSnapshot);
    last_ = 1;
    while (std::filesystem::exists(segment(last_ + 1)))
      ++last_;
    REQUIRE(last_ > 3);
  }
  std::uint64_t last() const { return last_; }

  // Starts, and looks that the state was once true, that the damage is told, that what was damaged
  // is kept, and that the next start is in order.
  Opened require_degraded() const {
    const auto verdict = verify_log(log());
    REQUIRE(verdict.has_value());
    REQUIRE_FALSE(verdict->damage.empty());
    Opened opened = start(kSmallLimits);
    INFO(opened.damage);
    REQUIRE_FALSE(opened.damage.empty());
    require_true_state(opened.state);
    REQUIRE(count(".damaged-") > 0);
    const Opened again = start(kSmallLimits);
    REQUIRE(again.damage.empty());
    REQUIRE(again.state == opened.state);
    REQUIRE(verify_log(log())->damage.empty());
    return opened;
  }

 private:
  std::uint64_t last_ = 0;
};

}  // namespace

TEST_CASE("every flipped bit of a segment is found, and nothing wrong is believed",
          "[log_damage]") {
  LogDirectory directory;
  directory.append(3);
  const std::string whole = directory.bytes(directory.segment());
  std::size_t opened_too = 0;
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    directory.put(directory.segment(), with_flipped_bit(whole, bit));
    INFO("bit " << bit);
    const auto verdict = verify_log(directory.log());
    REQUIRE(verdict.has_value());
    REQUIRE_FALSE(verdict->damage.empty());
    const auto restored = restore_log(directory.log());
    REQUIRE(restored.has_value());
    REQUIRE_FALSE(restored->damage.empty());
    directory.require_true_state(restored->state);
    // Only the end of the last line can be damaged without a doubt about its event.
    REQUIRE((restored->state.last_seq < 3 || bit >= (whole.size() - 1) * 8));
    if (bit % 61 != 0 && bit < (whole.size() - 1) * 8) continue;
    ++opened_too;
    const auto before = directory.contents();
    const Opened opened = directory.start();
    REQUIRE_FALSE(opened.damage.empty());
    REQUIRE(opened.state == restored->state);
    REQUIRE(directory.count(".damaged-") > 0);
    REQUIRE(directory.start().damage.empty());
    REQUIRE(directory.start().state == opened.state);
    directory.restore(before);
  }
  CHECK(opened_too > 100);
}

TEST_CASE("of the older format every flipped bit before the last line is found", "[log_damage]") {
  LogDirectory directory;
  std::filesystem::create_directory(directory.log());
  std::string text, hash = log_genesis(1);
  std::vector<NodeState> states = {NodeState()};
  std::size_t last_line = 0;
  for (std::uint64_t seq = 1; seq <= 3; ++seq) {
    Event event = config_accepted("hash " + std::to_string(seq));
    event.seq = seq;
    const std::string line = event_line(event, hash, 1);
    hash = sha256_hex(line);
    last_line = text.size();
    text += line + "\n";
    states.push_back(states.back());
    states.back().fold(event);
  }
  for (std::size_t bit = 0; bit < last_line * 8; ++bit) {
    directory.put(directory.segment(), with_flipped_bit(text, bit));
    INFO("bit " << bit);
    const auto restored = restore_log(directory.log());
    REQUIRE(restored.has_value());
    REQUIRE_FALSE(restored->damage.empty());
    REQUIRE(restored->state.last_seq < 3);
    REQUIRE(restored->state == states[restored->state.last_seq]);
  }
}

TEST_CASE("a segment that is cut, emptied, zeroed or gone ends what is believed", "[log_damage]") {
  const Segments log;
  const std::string path = log.segment(2);
  const std::string whole = log.bytes(path);
  SECTION("cut in a line") {
    log.put(path, whole.substr(0, whole.size() / 2));
  }
  SECTION("cut between lines") {
    log.put(path, whole.substr(0, whole.find('\n') + 1));
  }
  SECTION("empty") {
    log.put(path, "");
  }
  SECTION("a hole of zeros") {
    std::string holed = whole;
    std::fill_n(holed.begin() + 700, 512, '\0');
    log.put(path, holed);
  }
  SECTION("gone") {
    std::filesystem::remove(path);
  }
  SECTION("another one in its place") {
    std::filesystem::rename(log.segment(3), path);
  }
  SECTION("twice") {
    log.put(log.segment(3), whole);
  }
  SECTION("two exchanged") {
    const std::string other = log.bytes(log.segment(3));
    log.put(log.segment(3), whole);
    log.put(path, other);
  }
  SECTION("a line without end") {
    log.put(path, std::string((1 << 20) + 9, 'x') + "\n" + whole);
  }
  SECTION("lines that are not ours") {
    log.put(path, "{}\n[]\n\n\xff\xfe\n");
  }
  const Opened opened = log.require_degraded();
  CHECK(opened.state.last_seq > 5);
  CHECK(opened.state.last_seq < 29);
}

TEST_CASE("a log without its first segment is not believed at all", "[log_damage]") {
  const Segments log;
  std::filesystem::remove(log.segment(1));
  const Opened opened = log.require_degraded();
  CHECK(opened.state.last_seq == 0);
  CHECK(opened.damage.find("00000001.jsonl is missing") != std::string::npos);
}

TEST_CASE("what is no file of ours in place of a segment is set aside, and nothing waits for it",
          "[log_damage]") {
  const Segments log;
  const std::string path = log.segment(2);
  const std::string elsewhere = log.path() + "/elsewhere";
  SECTION("a link") {
    std::filesystem::rename(path, elsewhere);
    std::filesystem::create_symlink(elsewhere, path);
  }
  SECTION("a dangling link") {
    std::filesystem::remove(path);
    std::filesystem::create_symlink("/nowhere", path);
  }
  SECTION("a directory") {
    std::filesystem::remove(path);
    std::filesystem::create_directory(path);
  }
  SECTION("a fifo") {
    std::filesystem::remove(path);
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  }
  SECTION("another user's file") {
    if (::geteuid() != 0) return;
    REQUIRE(::chown(path.c_str(), 12345, 12345) == 0);
  }
  const Opened opened = log.require_degraded();
  CHECK(opened.state.last_seq > 5);
}

TEST_CASE("what is no file of ours in place of another file of the log does not stop a start",
          "[log_damage]") {
  const Segments log;
  const auto name = GENERATE("format", "snapshot.json", "base.json", "lock");
  const std::string path = log.file(name);
  std::filesystem::remove(path);
  SECTION("a link") {
    std::filesystem::create_symlink("/etc/passwd", path);
  }
  SECTION("a link to itself") {
    std::filesystem::create_symlink(path, path);
  }
  SECTION("a directory") {
    std::filesystem::create_directory(path);
  }
  SECTION("a fifo") {
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  }
  SECTION("an empty file") {
    log.put(path, "");
  }
  SECTION("a large file of zeros") {
    log.put(path, std::string(20 << 20, '\0'));
  }
  const Opened opened = log.start(kSmallLimits);
  CHECK(opened.state == log.last_state());
  CHECK(opened.damage.empty());
  const Opened again = log.start(kSmallLimits);
  CHECK(again.state == log.last_state());
  CHECK(verify_log(log.log())->damage.empty());
}

TEST_CASE("something else in place of the log's directory is kept, and a new log begins degraded",
          "[log_damage]") {
  LogDirectory directory;
  SECTION("a file") {
    directory.put(directory.log(), "not a directory");
  }
  SECTION("a link") {
    std::filesystem::create_directory(directory.path() + "/elsewhere");
    std::filesystem::create_symlink(directory.path() + "/elsewhere", directory.log());
  }
  SECTION("another user's directory") {
    if (::geteuid() != 0) return;
    directory.append(3);
    REQUIRE(::chown(directory.log().c_str(), 12345, 12345) == 0);
  }
  const Opened opened = directory.start();
  CHECK(opened.state.last_seq == 0);
  CHECK_FALSE(opened.damage.empty());
  CHECK(std::filesystem::is_directory(std::filesystem::symlink_status(directory.log())));
  CHECK(directory.start().damage.empty());
}

TEST_CASE("a log that others may write is closed to them again", "[log_damage]") {
  LogDirectory directory;
  directory.append(3);
  ::chmod(directory.segment().c_str(), 0666);
  ::chmod(directory.log().c_str(), 0777);
  const Opened opened = directory.start();
  CHECK(opened.damage.empty());
  CHECK(opened.state == directory.last_state());
  struct stat info = {};
  REQUIRE(::stat(directory.segment().c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);
  REQUIRE(::stat(directory.log().c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0700);
}

TEST_CASE("a damaged snapshot is rebuilt from the segments", "[log_damage]") {
  LogDirectory directory;
  directory.append(30, kSmallLimits);
  const std::string whole = directory.bytes(directory.file(kLogSnapshot));
  std::size_t found = 0;
  for (std::size_t bit = 0; bit < whole.size() * 8; bit += 5) {
    directory.put(directory.file(kLogSnapshot), with_flipped_bit(whole, bit));
    const auto restored = restore_log(directory.log());
    REQUIRE(restored.has_value());
    REQUIRE(restored->state == directory.last_state());
    REQUIRE(restored->damage.empty());
    if (restored->unusable.empty()) continue;  // white space at the end
    ++found;
    REQUIRE_FALSE(verify_log(directory.log())->damage.empty());
  }
  CHECK(found >= (whole.size() - 1) * 8 / 5);
  for (std::size_t length = 0; length < whole.size(); length += 7) {
    directory.put(directory.file(kLogSnapshot), whole.substr(0, length));
    REQUIRE(directory.start(kSmallLimits).state == directory.last_state());
  }
  CHECK(directory.start(kSmallLimits).damage.empty());
}

TEST_CASE("a snapshot of another log is not believed", "[log_damage]") {
  LogDirectory directory, other;
  directory.append(30, kSmallLimits);
  // Of a longer one nobody can say that it is another one.
  const bool longer = GENERATE(false, true);
  other.append(longer ? 50 : 20, kSmallLimits);
  const std::string name = kLogSnapshot;
  directory.put(directory.file(name), other.bytes(other.file(name)));
  CHECK_FALSE(verify_log(directory.log())->damage.empty());
  const Opened opened = directory.start(kSmallLimits);
  CHECK(opened.state == directory.last_state());
  CHECK(opened.damage.empty() != longer);
  CHECK(directory.start(kSmallLimits).damage.empty());
}

TEST_CASE("damage that a snapshot covers does not harm the state, and verify finds it",
          "[log_damage]") {
  LogDirectory directory;
  directory.append(30, kSmallLimits);
  directory.put(directory.segment(2), with_flipped_bit(directory.bytes(directory.segment(2)), 999));
  const Opened opened = directory.start(kSmallLimits);
  CHECK(opened.state == directory.last_state());
  CHECK(opened.damage.empty());
  const auto verdict = verify_log(directory.log());
  REQUIRE(verdict.has_value());
  CHECK(verdict->damage.find("00000002.jsonl, event ") == 0);
}

namespace {

// As if another version had made it.
void make_older(const LogDirectory& log) {
  auto snapshot = parse_json(log.bytes(log.file(kLogSnapshot)), {.bytes = 1 << 20, .depth = 32});
  REQUIRE(snapshot.has_value());
  Json::Object object = *snapshot->as_object();
  object.erase("sha256");
  object["version"] = "another";
  Json json(object);
  json["sha256"] = sha256_hex(json.dump());
  log.put(log.file(kLogSnapshot), json.dump() + "\n");
}

std::uint64_t last_segment(const LogDirectory& log) {
  return log_segments(log.log())->back();
}

}  // namespace

TEST_CASE("an upgrade does not lose what a snapshot covered", "[log_damage]") {
  LogDirectory directory;
  directory.append(31, kSmallLimits);
  make_older(directory);
  CHECK_FALSE(restore_log(directory.log())->has_snapshot);  // who is sound is read anew
  directory.put(directory.segment(2), with_flipped_bit(directory.bytes(directory.segment(2)), 999));
  const Opened opened = directory.start(kSmallLimits);
  CHECK(opened.state == directory.last_state());
  CHECK(opened.damage.empty());
  CHECK(directory.start(kSmallLimits).state == directory.last_state());
  CHECK_FALSE(verify_log(directory.log())->damage.empty());
}

TEST_CASE("a log that ends before its snapshot was made is damaged", "[log_damage]") {
  LogDirectory directory;
  directory.append(31, kSmallLimits);
  if (GENERATE(false, true)) make_older(directory);
  const std::uint64_t last = last_segment(directory);
  std::filesystem::remove(directory.segment(last));
  std::filesystem::remove(directory.segment(last - 1));
  const Opened opened = directory.start(kSmallLimits);
  CHECK(opened.damage.find("its snapshot was made after event ") != std::string::npos);
  directory.require_true_state(opened.state);
  CHECK(opened.state.last_seq > 15);
  CHECK(directory.count("snapshot.json.damaged-") == 1);
  CHECK(directory.count(".jsonl.damaged-") == 0);
  const Opened again = directory.start(kSmallLimits);
  CHECK(again.damage.empty());
  CHECK(again.state == opened.state);
}

TEST_CASE("a snapshot alone is a beginning, and is told once", "[log_damage]") {
  LogDirectory directory;
  directory.append(31, kSmallLimits);
  if (GENERATE(false, true)) make_older(directory);
  for (std::uint64_t last = last_segment(directory); last > 0; --last)
    std::filesystem::remove(directory.segment(last));
  const Opened opened = directory.start(kSmallLimits);
  CHECK_FALSE(opened.damage.empty());
  directory.require_true_state(opened.state);
  CHECK(opened.state.last_seq > 20);
  directory.append(3, kSmallLimits);
  const Opened again = directory.start(kSmallLimits);
  CHECK(again.damage.empty());
  CHECK(again.state == directory.last_state());
  CHECK(verify_log(directory.log())->damage.empty());
}

TEST_CASE("what damage is set aside has one name, however often the disk refuses", "[log_damage]") {
  LogDirectory directory;
  directory.append(3);
  const std::string whole = directory.bytes(directory.segment());
  directory.put(directory.segment(), with_flipped_bit(whole, (whole.size() - 20) * 8));
  const std::string in_the_way = directory.segment() + ".tmp";
  std::filesystem::create_directory(in_the_way);
  for (int i = 0; i < 5; ++i)
    REQUIRE_FALSE(EventLog::open(directory.log(), "boot").has_value());
  CHECK(directory.count(".damaged-") == 0);
  std::filesystem::remove(in_the_way);
  CHECK_FALSE(directory.start().damage.empty());
  CHECK(directory.count(".damaged-") == 1);
}

TEST_CASE("damage after the snapshot keeps the snapshot's state", "[log_damage]") {
  LogDirectory directory;
  directory.append(31, kSmallLimits);
  const std::uint64_t last = last_segment(directory);
  if (GENERATE(false, true)) make_older(directory);
  SECTION("its segment is gone") {
    std::filesystem::remove(directory.segment(last));
  }
  SECTION("its segment's first line is damaged") {
    directory.put(directory.segment(last),
                  with_flipped_bit(directory.bytes(directory.segment(last)), 99));
  }
  const Opened opened = directory.start(kSmallLimits);
  CHECK_FALSE(opened.damage.empty());
  directory.require_true_state(opened.state);
  CHECK(opened.state.last_seq > 20);
  CHECK(directory.start(kSmallLimits).damage.empty());
  CHECK(verify_log(directory.log())->damage.empty());
}

namespace {

// A log whose oldest segments are gone.
class Compacted : public LogDirectory {
 public:
  Compacted() {
    append(90, kLimits);
    REQUIRE(has(kLogBase));
    REQUIRE_FALSE(std::filesystem::exists(segment(1)));
  }
  static constexpr LogLimits kLimits = {
      .segment_bytes = 2000, .log_bytes = 9000, .snapshot_events = 100'000};
};

}  // namespace

TEST_CASE("without a base the snapshot's state is kept, told, and a new base stands",
          "[log_damage]") {
  Compacted log;
  SECTION("the base is gone") {
    log.remove(kLogBase);
  }
  SECTION("the base is damaged") {
    log.put(log.file(kLogBase), with_flipped_bit(log.bytes(log.file(kLogBase)), 777));
  }
  CHECK_FALSE(verify_log(log.log())->damage.empty());
  const Opened opened = log.start(Compacted::kLimits);
  CHECK(opened.damage.find("base.json") != std::string::npos);
  CHECK(opened.state == log.last_state());
  CHECK(log.count(".damaged-") > 0);
  CHECK(verify_log(log.log())->damage.empty());
  log.remove(kLogSnapshot);
  const Opened again = log.start(Compacted::kLimits);
  CHECK(again.damage.empty());
  CHECK(again.state == log.last_state());
  log.append(40, Compacted::kLimits);
  CHECK(log.start(Compacted::kLimits).state == log.last_state());
  CHECK(verify_log(log.log())->damage.empty());
}

TEST_CASE("a base that is lost costs nothing of what the snapshot leads to", "[log_damage]") {
  Compacted log;
  // Segments that follow the snapshot, as when the disk was full while the next one was due.
  const auto snapshot = log.bytes(log.file(kLogSnapshot));
  log.append(9, Compacted::kLimits);
  log.put(log.file(kLogSnapshot), snapshot);
  log.remove(kLogBase);
  if (GENERATE(false, true)) make_older(log);
  // The mend is cut off.
  const std::string in_the_way = log.file(GENERATE("base.json.tmp", "snapshot.json.tmp"));
  std::filesystem::create_directory(in_the_way);
  (void)EventLog::open(log.log(), "boot", Compacted::kLimits);
  std::filesystem::remove(in_the_way);
  const Opened opened = log.start(Compacted::kLimits);
  CHECK(opened.state == log.last_state());
  CHECK(verify_log(log.log())->damage.empty());
  const Opened again = log.start(Compacted::kLimits);
  CHECK(again.damage.empty());
  CHECK(again.state == log.last_state());
}

TEST_CASE("without base and snapshot nothing is believed", "[log_damage]") {
  Compacted log;
  log.put(log.file(kLogBase), with_flipped_bit(log.bytes(log.file(kLogBase)), 777));
  log.remove(kLogSnapshot);
  const Opened opened = log.start(Compacted::kLimits);
  CHECK_FALSE(opened.damage.empty());
  CHECK(opened.state == NodeState());
  CHECK(log.start(Compacted::kLimits).damage.empty());
  CHECK(verify_log(log.log())->damage.empty());
  log.append(60, Compacted::kLimits);  // the new log does not begin with segment 1
  CHECK(log.has(kLogBase));
  CHECK(log.count(".jsonl.damaged-") + 6 >= log.count(".jsonl"));
  CHECK(log.start(Compacted::kLimits).state == log.last_state());
  CHECK(verify_log(log.log())->damage.empty());
}

namespace {

bool again_reads_all(const LogDirectory& log) {
  const auto restored = restore_log(log.log());
  return restored.has_value() && !restored->has_snapshot;
}

}  // namespace

TEST_CASE("random damage leads to a state that was, or is the whole one", "[log_damage]") {
  Compacted log;
  const auto before = log.contents();
  std::vector<std::string> names;
  for (const auto& [name, bytes] : before) {
    if (name != "lock") names.push_back(name);
  }
  unsigned chance = 12345;
  const auto below = [&chance](std::size_t limit) {
    chance = chance * 1664525 + 1013904223;
    return (chance >> 8) % limit;
  };
  for (int round = 0; round < 150; ++round) {
    log.restore(before);
    for (std::size_t wounds = 1 + below(3); wounds > 0; --wounds) {
      const std::string& name = names[below(names.size())];
      if (!log.has(name)) continue;
      std::string bytes = log.bytes(log.file(name));
      const std::size_t at = bytes.empty() ? 0 : below(bytes.size());
      switch (below(6)) {
        case 0:
          bytes.resize(at);
          break;
        case 1:
          std::fill(bytes.begin() + static_cast<long>(at), bytes.end(), '\0');
          break;
        case 2:
          bytes.erase(at, below(100));
          break;
        case 3:
          bytes.insert(at, bytes.substr(below(bytes.size() + 1), 300));
          break;
        case 4:
          if (!bytes.empty()) bytes = with_flipped_bit(bytes, at * 8 + below(8));
          break;
        default:
          log.remove(name);
          continue;
      }
      log.put(log.file(name), bytes);
    }
    INFO("round " << round);
    const Opened opened = log.start(Compacted::kLimits);
    INFO(opened.damage);
    if (opened.state.last_seq > 0) log.require_true_state(opened.state);
    const Opened again = log.start(Compacted::kLimits);
    REQUIRE(again.damage.empty());
    REQUIRE(again.state == opened.state);
    // What a snapshot covers may be damaged still; without one, everything was read.
    if (!again_reads_all(log)) continue;
    REQUIRE(verify_log(log.log())->damage.empty());
  }
}
