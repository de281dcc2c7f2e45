// The one event loop of a program, over sd-event: descriptors, timers, signals, deferred work.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"

struct sd_event;
struct sd_event_source;

namespace klubster {

// A registration with the loop; it ends when this handle does. A handler may destroy its own
// handle: the closure belongs to the C object and lives until the handler has returned.
class EventSource {
 public:
  EventSource() = default;
  explicit EventSource(sd_event_source* source) : source_(source) {}

  explicit operator bool() const { return source_ != nullptr; }
  void cancel() { source_.reset(); }
  // For timers: fire (again) this long from now.
  void rearm(std::uint64_t delay_usec);
  // For descriptors: which of EPOLLIN, EPOLLOUT to wait for.
  void watch(std::uint32_t epoll_events);

 private:
  struct Disable {
    void operator()(sd_event_source* source) const;
  };
  std::unique_ptr<sd_event_source, Disable> source_;
};

// No exception crosses a C frame: a handler's exception ends the loop and run() throws it again, so
// that the program exits and systemd starts it anew. Handlers cannot fail the loop otherwise.
class EventLoop {
 public:
  static Result<EventLoop> create();

  // Until exit() is called. Returns its code; throws what a handler threw.
  int run();
  void exit(int code);
  // Turns the loop until `done` says so, asked after each event: for a program that waits for one
  // answer. Throws what a handler threw.
  void run_until(const std::function<bool()>& done);

  // `epoll_events`: EPOLLIN, EPOLLOUT. The descriptor stays the caller's and must outlive the
  // source.
  EventSource on_io(int fd, std::uint32_t epoll_events, std::function<void(std::uint32_t)> handler);
  // Once, `delay_usec` from now, by the monotonic clock; rearm() makes it fire again.
  EventSource after(std::uint64_t delay_usec, std::function<void()> handler);
  // Once, as soon as the present handler has returned.
  EventSource soon(std::function<void()> handler);
  // The signal must be blocked: this blocks it.
  EventSource on_signal(int signal, std::function<void()> handler);
  // Answers systemd's watchdog when the unit has one (WATCHDOG_USEC).
  void feed_watchdog();

  sd_event* get() const { return event_.get(); }

 private:
  struct Unref {
    void operator()(sd_event* event) const;
  };
  explicit EventLoop(sd_event* event) : event_(event) {}
  std::unique_ptr<sd_event, Unref> event_;
};

// Runs `body`; remembers what it throws for the loop's run() and asks the loop to exit. For the C
// trampolines of linux/ and http/.
void guard_handler(sd_event* event, const std::function<void()>& body) noexcept;

// CLOCK_MONOTONIC would stop in suspend: CLOCK_BOOTTIME, in microseconds.
std::uint64_t now_boottime_usec();
// Wall clock, microseconds since 1970.
std::uint64_t now_wall_usec();

}  // namespace klubster
