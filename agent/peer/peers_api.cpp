// Serving org.klubster.Peers1.
#include "peer/peers_api.h"

#include "base/names.h"
#include "linux/files.h"

namespace klubster {

namespace {

constexpr std::size_t kFactsBytes = 2 * 1024 * 1024;
// However much happens among the peers, watchers are woken at most this often.
constexpr std::uint64_t kPeersChangedUsec = 200'000;

}  // namespace

PeersApi::PeersApi(EventLoop& loop, Bus& bus, PeerNode& node)
    : loop_(loop), bus_(bus), node_(node) {
  std::vector<BusMethod> methods = {
      {"Publish", "s", "", false, [this](BusMessage call) { publish(std::move(call)); }},
      {"SetFacts", "h", "", false, [this](BusMessage call) { set_facts(std::move(call)); }},
      {"SetNeeds", "s", "", false, [this](BusMessage call) { set_needs(std::move(call)); }},
      {"GetNeeds", "", "h", false, [this](const BusMessage& call) { get_needs(call); }},
      {"GetPeers", "", "s", true, [this](const BusMessage& call) { get_peers(call); }},
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

void PeersApi::get_needs(const BusMessage& call) {
  const Result<UniqueFd> memory = make_sealed_memory(node_.needs_text());
  if (!memory) return bus_.refuse(call, Error(memory.error()).in("GetNeeds"));
  bus_.reply(call, [&](BusMessage& reply) { reply.add_fd(memory->get()); });
}

void PeersApi::get_peers(const BusMessage& call) {
  bus_.reply(call, [&](BusMessage& reply) { reply.add_string(node_.peers_text()); });
}

}  // namespace klubster
