// Finding members by mDNS, through a running Avahi (its D-Bus API: /usr/share/dbus-1/interfaces/
// org.freedesktop.Avahi.*.xml). What is found is a hint where to knock: only the certificate makes
// a peer.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "linux/bus.h"
#include "linux/event_loop.h"
#include "peer/config.h"

namespace klubster {

inline constexpr const char* kServiceType = "_klubster._tcp";

struct Announcement {
  std::string node, cluster;
  std::uint16_t port = 0;
};

class Discovery {
 public:
  struct Handlers {
    std::function<void(const std::string&node, const HostPort&address)> found, lost;
  };
  // `only_if_running`: Avahi is used when it runs and never started (peering/discovery = auto).
  // Announces and browses for as long as it lives; Avahi may come and go. All must outlive it.
  Discovery(EventLoop& loop, Bus& bus, Announcement own, bool only_if_running, Handlers handlers);

 private:
  // One service on one interface by one protocol, as Avahi names it.
  using Service = std::tuple<std::int32_t, std::int32_t, std::string, std::string>;
  struct Found {
    std::string node;
    HostPort address;
  };

  void look_for_avahi(bool start_it);
  void begin();
  void end();
  void announce();
  void browse();
  void came(BusMessage& item);
  void went(BusMessage& item);
  void resolve_waiting();
  void resolve(const Service& service);
  void resolved(const Service& service, BusMessage& reply);
  void call(const std::string& path, const std::string& interface, const std::string& member,
            const std::function<void(BusMessage&)>& fill, std::function<void(BusMessage&)> handle);

  EventLoop& loop_;
  Bus& bus_;
  Announcement own_;
  Handlers handlers_;
  std::uint64_t life_ = 0;  // of Avahi, counted: what an earlier one answers means nothing
  std::string group_, browser_;
  std::string suffix_;  // of the announced name, so that two of one name stand beside each other
  std::map<Service, Found> found_;
  std::deque<Service> waiting_;  // to be resolved
  std::size_t resolving_ = 0;
  BusSlot owner_changed_, items_, gone_items_, group_state_, server_state_;
  EventSource again_;
};

// What an announcement of ours says beside name and port, and the way back: the node that such a
// text names for this cluster; empty when it is not ours or not well-formed. Pure.
std::vector<std::string> announcement_texts(const Announcement& announcement);
std::string announced_node(const std::vector<std::string>& texts, const std::string& cluster);

}  // namespace klubster
