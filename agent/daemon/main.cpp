// klubsterd: the per-node agent.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>

#include "base/digest.h"
#include "base/exit_code.h"
#include "base/log.h"
#include "daemon/agent.h"
#include "daemon/api.h"
#include "linux/environment.h"
#include "linux/event_loop.h"
#include "linux/journal.h"
#include "linux/machine.h"
#include "linux/notify.h"

namespace klubster {

namespace {

int fail(const Error& error) {
  log_error(error);
  return error.reason() == "LogTooNew" ? kExitFixInput : kExitFailed;
}

// A disk that is full or read-only may be mended: how long until it is looked at again.
constexpr std::uint64_t kFirstPauseUsec = 2'000'000;
constexpr std::uint64_t kLongestPauseUsec = 16'000'000;

// Looks now and then whether the state can be written again; then the loop is over.
class StateWatch {
 public:
  StateWatch(EventLoop& loop, std::uint64_t pause_usec) : loop_(loop), pause_usec_(pause_usec) {
    arm();
  }
  bool mended() const { return mended_; }

 private:
  void arm() {
    timer_ = loop_.after(pause_usec_, [this] {
      const auto boot = boot_id();
      mended_ = boot && try_state(Places{}, *boot).has_value();
      if (mended_) return loop_.exit(0);
      pause_usec_ = std::min(2 * pause_usec_, kLongestPauseUsec);
      arm();
    });
  }

  EventLoop& loop_;
  std::uint64_t pause_usec_;
  bool mended_ = false;
  EventSource timer_;
};

// Returns the exit code; nothing: the state can be written again, and all begins anew. `ending`
// becomes true once klubsterd was told to end.
std::optional<int> run(const std::optional<Error>& refused, std::uint64_t pause_usec,
                       bool& ending) {
  auto loop = EventLoop::create();
  if (!loop) return fail(loop.error());
  auto bus = Bus::open_system(*loop);
  if (!bus) return fail(bus.error());
  const EventSource on_interrupt = loop->on_signal(SIGINT, [&] { loop->exit(0); });
  auto agent = Agent::create(*loop, *bus, Places{}, refused);
  if (!agent) return fail(agent.error());
  const EventSource on_term = loop->on_signal(SIGTERM, [&] {
    ending = true;
    (*agent)->stop([&] { loop->exit(0); });
  });
  const EventSource on_hangup = loop->on_signal(SIGHUP, [&] { (*agent)->reload(); });
  auto api = AgentApi::create(*bus, **agent);
  if (!api) return fail(api.error());
  loop->feed_watchdog();
  (*agent)->start();
  notify("READY=1");
  std::optional<StateWatch> watch;
  if ((*agent)->standstill()) watch.emplace(*loop, pause_usec);
  const int code = loop->run();
  if (watch && watch->mended() && !ending) {
    log_info("the state can be written again");
    return std::nullopt;
  }
  return code;
}

// Until it is over for good. What the disk refuses does not end the process, which would come back
// to the same disk twice a second: it looks, tells and waits for the mend.
int run_on() {
  std::optional<Error> refused;
  std::uint64_t pause_usec = kFirstPauseUsec;
  bool ending = false;
  while (true) {
    try {
      if (const auto code = run(refused, pause_usec, ending)) return *code;
      refused.reset();
    } catch (const StoreRefused& lost) {
      // Longer each time: a disk that can be opened may refuse each write.
      pause_usec = std::min(2 * pause_usec, kLongestPauseUsec);
      refused = state_unusable(lost.why);
      log_error(*refused);
      // Nobody says SIGTERM twice: a new start would only be waited for, and killed.
      if (ending) return 0;
    }
  }
}

}  // namespace

}  // namespace klubster

int main() {
  klubster::clear_environment();
  klubster::log_to_journal_if_connected();
  klubster::start_crypto();
  try {
    return klubster::run_on();
  } catch (const std::exception& error) {
    // The log and systemd hold everything: a new start adopts what runs.
    klubster::log(klubster::LogLevel::kError, error.what());
    return klubster::kExitFailed;
  }
}
