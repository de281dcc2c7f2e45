// The event loop over sd-event.
#include "linux/event_loop.h"

#include <systemd/sd-event.h>

#include <csignal>
#include <ctime>
#include <exception>
#include <stdexcept>

namespace klubster {

namespace {

// One loop per program: what its handlers threw.
std::exception_ptr& thrown() {
  static std::exception_ptr current;
  return current;
}

template <typename Handler>
struct Closure {
  Handler handler;
  sd_event* event;  // the loop outlives its sources

  static void destroy(void* data) { delete static_cast<Closure*>(data); }
};

using PlainClosure = Closure<std::function<void()>>;
using IoClosure = Closure<std::function<void(std::uint32_t)>>;

// Returning anything but 0 from an sd-event handler would silently switch its source off.
int on_plain(sd_event_source*, void* data) {
  const auto* closure = static_cast<PlainClosure*>(data);
  guard_handler(closure->event, closure->handler);
  return 0;
}

int on_time(sd_event_source* source, std::uint64_t, void* data) {
  return on_plain(source, data);
}

int on_signal_info(sd_event_source* source, const signalfd_siginfo*, void* data) {
  return on_plain(source, data);
}

int on_descriptor(sd_event_source*, int, std::uint32_t revents, void* data) {
  const auto* closure = static_cast<IoClosure*>(data);
  guard_handler(closure->event, [&] { closure->handler(revents); });
  return 0;
}

void demand_event(int code, const char* what) {
  if (code < 0) throw std::runtime_error(std::string("sd-event: ") + what);
}

// Gives the closure to the source: it is freed with it, not before a running handler returns.
template <typename C>
EventSource adopt(sd_event_source* source, C* closure) {
  demand_event(sd_event_source_set_destroy_callback(source, &C::destroy), "set_destroy_callback");
  (void)closure;  // now owned by `source`
  return EventSource(source);
}

std::uint64_t clock_usec(clockid_t clock) {
  timespec now = {};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

}  // namespace

void guard_handler(sd_event* event, const std::function<void()>& body) noexcept {
  try {
    body();
  } catch (...) {
    if (!thrown()) thrown() = std::current_exception();
    (void)sd_event_exit(event, 1);  // run() is about to throw: nothing else could be done
  }
}

std::uint64_t now_boottime_usec() {
  return clock_usec(CLOCK_BOOTTIME);
}
std::uint64_t now_wall_usec() {
  return clock_usec(CLOCK_REALTIME);
}

void EventSource::Disable::operator()(sd_event_source* source) const {
  sd_event_source_disable_unref(source);
}

void EventSource::rearm(std::uint64_t delay_usec) {
  demand_event(sd_event_source_set_time_relative(source_.get(), delay_usec), "set_time_relative");
  demand_event(sd_event_source_set_enabled(source_.get(), SD_EVENT_ONESHOT), "set_enabled");
}

void EventSource::watch(std::uint32_t epoll_events) {
  demand_event(sd_event_source_set_io_events(source_.get(), epoll_events), "set_io_events");
}

void EventLoop::Unref::operator()(sd_event* event) const {
  sd_event_unref(event);
}

Result<EventLoop> EventLoop::create() {
  sd_event* event = nullptr;
  if (const int code = sd_event_new(&event); code < 0) {
    return system_error("making the event loop", -code);
  }
  return EventLoop(event);
}

int EventLoop::run() {
  const int code = sd_event_loop(event_.get());
  if (thrown()) std::rethrow_exception(std::exchange(thrown(), nullptr));
  demand_event(code, "loop");
  return code;
}

void EventLoop::run_until(const std::function<bool()>& done) {
  while (!done()) {
    demand_event(sd_event_run(event_.get(), UINT64_MAX), "run");
    if (thrown()) std::rethrow_exception(std::exchange(thrown(), nullptr));
  }
}

void EventLoop::exit(int code) {
  demand_event(sd_event_exit(event_.get(), code), "exit");
}

EventSource EventLoop::on_io(int fd, std::uint32_t epoll_events,
                             std::function<void(std::uint32_t)> handler) {
  auto closure = std::make_unique<IoClosure>(IoClosure{std::move(handler), event_.get()});
  sd_event_source* source = nullptr;
  demand_event(
      sd_event_add_io(event_.get(), &source, fd, epoll_events, on_descriptor, closure.get()),
      "add_io");
  return adopt(source, closure.release());
}

EventSource EventLoop::after(std::uint64_t delay_usec, std::function<void()> handler) {
  auto closure = std::make_unique<PlainClosure>(PlainClosure{std::move(handler), event_.get()});
  sd_event_source* source = nullptr;
  demand_event(sd_event_add_time_relative(event_.get(), &source, CLOCK_BOOTTIME, delay_usec, 1000,
                                          on_time, closure.get()),
               "add_time");
  return adopt(source, closure.release());
}

EventSource EventLoop::soon(std::function<void()> handler) {
  auto closure = std::make_unique<PlainClosure>(PlainClosure{std::move(handler), event_.get()});
  sd_event_source* source = nullptr;
  demand_event(sd_event_add_defer(event_.get(), &source, on_plain, closure.get()), "add_defer");
  return adopt(source, closure.release());
}

EventSource EventLoop::on_signal(int signal, std::function<void()> handler) {
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, signal);
  demand_event(::sigprocmask(SIG_BLOCK, &mask, nullptr), "blocking a signal");
  auto closure = std::make_unique<PlainClosure>(PlainClosure{std::move(handler), event_.get()});
  sd_event_source* source = nullptr;
  demand_event(sd_event_add_signal(event_.get(), &source, signal, on_signal_info, closure.get()),
               "add_signal");
  return adopt(source, closure.release());
}

void EventLoop::feed_watchdog() {
  demand_event(sd_event_set_watchdog(event_.get(), 1), "set_watchdog");
}

}  // namespace klubster
