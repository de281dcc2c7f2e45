// One timer, set anew for each request.
#include "linux/loop_timers.h"

namespace klubster {

void LoopTimers::wake_at(std::uint64_t mono_usec, std::function<void()> handler) {
  const std::uint64_t now = now_boottime_usec();
  timer_ = loop_.after(mono_usec > now ? mono_usec - now : 0, std::move(handler));
}

}  // namespace klubster
