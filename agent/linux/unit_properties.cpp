// One D-Bus signature per kind of property value.
#include "linux/unit_properties.h"

#include <algorithm>
#include <functional>
#include <map>

#include "base/digest.h"

namespace klubster {

namespace {

// ExecStart expands "$", which only ExecStartEx can forbid. That one systemd 252 writes into the
// unit's file under a name that it does not know when it reads it again: after a reload the unit
// has no command, and one whose start still waited fails. So it is for commands that need it.
bool has_dollar(const ExecCommand& command) {
  return std::any_of(command.argv.begin(), command.argv.end(),
                     [](const std::string& word) { return word.find('$') != std::string::npos; });
}

// Appends a value as the contents of its variant; the first line of each is the signature.
struct Appender {
  BusMessage& message;

  void basic(const char* type, const std::function<void()>& add) const {
    message.open('v', type);
    add();
    message.close();
  }
  void operator()(bool value) const {
    basic("b", [&] { message.add_bool(value); });
  }
  void operator()(std::int32_t value) const {
    basic("i", [&] { message.add_int32(value); });
  }
  void operator()(std::uint32_t value) const {
    basic("u", [&] { message.add_uint32(value); });
  }
  void operator()(std::uint64_t value) const {
    basic("t", [&] { message.add_uint64(value); });
  }
  void operator()(const std::string& value) const {
    basic("s", [&] { message.add_string(value); });
  }
  void operator()(const Texts& values) const {
    basic("as", [&] { message.add_strings(values); });
  }
  void operator()(const ExecCommand& command) const {
    if (!has_dollar(command)) {
      return basic("a(sasb)", [&] {
        message.open('a', "(sasb)").open('r', "sasb");
        message.add_string(command.argv.front()).add_strings(command.argv).add_bool(false);
        message.close().close();
      });
    }
    basic("a(sasas)", [&] {
      message.open('a', "(sasas)").open('r', "sasas");
      message.add_string(command.argv.front()).add_strings(command.argv);
      message.add_strings({"no-env-expand"});
      message.close().close();
    });
  }
  void operator()(const std::vector<std::pair<std::string, std::string>>& pairs) const {
    basic("a(ss)", [&] {
      message.open('a', "(ss)");
      for (const auto& [first, second] : pairs) {
        message.open('r', "ss").add_string(first).add_string(second).close();
      }
      message.close();
    });
  }
  void operator()(const std::vector<Bind>& binds) const {
    basic("a(ssbt)", [&] {
      message.open('a', "(ssbt)");
      for (const auto& bind : binds) {
        message.open('r', "ssbt").add_string(bind.from).add_string(bind.to);
        message.add_bool(false).add_uint64(0).close();  // must exist; not recursive
      }
      message.close();
    });
  }
  void operator()(const FilterList& filter) const {
    basic("(bas)", [&] {
      message.open('r', "bas").add_bool(filter.allow).add_strings(filter.names).close();
    });
  }
  void operator()(const ExitCodes& exits) const {
    basic("(aiai)", [&] {
      message.open('r', "aiai").open('a', "i");
      for (const int code : exits.codes)
        message.add_int32(code);
      message.close().open('a', "i").close().close();
    });
  }
  void operator()(const JournalFields& journal) const {
    basic("aay", [&] {
      message.open('a', "ay");
      for (const auto& field : journal.fields)
        message.add_bytes(field);
      message.close();
    });
  }
  void operator()(const BlobDescriptor& blob) const {
    basic("h", [&] { message.add_fd(blob.fd); });
  }
};

// UINT64_MAX means "not accounted" on this machine: unknown, not zero.
std::optional<std::uint64_t> accounted(std::uint64_t value) {
  if (value == UINT64_MAX) return std::nullopt;
  return value;
}

using Reader = void (*)(BusMessage&, UnitSnapshot&);

const std::map<std::string, std::pair<const char*, Reader>>& readers() {
  static const std::map<std::string, std::pair<const char*, Reader>> kReaders = {
      {"LoadState", {"s", [](BusMessage& m, UnitSnapshot& u) { u.load_state = m.read_string(); }}},
      {"ActiveState",
       {"s", [](BusMessage& m, UnitSnapshot& u) { u.active_state = m.read_string(); }}},
      {"SubState", {"s", [](BusMessage& m, UnitSnapshot& u) { u.sub_state = m.read_string(); }}},
      {"FragmentPath",
       {"s", [](BusMessage& m, UnitSnapshot& u) { u.fragment_path = m.read_string(); }}},
      {"ControlGroup",
       {"s", [](BusMessage& m, UnitSnapshot& u) { u.control_group = m.read_string(); }}},
      {"StatusText",
       {"s", [](BusMessage& m, UnitSnapshot& u) { u.status_text = m.read_string(); }}},
      {"Result", {"s", [](BusMessage& m, UnitSnapshot& u) { u.result = m.read_string(); }}},
      {"ExecMainCode", {"i", [](BusMessage& m, UnitSnapshot& u) { u.exec_code = m.read_int32(); }}},
      {"ExecMainStatus",
       {"i", [](BusMessage& m, UnitSnapshot& u) { u.exec_status = m.read_int32(); }}},
      {"ExecMainStartTimestampMonotonic",
       {"t", [](BusMessage& m, UnitSnapshot& u) { u.exec_start_usec = m.read_uint64(); }}},
      {"ExecMainExitTimestampMonotonic",
       {"t", [](BusMessage& m, UnitSnapshot& u) { u.exec_exit_usec = m.read_uint64(); }}},
      {"CPUUsageNSec",
       {"t", [](BusMessage& m, UnitSnapshot& u) { u.cpu_nsec = accounted(m.read_uint64()); }}},
      {"MemoryPeak",
       {"t",
        [](BusMessage& m, UnitSnapshot& u) { u.memory_peak_bytes = accounted(m.read_uint64()); }}},
      {"IOReadBytes",
       {"t", [](BusMessage& m, UnitSnapshot& u) { u.io_read_bytes = accounted(m.read_uint64()); }}},
      {"IOWriteBytes",
       {"t",
        [](BusMessage& m, UnitSnapshot& u) { u.io_write_bytes = accounted(m.read_uint64()); }}},
  };
  return kReaders;
}

}  // namespace

void append_unit_properties(BusMessage& message, const TransientUnit& unit) {
  message.open('a', "(sv)");
  for (const auto& [name, value] : unit.properties) {
    const auto* command = std::get_if<ExecCommand>(&value);
    const bool extended = command != nullptr && has_dollar(*command);
    message.open('r', "sv").add_string(extended ? name + "Ex" : name);
    std::visit(Appender{message}, value);
    message.close();
  }
  message.close();
}

UnitSnapshot read_unit_snapshot(BusMessage& message) {
  UnitSnapshot snapshot;
  if (!message.enter('a', "{sv}")) return snapshot;
  while (message.enter('e', "sv")) {
    const std::string name = message.read_string();
    const auto reader = readers().find(name);
    const std::string type = message.peek().second;
    if (name == "InvocationID" && type == "ay" && message.enter('v', "ay")) {
      snapshot.invocation = to_hex(message.read_bytes());
      message.exit();
    } else if (name == "Job" && type == "(uo)" && message.enter('v', "(uo)")) {
      message.enter('r', "uo");
      snapshot.queued = message.read_uint32() != 0;
      message.skip("o");
      message.exit();
      message.exit();
    } else if (reader != readers().end() && type == reader->second.first) {
      message.enter('v', type.c_str());
      reader->second.second(message, snapshot);
      message.exit();
    } else {
      message.skip("v");
    }
    message.exit();
  }
  message.exit();
  return snapshot;
}

UnitSnapshot read_unit_changes(BusMessage& message) {
  message.skip("s");  // the interface, which the match has named
  return read_unit_snapshot(message);
}

}  // namespace klubster
