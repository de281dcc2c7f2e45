// The connection: calls, matches, names, replies. Message contents are in bus_message.cpp.
#include "linux/bus.h"

#include <systemd/sd-bus.h>

#include <cerrno>
#include <map>
#include <stdexcept>

#include "base/names.h"

namespace klubster {

namespace {

void demand(int code, const char* what) {
  if (code < 0) throw std::runtime_error(std::string("sd-bus: ") + what);
}

sd_event* loop_of(sd_bus_message* message) {
  return sd_bus_get_event(sd_bus_message_get_bus(message));
}

// The last word of an error name: "org.freedesktop.systemd1.NoSuchUnit" -> "NoSuchUnit".
Error error_of(const sd_bus_error* error) {
  const std::string name = error->name == nullptr ? "" : error->name;
  const auto dot = name.rfind('.');
  return Error(ErrorKind::kUnavailable, dot == std::string::npos ? name : name.substr(dot + 1),
               error->message == nullptr ? name : error->message);
}

struct CallClosure {
  std::function<void(Result<BusMessage>)> handler;
  static void destroy(void* data) { delete static_cast<CallClosure*>(data); }
};

struct MatchClosure {
  std::string contents;
  std::function<void(BusMessage)> handler;
  static void destroy(void* data) { delete static_cast<MatchClosure*>(data); }
};

struct ObjectClosure {
  Bus* bus;
  std::vector<BusMethod> methods;
  std::vector<BusSignal> signals;
  std::vector<BusProperty> properties;
  std::vector<sd_bus_vtable> vtable;
  static void destroy(void* data) { delete static_cast<ObjectClosure*>(data); }
};

int on_reply(sd_bus_message* message, void* data, sd_bus_error*) {
  const auto* closure = static_cast<CallClosure*>(data);
  guard_handler(loop_of(message), [&] {
    if (const sd_bus_error* error = sd_bus_message_get_error(message)) {
      closure->handler(error_of(error));
    } else {
      closure->handler(BusMessage::referencing(message));
    }
  });
  return 0;
}

// A non-zero return would keep later handlers of the same signal from seeing it.
int on_match(sd_bus_message* message, void* data, sd_bus_error*) {
  const auto* closure = static_cast<MatchClosure*>(data);
  guard_handler(loop_of(message), [&] {
    BusMessage signal = BusMessage::referencing(message);
    if (signal.signature() == closure->contents) closure->handler(std::move(signal));
  });
  return 0;
}

// Without an install callback a failed AddMatch would tear the whole connection down.
int on_match_installed(sd_bus_message*, void*, sd_bus_error*) {
  return 0;
}

// The answer to "may they?" comes later; by then the object may be gone, so the handler is copied.
void call_method(Bus& bus, const BusMethod& method, sd_bus_message* message) {
  // std::function wants to be copied, a message does not.
  const auto call = std::make_shared<BusMessage>(BusMessage::referencing(message));
  const CallOrigin origin{call->sender(), call->allows_interaction()};
  const auto proceed = [&bus, call, handle = method.handle](const Result<BusCaller>& caller) {
    if (!caller) return bus.refuse(*call, caller.error());
    handle(std::move(*call), *caller);
  };
  check_access(bus, origin, method.access, proceed);
}

int on_method(sd_bus_message* message, void* data, sd_bus_error*) {
  const auto* closure = static_cast<ObjectClosure*>(data);
  const std::string name = sd_bus_message_get_member(message);
  guard_handler(loop_of(message), [&] {
    for (const auto& method : closure->methods) {
      if (method.name == name) return call_method(*closure->bus, method, message);
    }
  });
  return 1;
}

int on_property(sd_bus* bus, const char*, const char*, const char* name, sd_bus_message* reply,
                void* data, sd_bus_error*) {
  const auto* closure = static_cast<ObjectClosure*>(data);
  guard_handler(sd_bus_get_event(bus), [&] {
    BusMessage into = BusMessage::referencing(reply);
    for (const auto& property : closure->properties) {
      if (property.name == name) return property.add(into);
    }
  });
  return 1;
}

}  // namespace

void BusSlot::Unref::operator()(sd_bus_slot* slot) const {
  sd_bus_slot_unref(slot);
}

void Bus::Close::operator()(sd_bus* bus) const {
  sd_bus_flush_close_unref(bus);
}

Result<Bus> Bus::attach(sd_bus* bus, EventLoop& loop) {
  Bus made(bus);
  demand(sd_bus_attach_event(bus, loop.get(), SD_EVENT_PRIORITY_NORMAL), "attach_event");
  // Noticed by sd-bus itself: by then the connection has left the loop, so that a handler of ours
  // could not end it.
  demand(sd_bus_set_exit_on_disconnect(bus, 1), "set_exit_on_disconnect");
  return made;
}

Result<Bus> Bus::open_system(EventLoop& loop) {
  sd_bus* bus = nullptr;
  if (const int code = sd_bus_open_system(&bus); code < 0) {
    return Error(ErrorKind::kUnavailable, "AgentUnreachable",
                 system_error("connecting to the system bus", -code).message());
  }
  return attach(bus, loop);
}

Result<Bus> Bus::open_user(EventLoop& loop) {
  sd_bus* bus = nullptr;
  if (const int code = sd_bus_open_user(&bus); code < 0) {
    return Error(ErrorKind::kUnavailable, "AgentUnreachable",
                 system_error("connecting to the user bus", -code).message());
  }
  return attach(bus, loop);
}

BusMessage Bus::method(const std::string& destination, const std::string& path,
                       const std::string& interface, const std::string& member) {
  sd_bus_message* message = nullptr;
  demand(sd_bus_message_new_method_call(bus_.get(), &message, destination.c_str(), path.c_str(),
                                        interface.c_str(), member.c_str()),
         "new_method_call");
  return BusMessage(message);
}

void Bus::call(BusMessage message, std::function<void(Result<BusMessage>)> handler,
               std::uint64_t timeout_usec) {
  auto closure = std::make_unique<CallClosure>(CallClosure{std::move(handler)});
  sd_bus_slot* slot = nullptr;
  demand(sd_bus_call_async(bus_.get(), &slot, message.get(), on_reply, closure.get(), timeout_usec),
         "call_async");
  // Floating: the bus keeps the pending call and frees the closure with it.
  demand(sd_bus_slot_set_destroy_callback(slot, &CallClosure::destroy), "set_destroy_callback");
  (void)closure.release();
  demand(sd_bus_slot_set_floating(slot, 1), "set_floating");
  sd_bus_slot_unref(slot);
}

BusSlot Bus::match(const std::string& rule, const std::string& contents,
                   std::function<void(BusMessage)> handler) {
  auto closure = std::make_unique<MatchClosure>(MatchClosure{contents, std::move(handler)});
  sd_bus_slot* slot = nullptr;
  demand(sd_bus_add_match_async(bus_.get(), &slot, rule.c_str(), on_match, on_match_installed,
                                closure.get()),
         "add_match");
  demand(sd_bus_slot_set_destroy_callback(slot, &MatchClosure::destroy), "set_destroy_callback");
  (void)closure.release();
  return BusSlot(slot);
}

BusSlot Bus::serve(const std::string& path, const std::string& interface,
                   std::vector<BusMethod> methods, std::vector<BusSignal> signals,
                   std::vector<BusProperty> properties) {
  auto closure = std::make_unique<ObjectClosure>();
  closure->bus = this;
  closure->methods = std::move(methods);
  closure->signals = std::move(signals);
  closure->properties = std::move(properties);
  // sd-bus keeps pointers into the names and into this table: both live in the closure.
  const sd_bus_vtable start = SD_BUS_VTABLE_START(0);
  closure->vtable.push_back(start);
  for (const auto& method : closure->methods) {
    // "Unprivileged" to sd-bus, which would ask for rights synchronously: we ask (bus_access.h).
    const sd_bus_vtable row =
        SD_BUS_METHOD(method.name.c_str(), method.takes.c_str(), method.returns.c_str(), on_method,
                      SD_BUS_VTABLE_UNPRIVILEGED);
    closure->vtable.push_back(row);
  }
  for (const auto& property : closure->properties) {
    const sd_bus_vtable row = SD_BUS_PROPERTY(property.name.c_str(), property.type.c_str(),
                                              on_property, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE);
    closure->vtable.push_back(row);
  }
  for (const auto& signal : closure->signals) {
    const sd_bus_vtable row = SD_BUS_SIGNAL(signal.name.c_str(), signal.carries.c_str(), 0);
    closure->vtable.push_back(row);
  }
  const sd_bus_vtable end = SD_BUS_VTABLE_END;
  closure->vtable.push_back(end);

  sd_bus_slot* slot = nullptr;
  demand(sd_bus_add_object_vtable(bus_.get(), &slot, path.c_str(), interface.c_str(),
                                  closure->vtable.data(), closure.get()),
         "add_object_vtable");
  demand(sd_bus_slot_set_destroy_callback(slot, &ObjectClosure::destroy), "set_destroy_callback");
  (void)closure.release();
  return BusSlot(slot);
}

Status Bus::own_name(const std::string& name) {
  const int code = sd_bus_request_name(bus_.get(), name.c_str(), 0);
  if (code == -EEXIST || code == -EALREADY) {
    return Error(ErrorKind::kConflict, "AlreadyRunning",
                 "another process has the bus name " + name);
  }
  if (code < 0) return system_error("asking for the bus name " + name, -code);
  return {};
}

void Bus::reply(const BusMessage& call, const std::function<void(BusMessage&)>& fill) {
  sd_bus_message* message = nullptr;
  demand(sd_bus_message_new_method_return(call.get(), &message), "new_method_return");
  BusMessage answer(message);
  fill(answer);
  (void)sd_bus_send(bus_.get(), message, nullptr);  // the caller may be gone
}

void Bus::refuse(const BusMessage& call, const Error& error) {
  const std::string name = std::string(names::kBusErrorPrefix) + error.reason();
  const std::string message = error.message();
  const sd_bus_error answer = SD_BUS_ERROR_MAKE_CONST(name.c_str(), message.c_str());
  (void)sd_bus_reply_method_error(call.get(), &answer);  // the caller may be gone
}

void Bus::emit(const std::string& path, const std::string& interface, const std::string& member,
               const std::function<void(BusMessage&)>& fill) {
  sd_bus_message* message = nullptr;
  demand(sd_bus_message_new_signal(bus_.get(), &message, path.c_str(), interface.c_str(),
                                   member.c_str()),
         "new_signal");
  BusMessage signal(message);
  fill(signal);
  (void)sd_bus_send(bus_.get(), message, nullptr);  // a lost bus ends the program (attach())
}

void Bus::properties_changed(const std::string& path, const std::string& interface,
                             std::vector<std::string> names) {
  if (names.empty()) return;
  std::vector<char*> list;
  for (auto& name : names)
    list.push_back(name.data());
  list.push_back(nullptr);
  demand(
      sd_bus_emit_properties_changed_strv(bus_.get(), path.c_str(), interface.c_str(), list.data()),
      "emit_properties_changed");
}

std::string Bus::encode_path(const std::string& prefix, const std::string& name) {
  char* path = nullptr;
  demand(sd_bus_path_encode(prefix.c_str(), name.c_str(), &path), "path_encode");
  const std::unique_ptr<char, void (*)(void*)> owned(path, ::free);
  return path;
}

}  // namespace klubster
