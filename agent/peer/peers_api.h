// D-Bus org.klubster.Peers1: how klubsterd and `klubster peers` talk to klubster-peerd.
#pragma once

#include <string>

#include "base/result.h"
#include "linux/bus.h"
#include "linux/event_loop.h"
#include "peer/node.h"

namespace klubster {

// Publish, SetFacts, SetNeeds, GetNeeds are for root alone, GetPeers for everybody. Facts cross as
// sealed memory, since a bus monitor sees messages.
class PeersApi {
 public:
  // Both must outlive this.
  PeersApi(EventLoop& loop, Bus& bus, PeerNode& node);

 private:
  void publish(BusMessage call);
  void set_facts(BusMessage call);
  void set_needs(BusMessage call);
  void get_needs(const BusMessage& call);
  void get_peers(const BusMessage& call);
  void tell_peers_changed();

  EventLoop& loop_;
  Bus& bus_;
  PeerNode& node_;
  BusSlot object_;
  EventSource peers_changed_;
};

}  // namespace klubster
