// The machine's hostname, through systemd-hostnamed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "linux/bus.h"
#include "linux/event_loop.h"

namespace klubster {

// klubsterd has a UTS namespace of its own (ProtectHostname=): gethostname() would tell it what the
// name was at its start, and it could not change it.
class Hostname {
 public:
  // `changed` is called from the loop when waits() or problem() answer something else.
  Hostname(EventLoop& loop, Bus& bus, std::function<void()> changed);

  // The hostname that the machine must have before a step begins; empty: any. Asking for the
  // same again does nothing, but that what failed is tried at once.
  void want(const std::string& name);

  // What is waited for ("the hostname n1"); empty: nothing.
  std::string waits() const;
  // Reason HostnameRefused while the last try failed; the next one comes by itself.
  const std::optional<Error>& problem() const { return problem_; }

 private:
  // A call to hostnamed; answers that come after the wish has changed are dropped.
  void call(BusMessage message, std::function<void(Result<BusMessage>)> answer);
  void look();
  void set(const char* method);
  void verify();
  void read(std::function<void(Result<std::string>)> answer);
  void finish();
  void fail(const std::string& what);

  EventLoop& loop_;
  Bus& bus_;
  std::function<void()> changed_;
  std::string wanted_;
  bool settled_ = true;
  std::uint64_t wish_ = 0;  // counts want()
  std::uint64_t pause_usec_ = 0;
  std::optional<Error> problem_;
  EventSource again_;
};

}  // namespace klubster
