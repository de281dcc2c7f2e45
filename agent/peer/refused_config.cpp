// org.klubster.Peers1 of a node that has no peers.
#include "peer/refused_config.h"

#include "base/json.h"
#include "base/names.h"
#include "linux/files.h"

namespace klubster {

RefusedConfig::RefusedConfig(Bus& bus, std::string node, const Error& error)
    : bus_(bus), node_(std::move(node)) {
  Json needs = Json::object();
  needs["needs"] = Json::array();
  needs["members"] = Json::array();
  needs["forming"] = Json::array();
  needs["refusal"]["reason"] = error.reason();
  needs["refusal"]["message"] = error.message();
  needs_text_ = needs.dump();
  const auto taken = [this](const BusMessage& call, const BusCaller&) {
    bus_.reply(call, [](BusMessage&) {});
  };
  const auto anew = [this](const BusMessage& call, const BusCaller&) {
    bus_.reply(call, [](BusMessage& reply) { reply.add_bool(false); });
  };
  const auto refused = [this, error](const BusMessage& call, const BusCaller&) {
    bus_.refuse(call, error);
  };
  const Access root = Access::for_root();
  std::vector<BusMethod> methods = {
      {"Configure", "h", "b", root, anew},
      {"Publish", "s", "", root, taken},
      {"SetFacts", "h", "", root, taken},
      {"SetNeeds", "s", "", root, taken},
      {"GetNeeds", "", "h", root,
       [this](const BusMessage& call, const BusCaller&) { get_needs(call); }},
      {"Replace", "s", "s", root, refused},
      {"Farewell", "", "", root, taken},
      {"GetPeers", "", "s", Access::for_everybody(),
       [this](const BusMessage& call, const BusCaller&) { get_peers(call); }},
  };
  object_ = bus_.serve(names::kPeersPath, names::kPeersBus, std::move(methods),
                       {{"NeedsChanged", ""}, {"PeersChanged", ""}});
}

void RefusedConfig::get_needs(const BusMessage& call) {
  const Result<UniqueFd> memory = make_sealed_memory(needs_text_);
  if (!memory) return bus_.refuse(call, Error(memory.error()).in("GetNeeds"));
  bus_.reply(call, [&](BusMessage& reply) { reply.add_fd(memory->get()); });
}

void RefusedConfig::get_peers(const BusMessage& call) {
  Json json = Json::object();
  json["self"] = node_;
  json["peers"] = Json::array();
  json["refused"] = Json::array();
  bus_.reply(call, [&](BusMessage& reply) { reply.add_string(json.dump()); });
}

}  // namespace klubster
