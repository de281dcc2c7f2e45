// The nodes of a cluster as other programs list them. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"

namespace klubster {

struct InventoryNode {
  std::string name;
  std::vector<std::string> modes;
  std::vector<std::string> addresses;  // the one to call first
  std::map<std::string, std::string> labels;
  std::string seen;
  std::uint64_t generation = 0;
  bool ready = false;  // all of its phases
};

// Out of Peers1.GetPeers: everybody but who left. Other machines said much of it: names, addresses
// and modes that do not have their form are left out.
std::vector<InventoryNode> inventory_of(const Json& peers);

// A line "ADDRESS NAME" for each node that has an address, hosts(5).
std::string hosts_text(const std::vector<InventoryNode>& nodes);
// INI: a group for each mode, and `klubster` with all. Labels are variables klubster_label_….
std::string ansible_text(const std::vector<InventoryNode>& nodes);
Json inventory_json(const std::vector<InventoryNode>& nodes);

}  // namespace klubster
