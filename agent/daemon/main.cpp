// klubsterd: the per-node agent.
#include <csignal>
#include <cstdio>
#include <exception>

#include "base/digest.h"
#include "base/log.h"
#include "daemon/agent.h"
#include "daemon/api.h"
#include "linux/environment.h"
#include "linux/event_loop.h"
#include "linux/journal.h"
#include "linux/notify.h"

namespace klubster {

namespace {

constexpr int kExitFailed = 1;
constexpr int kExitFixInput = 78;

int fail(const Error& error) {
  log_error(error);
  return error.reason() == "LogTooNew" ? kExitFixInput : kExitFailed;
}

int run() {
  auto loop = EventLoop::create();
  if (!loop) return fail(loop.error());
  auto bus = Bus::open_system(*loop);
  if (!bus) return fail(bus.error());
  const EventSource on_term = loop->on_signal(SIGTERM, [&] { loop->exit(0); });
  const EventSource on_interrupt = loop->on_signal(SIGINT, [&] { loop->exit(0); });
  auto agent = Agent::create(*loop, *bus, Places{});
  if (!agent) return fail(agent.error());
  const EventSource on_hangup = loop->on_signal(SIGHUP, [&] { (*agent)->reload(); });
  auto api = serve_agent(*bus, **agent);
  if (!api) return fail(api.error());
  loop->feed_watchdog();
  (*agent)->start();
  notify("READY=1");
  return loop->run();
}

}  // namespace

}  // namespace klubster

int main() {
  klubster::clear_environment();
  klubster::log_to_journal_if_connected();
  klubster::start_crypto();
  try {
    return klubster::run();
  } catch (const std::exception& error) {
    // The log and systemd hold everything: a new start adopts what runs.
    klubster::log(klubster::LogLevel::kError, error.what());
    return 1;
  }
}
