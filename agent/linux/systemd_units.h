// Transient units of systemd over D-Bus: the real UnitRunner.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/ports.h"
#include "linux/bus.h"

namespace klubster {

// Has systemd do `job` ("StartUnit", "StopUnit", "RestartUnit") with a unit that the machine has,
// in the place of what is queued for it. The handler gets the answer as in Bus::call(): that the
// job is queued, not that it is done.
void order_unit_job(Bus& bus, const std::string& job, std::string_view unit,
                    std::function<void(Result<BusMessage>)> handler);

// Facts of systemd 252 that shape this class (library-facts 5.1): a client must Subscribe(); a
// signal means "read the properties again", but for a task's beginning; GetUnit does not load a
// unit, GetAll would; a collected unit is announced by UnitRemoved alone.
class SystemdUnits : public UnitRunner {
 public:
  SystemdUnits(EventLoop& loop, Bus& bus);

  void on_change(std::function<void(const UnitSnapshot&)> handler) override {
    handler_ = std::move(handler);
  }
  void watch(const std::string& unit) override;
  void start(const TransientUnit& unit) override;
  void start_existing(const std::string& unit) override;
  void release(const std::string& unit) override;
  void reboot() override;

  // Whether the machine goes down. A manager that does not answer is taken to be beyond answering.
  void ask_whether_stopping(std::function<void(bool)> handler);

 private:
  struct Watched {
    BusSlot changed, removed;
    bool reading = false;  // a read is under way
    bool dirty = false;    // a signal came meanwhile
    bool releasing = false;
    bool reset = false;     // of one that is released: its failure was taken off it
    int set_aside = 0;      // tries to move what it left running out of its cgroup
    bool starting = false;  // what was read before the start's answer is stale
    bool was_found = false;
    bool was_up = false;  // active when it was read last: its end is announced
    // A task that says nothing of itself: between its start and its end nothing about it changes
    // that matters.
    bool mute = false;
    bool known_to_run = false;       // the handler has seen that it does
    std::uint64_t read_by_usec = 0;  // when it has to be read, should it run that long; 0: it was
  };

  void subscribe();
  void listen(const std::string& unit);
  void listen_for_removal(const std::string& unit, Watched& watched);
  void changed(const std::string& unit, BusMessage message);
  void read_later(Watched& watched);
  void read_overdue();
  // `there`: systemd has just said something of it, or has taken its start.
  void read(const std::string& unit, bool there = false);
  void read_properties(const std::string& unit, const std::string& path);
  void read_system_state(UnitSnapshot snapshot);
  // nullopt: no answer.
  void ask_system_state(std::function<void(const std::optional<std::string>&)> handler,
                        std::uint64_t timeout_usec);
  void arrived(UnitSnapshot snapshot);
  void call_manager(const std::string& member, const std::function<void(BusMessage&)>& fill,
                    std::function<void(Result<BusMessage>)> handler);
  void started(const std::string& unit, const Result<BusMessage>& reply);
  void refuse_start(const std::string& unit, const Error& error);
  void forget(const std::string& unit, Watched& watched);
  void set_aside_processes(const std::string& unit);
  void make_scope(const std::string& unit, const std::vector<std::uint32_t>& pids);

  EventLoop& loop_;
  Bus& bus_;
  std::function<void(const UnitSnapshot&)> handler_;
  std::map<std::string, Watched> watched_;
  std::string systemd_;  // whose answer to a start came last: its name on the bus
  EventSource overdue_;
  BusSlot reloading_;
};

}  // namespace klubster
