// Stands in for a node whose configuration cannot be used: klubsterd hears why, and so does who
// asks `klubster status`. The next configuration starts the program anew.
#pragma once

#include <string>

#include "base/result.h"
#include "linux/bus.h"

namespace klubster {

class RefusedConfig {
 public:
  // `bus` must outlive it.
  RefusedConfig(Bus& bus, std::string node, const Error& error);
  RefusedConfig(const RefusedConfig&) = delete;

 private:
  void get_needs(const BusMessage& call);
  void get_peers(const BusMessage& call);

  Bus& bus_;
  std::string node_, needs_text_;
  BusSlot object_;
};

}  // namespace klubster
