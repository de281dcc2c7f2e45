// D-Bus over sd-bus, asynchronous and typed: no varargs, no synchronous call, no C lifetime to
// mind.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "linux/bus_access.h"
#include "linux/event_loop.h"
#include "linux/files.h"

struct sd_bus;
struct sd_bus_message;
struct sd_bus_slot;

namespace klubster {

// A message being written or read. Writing and reading throw on misuse (a wrong type order is a
// bug); what a peer sent is checked first by signature() or enter().
class BusMessage {
 public:
  BusMessage() = default;
  explicit BusMessage(sd_bus_message* owned) : message_(owned) {}
  static BusMessage referencing(sd_bus_message* borrowed);
  explicit operator bool() const { return message_ != nullptr; }
  sd_bus_message* get() const { return message_.get(); }

  // Appending, one name per D-Bus type.
  BusMessage& add_string(const std::string& value);                 // s
  BusMessage& add_bool(bool value);                                 // b
  BusMessage& add_int32(std::int32_t value);                        // i
  BusMessage& add_uint16(std::uint16_t value);                      // q
  BusMessage& add_uint32(std::uint32_t value);                      // u
  BusMessage& add_uint64(std::uint64_t value);                      // t
  BusMessage& add_fd(int fd);                                       // h; duplicated
  BusMessage& add_bytes(std::string_view bytes);                    // ay
  BusMessage& add_strings(const std::vector<std::string>& values);  // as
  // type: 'a' array, 'r' struct, 'v' variant, 'e' dictionary entry.
  BusMessage& open(char type, const char* contents);
  BusMessage& close();

  // Reading, in order. The texts are copies.
  std::string read_string();  // s, o or g
  bool read_bool();
  std::int32_t read_int32();
  std::uint16_t read_uint16();
  std::uint32_t read_uint32();
  std::uint64_t read_uint64();
  UniqueFd read_fd();        // duplicated
  std::string read_bytes();  // ay
  // False at the end of the enclosing array.
  bool enter(char type, const char* contents);
  void exit();
  void skip(const char* types);
  // Type and contents of the next value: {'v', "s"}; {0, ""} at the end.
  std::pair<char, std::string> peek() const;
  std::string signature() const;
  std::string member() const;
  std::string sender() const;  // the unique name, ":1.42"
  // Whether a person may be asked before it is answered (polkit).
  void allow_interaction();
  bool allows_interaction() const;

 private:
  struct Unref {
    void operator()(sd_bus_message* message) const;
  };
  std::unique_ptr<sd_bus_message, Unref> message_;
};

// A match, an exported object or a pending call; it ends when this handle does.
class BusSlot {
 public:
  BusSlot() = default;
  explicit BusSlot(sd_bus_slot* slot) : slot_(slot) {}
  explicit operator bool() const { return slot_ != nullptr; }

 private:
  struct Unref {
    void operator()(sd_bus_slot* slot) const;
  };
  std::unique_ptr<sd_bus_slot, Unref> slot_;
};

struct BusMethod {
  std::string name;
  std::string takes;    // signature of the arguments
  std::string returns;  // signature of the reply
  Access access;
  // Called once the caller's right is proven; the caller of a method for everybody is not asked
  // for. Answers by Bus::reply or Bus::refuse, later if it must.
  std::function<void(BusMessage call, const BusCaller& caller)> handle;
};

// Read by everybody, written by nobody, announced by Bus::properties_changed.
struct BusProperty {
  std::string name;
  std::string type;
  std::function<void(BusMessage& into)> add;  // appends the present value
};

struct BusSignal {
  std::string name;
  std::string carries;
};

class Bus {
 public:
  // kUnavailable when there is no bus. Losing the bus ends the program with
  // code 1: restart and adopt.
  static Result<Bus> open_system(EventLoop& loop);
  // The bus of DBUS_SESSION_BUS_ADDRESS or $XDG_RUNTIME_DIR/bus, for tests and user managers.
  static Result<Bus> open_user(EventLoop& loop);

  BusMessage method(const std::string& destination, const std::string& path,
                    const std::string& interface, const std::string& member);
  // The reply or an error: reason is the last word of the D-Bus error name ("NoSuchUnit",
  // "UnitExists", "ServiceUnknown"), our own names ("org.klubster.Error.X") likewise. The handler
  // is called once, from the loop, unless the bus goes first.
  void call(BusMessage message, std::function<void(Result<BusMessage>)> handler,
            std::uint64_t timeout_usec = 25'000'000);

  // `rule` as in D-Bus ("type='signal',…"). AddMatch is sent at once, so a method sent afterwards
  // cannot lose its signals (library-facts 5.1). `contents` is the signature of those signals: one
  // with another signature is dropped. Anybody may address a signal to this connection, and whose
  // name the rule's sender is, sd-bus leaves to the bus, which passes on what is addressed: what a
  // signal says is a reason to ask, not an answer.
  BusSlot match(const std::string& rule, const std::string& contents,
                std::function<void(BusMessage)> handler);

  // Exports one interface at `path`. From then on the Bus must stay where it is.
  BusSlot serve(const std::string& path, const std::string& interface,
                std::vector<BusMethod> methods, std::vector<BusSignal> signals,
                std::vector<BusProperty> properties = {});
  // kConflict when somebody else has the name.
  Status own_name(const std::string& name);
  // `calls` sees the message to fill in.
  void reply(const BusMessage& call, const std::function<void(BusMessage&)>& fill);
  void refuse(const BusMessage& call, const Error& error);
  void emit(const std::string& path, const std::string& interface, const std::string& member,
            const std::function<void(BusMessage&)>& fill);

  // org.freedesktop.DBus.Properties.PropertiesChanged of these, with their present values.
  void properties_changed(const std::string& path, const std::string& interface,
                          std::vector<std::string> names);

  // "n1.service" -> "/org/…/unit/n1_2eservice"
  static std::string encode_path(const std::string& prefix, const std::string& name);

 private:
  struct Close {
    void operator()(sd_bus* bus) const;
  };
  explicit Bus(sd_bus* bus) : bus_(bus) {}
  static Result<Bus> attach(sd_bus* bus, EventLoop& loop);
  std::unique_ptr<sd_bus, Close> bus_;
};

}  // namespace klubster
