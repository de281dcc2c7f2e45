// The engine's wake-up call, on the event loop.
#pragma once

#include "engine/ports.h"
#include "linux/event_loop.h"

namespace klubster {

class LoopTimers : public Timers {
 public:
  explicit LoopTimers(EventLoop& loop) : loop_(loop) {}

  void wake_at(std::uint64_t mono_usec, std::function<void()> handler) override;
  void cancel() override { timer_.cancel(); }
  std::uint64_t now_mono_usec() const override { return now_boottime_usec(); }

 private:
  EventLoop& loop_;
  EventSource timer_;
};

}  // namespace klubster
