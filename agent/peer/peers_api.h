// D-Bus org.klubster.Peers1: how klubsterd and `klubster peers` talk to klubster-peerd.
#pragma once

#include <string>

#include "base/result.h"
#include "linux/bus.h"
#include "linux/event_loop.h"
#include "peer/node.h"

namespace klubster {

// GetPeers is for everybody, all else for root alone. Facts cross as
// sealed memory, since a bus monitor sees messages.
class PeersApi {
 public:
  // Both must outlive this.
  PeersApi(EventLoop& loop, Bus& bus, PeerNode& node);

 private:
  void configure(BusMessage call);
  void publish(BusMessage call);
  void set_facts(BusMessage call);
  void set_needs(BusMessage call);
  void get_needs(BusMessage call);
  void replace(BusMessage call);
  void farewell(BusMessage call);
  void get_peers(BusMessage call);
  void tell_peers_changed();

  EventLoop& loop_;
  Bus& bus_;
  PeerNode& node_;
  BusSlot object_;
  EventSource peers_changed_;
};

}  // namespace klubster
