// Asking hostnamed, setting, asking again (org.freedesktop.hostname1(5)).
#include "daemon/hostname.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"

namespace klubster {

namespace {

constexpr const char* kHostnamed = "org.freedesktop.hostname1";
constexpr const char* kHostnamedPath = "/org/freedesktop/hostname1";
constexpr std::uint64_t kShortestPauseUsec = 1'000'000;
constexpr std::uint64_t kLongestPauseUsec = 60'000'000;

}  // namespace

Hostname::Hostname(EventLoop& loop, Bus& bus, std::function<void()> changed)
    : loop_(loop), bus_(bus), changed_(std::move(changed)) {}

void Hostname::want(const std::string& name) {
  if (name == wanted_ && !problem_) return;
  wanted_ = name;
  ++wish_;
  again_.cancel();
  problem_.reset();
  pause_usec_ = 0;
  settled_ = wanted_.empty();
  if (!settled_) look();
}

std::string Hostname::waits() const {
  return settled_ ? "" : "the machine's hostname to become " + wanted_;
}

void Hostname::call(BusMessage message, std::function<void(Result<BusMessage>)> answer) {
  bus_.call(std::move(message), [this, wish = wish_, answer = std::move(answer)](auto reply) {
    if (wish == wish_) answer(std::move(reply));
  });
}

void Hostname::read(std::function<void(Result<std::string>)> answer) {
  BusMessage message =
      bus_.method(kHostnamed, kHostnamedPath, "org.freedesktop.DBus.Properties", "Get");
  message.add_string(kHostnamed).add_string("Hostname");
  call(std::move(message), [answer = std::move(answer)](Result<BusMessage> reply) {
    if (!reply) return answer(reply.error());
    if (reply->signature() != "v" || !reply->enter('v', "s")) {
      return answer(Error(ErrorKind::kInvalid, "BadValue", "it is not a text"));
    }
    answer(reply->read_string());
  });
}

void Hostname::look() {
  read([this](Result<std::string> present) {
    if (!present) return fail("asking for the hostname: " + present.error().message());
    if (*present == wanted_) return finish();
    log_info("the machine's hostname becomes " + wanted_ + ", it was " + printable(*present, 80));
    set("SetStaticHostname");
  });
}

// Where /etc is read-only (NixOS) the static name is refused: the transient one serves until the
// next boot, and then it is set again.
void Hostname::set(const char* method) {
  const bool is_static = method == std::string("SetStaticHostname");
  BusMessage message = bus_.method(kHostnamed, kHostnamedPath, kHostnamed, method);
  message.add_string(wanted_).add_bool(false);  // nobody is there to type a password
  call(std::move(message), [this, method, is_static](const Result<BusMessage>& reply) {
    if (reply) return verify();
    if (is_static) return set("SetHostname");
    fail(std::string(method) + ": " + reply.error().message());
  });
}

void Hostname::verify() {
  read([this](Result<std::string> present) {
    if (!present) return fail("asking for the hostname: " + present.error().message());
    if (*present == wanted_) return finish();
    fail("it was set, and is still " + printable(*present, 80));
  });
}

void Hostname::finish() {
  settled_ = true;
  problem_.reset();
  changed_();
}

void Hostname::fail(const std::string& what) {
  problem_ = Error(ErrorKind::kUnavailable, "HostnameRefused",
                   "making " + wanted_ + " the machine's hostname: " + what);
  pause_usec_ =
      pause_usec_ == 0 ? kShortestPauseUsec : std::min(pause_usec_ * 2, kLongestPauseUsec);
  again_ = loop_.after(pause_usec_, [this] { look(); });
  changed_();
}

}  // namespace klubster
