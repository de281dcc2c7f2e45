// Serving org.klubster.Peers1.
#include "peer/peers_api.h"

#include "base/names.h"
#include "linux/files.h"

namespace klubster {

namespace {

constexpr std::size_t kConfigBytes = 1024 * 1024;
constexpr std::size_t kFactsBytes = 2 * 1024 * 1024;
// However much happens among the peers, watchers are woken at most this often.
constexpr std::uint64_t kPeersChangedUsec = 200'000;

}  // namespace

PeersApi::PeersApi(EventLoop& loop, Bus& bus, PeerNode& node)
    : loop_(loop), bus_(bus), node_(node) {
  const auto by = [this](void (PeersApi::*method)(BusMessage)) {
    return [this, method](BusMessage call, const BusCaller&) { (this->*method)(std::move(call)); };
  };
  const Access root = Access::for_root();
  std::vector<BusMethod> methods = {
      {"Configure", "h", "b", root, by(&PeersApi::configure)},
      {"Publish", "s", "", root, by(&PeersApi::publish)},
      {"SetFacts", "h", "", root, by(&PeersApi::set_facts)},
      {"SetNeeds", "s", "", root, by(&PeersApi::set_needs)},
      {"GetNeeds", "", "h", root, by(&PeersApi::get_needs)},
      {"Replace", "s", "s", root, by(&PeersApi::replace)},
      {"Farewell", "", "", root, by(&PeersApi::farewell)},
      {"GetPeers", "", "s", Access::for_everybody(), by(&PeersApi::get_peers)},
  };
  object_ = bus_.serve(names::kPeersPath, names::kPeersBus, std::move(methods),
                       {{"NeedsChanged", ""}, {"PeersChanged", ""}});
  node_.on_needs_changed([this] {
    bus_.emit(names::kPeersPath, names::kPeersBus, "NeedsChanged", [](BusMessage&) {});
  });
  node_.on_peers_changed([this] { tell_peers_changed(); });
}

void PeersApi::tell_peers_changed() {
  if (peers_changed_) return;
  peers_changed_ = loop_.after(kPeersChangedUsec, [this] {
    peers_changed_.cancel();
    bus_.emit(names::kPeersPath, names::kPeersBus, "PeersChanged", [](BusMessage&) {});
  });
}

// The answer says whether that was possible; otherwise the daemon starts this program anew.
void PeersApi::configure(BusMessage call) {
  const UniqueFd memory = call.read_fd();
  const Result<std::string> text = read_sealed_memory(memory.get(), kConfigBytes);
  if (!text) return bus_.refuse(call, Error(text.error()).in("Configure"));
  Result<PeerConfig> config = parse_peer_config(*text);
  if (!config) return bus_.refuse(call, std::move(config).error().in("Configure"));
  const Result<bool> taken_up = node_.reconfigure(*std::move(config));
  // What is wrong with it is told among the needs; peers go on under the old one.
  bus_.reply(call, [&](BusMessage& reply) { reply.add_bool(taken_up ? *taken_up : true); });
}

void PeersApi::publish(BusMessage call) {
  const Result<Json> json = parse_json(call.read_string());
  if (!json) return bus_.refuse(call, Error(json.error()).in("Publish"));
  Result<RecordBody> body = record_body_from_json(*json);
  if (!body) return bus_.refuse(call, std::move(body).error().in("Publish"));
  node_.publish(*std::move(body));
  bus_.reply(call, [](BusMessage&) {});
}

void PeersApi::set_facts(BusMessage call) {
  const UniqueFd memory = call.read_fd();
  const Result<std::string> text = read_sealed_memory(memory.get(), kFactsBytes);
  if (!text) return bus_.refuse(call, Error(text.error()).in("SetFacts"));
  Result<std::vector<SharedFact>> facts = shared_facts_from_json(*text);
  if (!facts) return bus_.refuse(call, std::move(facts).error().in("SetFacts"));
  node_.set_facts(*std::move(facts));
  bus_.reply(call, [](BusMessage&) {});
}

void PeersApi::set_needs(BusMessage call) {
  Result<std::vector<Need>> needs = needs_from_json(call.read_string());
  if (!needs) return bus_.refuse(call, std::move(needs).error().in("SetNeeds"));
  node_.set_needs(*std::move(needs));
  bus_.reply(call, [](BusMessage&) {});
}

void PeersApi::get_needs(BusMessage call) {
  const Result<UniqueFd> memory = make_sealed_memory(node_.newest_needs_text());
  if (!memory) return bus_.refuse(call, Error(memory.error()).in("GetNeeds"));
  bus_.reply(call, [&](BusMessage& reply) { reply.add_fd(memory->get()); });
}

void PeersApi::replace(BusMessage call) {
  const Result<Json> said = node_.replace(call.read_string());
  if (!said) return bus_.refuse(call, said.error());
  bus_.reply(call, [&](BusMessage& reply) { reply.add_string(said->dump()); });
}

void PeersApi::farewell(BusMessage call) {
  const auto kept = std::make_shared<BusMessage>(std::move(call));
  node_.farewell([this, kept] { bus_.reply(*kept, [](BusMessage&) {}); });
}

void PeersApi::get_peers(BusMessage call) {
  bus_.reply(call, [&](BusMessage& reply) { reply.add_string(node_.peers_text()); });
}

}  // namespace klubster
