// The daemon's side of klubster-peerd: its configuration, what it is told, what it answers.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "daemon/facts.h"
#include "daemon/places.h"
#include "engine/forming.h"
#include "engine/plan.h"
#include "engine/reconcile.h"
#include "linux/bus.h"
#include "model/node_config.h"

namespace klubster {

// What peerd says of all needs at once.
struct PeerNews {
  std::map<std::string, NeedView> needs;                      // by subject
  std::map<std::string, Facts> facts;                         // of the satisfied ones
  std::map<std::string, std::vector<std::string>> addresses;  // by member name
  std::vector<FormingPeer> forming = {};                      // of all nodes that it knows of
  std::optional<Error> conflict = {};  // another machine has this node's name or identity
  std::optional<Error> refusal = {};   // klubster-peerd does not take its configuration
};

// Everything here is level-triggered: the newest state is kept and handed over again whenever
// peerd's name appears on the bus.
class Peering {
 public:
  Peering(Bus& bus, Places places, std::function<void(PeerNews)> news);

  // Writes peerd's configuration and starts it; restarts it when the configuration changed. Without
  // a token there are no peers and nothing runs.
  Status configure(const NodeConfig& config, const std::string& machine, const std::string& boot);
  // Calls `then` once peers have heard the goodbye in the record, or a few seconds later.
  void farewell(std::function<void()> then);
  void set_needs(const Plan& plan);
  void set_facts(const std::map<std::string, Facts>& made);
  void publish(const Json& body);

 private:
  Status renew(const std::string& text, const std::string& otherwise);
  void hand_over();
  void send_needs();
  void send_facts();
  void send_record();
  void ask();
  void call(const std::string& member, const std::function<void(BusMessage&)>& fill);
  void manage_unit(const std::string& job);

  Bus& bus_;
  Places places_;
  std::function<void(PeerNews)> news_;
  BusSlot owner_changed_, needs_changed_;
  bool active_ = false;
  std::string needs_, facts_, record_;  // JSON as last set; empty: never
};

// The `needs` of a plan as peerd wants them. Pure.
Json needs_json(const Plan& plan);
// Reads peerd's answer. kInvalid when it is not what the contract says.
Result<PeerNews> parse_news(std::string_view text);
// Leaves the facts that steps of the plan ask for. What another node says is checked as what the
// tree says is: one that its input does not allow is nobody's, and the need says why (BadValue).
void judge_facts(PeerNews& news, const Plan& plan, const Profile& profile);

}  // namespace klubster
