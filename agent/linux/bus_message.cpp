// Writing and reading message contents: one exact C type per D-Bus type, decided here once.
#include <fcntl.h>
#include <systemd/sd-bus.h>

#include <stdexcept>

#include "linux/bus.h"

namespace klubster {

namespace {

int demand_message(int code, const char* what) {
  if (code < 0) throw std::runtime_error(std::string("D-Bus message: ") + what);
  return code;
}

void append(sd_bus_message* message, char type, const void* value) {
  demand_message(sd_bus_message_append_basic(message, type, value), "appending");
}

void read(sd_bus_message* message, char type, void* value) {
  if (demand_message(sd_bus_message_read_basic(message, type, value), "reading") == 0) {
    throw std::runtime_error("D-Bus message: ended early");
  }
}

}  // namespace

void BusMessage::Unref::operator()(sd_bus_message* message) const {
  sd_bus_message_unref(message);
}

BusMessage BusMessage::referencing(sd_bus_message* borrowed) {
  return BusMessage(sd_bus_message_ref(borrowed));
}

BusMessage& BusMessage::add_string(const std::string& value) {
  append(get(), 's', value.c_str());
  return *this;
}
BusMessage& BusMessage::add_bool(bool value) {
  const int wide = value ? 1 : 0;  // sd-bus reads an int for "b"
  append(get(), 'b', &wide);
  return *this;
}
BusMessage& BusMessage::add_int32(std::int32_t value) {
  append(get(), 'i', &value);
  return *this;
}
BusMessage& BusMessage::add_uint16(std::uint16_t value) {
  append(get(), 'q', &value);
  return *this;
}
BusMessage& BusMessage::add_uint32(std::uint32_t value) {
  append(get(), 'u', &value);
  return *this;
}
BusMessage& BusMessage::add_uint64(std::uint64_t value) {
  append(get(), 't', &value);
  return *this;
}
BusMessage& BusMessage::add_fd(int fd) {
  append(get(), 'h', &fd);
  return *this;
}
BusMessage& BusMessage::add_bytes(std::string_view bytes) {
  demand_message(sd_bus_message_append_array(get(), 'y', bytes.data(), bytes.size()),
                 "appending bytes");
  return *this;
}
BusMessage& BusMessage::add_strings(const std::vector<std::string>& values) {
  open('a', "s");
  for (const auto& value : values)
    add_string(value);
  return close();
}
BusMessage& BusMessage::open(char type, const char* contents) {
  demand_message(sd_bus_message_open_container(get(), type, contents), "opening a container");
  return *this;
}
BusMessage& BusMessage::close() {
  demand_message(sd_bus_message_close_container(get()), "closing a container");
  return *this;
}

std::string BusMessage::read_string() {
  const char* text = nullptr;
  char type = peek().first;
  if (type != 'o' && type != 'g') type = 's';
  read(get(), type, &text);
  return text;
}
bool BusMessage::read_bool() {
  int wide = 0;
  read(get(), 'b', &wide);
  return wide != 0;
}
std::int32_t BusMessage::read_int32() {
  std::int32_t value = 0;
  read(get(), 'i', &value);
  return value;
}
std::uint16_t BusMessage::read_uint16() {
  std::uint16_t value = 0;
  read(get(), 'q', &value);
  return value;
}
std::uint32_t BusMessage::read_uint32() {
  std::uint32_t value = 0;
  read(get(), 'u', &value);
  return value;
}
std::uint64_t BusMessage::read_uint64() {
  std::uint64_t value = 0;
  read(get(), 't', &value);
  return value;
}
UniqueFd BusMessage::read_fd() {
  int borrowed = -1;
  read(get(), 'h', &borrowed);
  UniqueFd fd(::fcntl(borrowed, F_DUPFD_CLOEXEC, 3));
  if (!fd) throw std::runtime_error("D-Bus message: duplicating a descriptor");
  return fd;
}
std::string BusMessage::read_bytes() {
  const void* data = nullptr;
  std::size_t size = 0;
  demand_message(sd_bus_message_read_array(get(), 'y', &data, &size), "reading bytes");
  return std::string(static_cast<const char*>(data), size);
}
bool BusMessage::enter(char type, const char* contents) {
  return demand_message(sd_bus_message_enter_container(get(), type, contents),
                        "entering a container") > 0;
}
void BusMessage::exit() {
  demand_message(sd_bus_message_exit_container(get()), "leaving a container");
}
void BusMessage::skip(const char* types) {
  demand_message(sd_bus_message_skip(get(), types), "skipping");
}

std::pair<char, std::string> BusMessage::peek() const {
  char type = 0;
  const char* contents = nullptr;
  demand_message(sd_bus_message_peek_type(get(), &type, &contents), "peeking");
  return {type, contents == nullptr ? "" : contents};
}
std::string BusMessage::signature() const {
  const char* text = sd_bus_message_get_signature(get(), 1);
  return text == nullptr ? "" : text;
}
std::string BusMessage::member() const {
  const char* text = sd_bus_message_get_member(get());
  return text == nullptr ? "" : text;
}
std::string BusMessage::sender() const {
  const char* text = sd_bus_message_get_sender(get());
  return text == nullptr ? "" : text;
}
void BusMessage::allow_interaction() {
  demand_message(sd_bus_message_set_allow_interactive_authorization(get(), 1),
                 "allowing interaction");
}
bool BusMessage::allows_interaction() const {
  return sd_bus_message_get_allow_interactive_authorization(get()) > 0;
}

}  // namespace klubster
