// What identifies this machine, and which node of a tree it is.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "model/tree.h"

namespace klubster {

// What `klubster hardware` found; what a machine does not have is empty.
struct Hardware {
  std::string machine_id;  // 32 hex digits
  std::string serial;      // of the board or chassis, as the firmware tells it
  std::string product;
  std::string vendor;
  std::vector<std::string> macs;  // lower case with colons
  bool operator==(const Hardware&) const = default;
};

// {"v":1,"machineId","serial","product","vendor","macs"}
Json to_json(const Hardware& hardware);
// BadJson for what to_json() does not write.
Result<Hardware> hardware_from_json(const Json& json);

// The files overlays/node=NAME/match/{mac,serial,machine-id} of a tree: each names machines, the
// first two words or lines may be several; a machine must fit all files of a node.
class MachineMatches {
 public:
  // `kind` is what stands after match/. A later call for the same node and kind replaces. The
  // answer is what is wrong: "expected …, found …".
  std::optional<std::string> add(const std::string& node, std::string_view kind,
                                 std::string_view value, Origin origin);
  void remove(const std::string& node, const std::string& kind);

  bool names(const std::string& node) const { return by_node_.count(node) != 0; }
  bool empty() const { return by_node_.empty(); }
  std::vector<std::string> nodes() const;
  // The nodes that this machine fits, sorted; more than one is a mistake of the tree.
  std::vector<std::string> fitting(const Hardware& hardware) const;
  // Files of one node, for messages.
  std::vector<std::string> files_of(const std::string& node) const;

 private:
  struct Match {
    std::vector<std::string> values;
    Origin origin;
  };
  std::map<std::string, std::map<std::string, Match>> by_node_;  // node -> kind -> match
};

}  // namespace klubster
