// Talking to klubster-peerd over D-Bus (architecture.md, peers.md).
#include "daemon/peering.h"

#include <algorithm>

#include "base/ip_address.h"
#include "base/log.h"
#include "base/names.h"
#include "base/text.h"
#include "linux/files.h"
#include "linux/systemd_units.h"
#include "model/input_value.h"
#include "model/schema.h"

namespace klubster {

namespace {

// Longer than klubster-peerd itself waits for peers that do not answer.
constexpr std::uint64_t kFarewellUsec = 8'000'000;

Json peer_config(const NodeConfig& config, const std::string& machine, const std::string& boot) {
  Json json = Json::object();
  json["v"] = 1;
  json["node"] = config.node;
  json["machine"] = machine;
  json["boot"] = boot;
  json["cluster"]["name"] = config.cluster_name;
  json["cluster"]["id"] = config.cluster_id;
  json["token"] = std::string(trim(config.cluster_token));
  json["tokenNext"] = std::string(trim(config.token_next));
  json["listen"] = config.peering_listen;
  json["discovery"] = config.peering_discovery;
  json["ca"] = config.peering_ca;
  json["certificate"] = config.peering_certificate;
  json["privateKey"] = config.peering_private_key;
  json["modes"] = config.modes;
  json["labels"] = Json::object();
  for (const auto& [key, value] : config.labels)
    json["labels"][key] = value;
  json["members"] = Json::array();
  for (const auto& member : config.members) {
    json["members"].push_back(Json::Object{{"name", member.name},
                                           {"modes", member.modes},
                                           {"address", member.address},
                                           {"key", member.key}});
  }
  return json;
}

// One need of a step for peerd; `facts` are fetched with it. A step may have several:
// "agent/join#1".
Json need_json(const Step& step, std::size_t index, const NeedSpec& wanted) {
  Json need = Json::object();
  need["id"] = step.subject + "#" + std::to_string(index);
  need["phase"] = wanted.phase;
  need["condition"] = wanted.condition;
  const auto number = parse_number(wanted.count, 1000);
  need["count"] = number ? Json(*number) : Json(wanted.count);
  need["facts"] = index == 0 ? Json(step.facts) : Json::array();
  return need;
}

// An address, or the host that members/<name>/address names: nothing that could begin another line
// of a hosts file.
bool is_host(const std::string& text) {
  return is_ip_address(text) || parse_endpoint(text + ":1").has_value();
}

FormingPeer read_forming_peer(JsonReader& reader) {
  FormingPeer peer;
  peer.name = reader.text("name", 64);
  peer.is_member = reader.boolean("member");
  peer.answered = reader.boolean("answered");
  peer.unreachable = reader.boolean("unreachable");
  peer.silent = reader.boolean("silent");
  peer.machine = reader.text_or("machine", "", 128);
  peer.cluster_id = printable(reader.text_or("clusterId", "", 128), 128);
  peer.own_word = reader.boolean("ownWord");
  peer.server_ready = reader.boolean("serverReady");
  reader.object("said", [&](JsonReader& said) { peer.said = read_forming(said); });
  return peer;
}

std::optional<Error> read_trouble(JsonReader& reader, std::string_view key, ErrorKind kind) {
  std::optional<Error> error;
  if (reader.raw(key).is_null()) return error;
  reader.object(key, [&](JsonReader& trouble) {
    const std::string reason = printable(trouble.text("reason"), 64);
    error = Error(kind, reason, printable(trouble.text("message"), 512));
  });
  return error;
}

}  // namespace

Json needs_json(const Plan& plan) {
  Json needs = Json::array();
  std::vector<Step> steps = plan.steps;
  steps.insert(steps.end(), plan.commands.begin(), plan.commands.end());
  for (const auto& step : steps) {
    if (step.skipped) continue;
    for (std::size_t i = 0; i < step.spec.needs.size(); ++i) {
      needs.push_back(need_json(step, i, step.spec.needs[i]));
    }
    // Facts alone: whoever owns them will do.
    if (step.spec.needs.empty() && !step.facts.empty()) {
      needs.push_back(need_json(step, 0, NeedSpec{}));
    }
  }
  return Json::Object{{"needs", std::move(needs)}};
}

Result<PeerNews> parse_news(std::string_view text) {
  auto json = parse_json(text, {.bytes = names::kPeerNewsBytes, .depth = 12});
  if (!json) return json.error();
  JsonReader reader(*json, "answer of klubster-peerd");
  PeerNews news;
  reader.objects("needs", [&](JsonReader& item) {
    const std::string id = item.text("id");
    const std::string subject = id.substr(0, id.find('#'));
    const bool first = news.needs.count(subject) == 0;
    NeedView& view = news.needs[subject];
    const bool satisfied = item.boolean("satisfied");
    const std::string waiting_for = printable(item.text_or("waitingFor", ""), 512);
    view.satisfied = satisfied && (first || view.satisfied);
    if (!satisfied) view.waiting_for += (view.waiting_for.empty() ? "" : "; ") + waiting_for;
    view.away = item.boolean_or("away", false) || view.away;
    item.texts("by");
    item.objects("facts", [&](JsonReader& fact) {
      Fact& kept = news.facts[subject][fact.text("name")];
      kept.value = fact.text("value", names::kPeerNewsBytes);
      kept.sensitive = fact.boolean("sensitive");
      fact.text_or("from", "");
    });
    item.object("problem", [&](JsonReader& problem) {
      view.reason = printable(problem.text("reason"), 64);
      view.message = printable(problem.text_or("message", ""), 512);
      problem.boolean_or("retry", true);
      problem.number_or("retryAfter", 0);
    });
  });
  reader.objects("members", [&](JsonReader& member) {
    auto& addresses = news.addresses[member.text("name")];
    addresses = member.texts("addresses");
    if (!std::ranges::all_of(addresses, is_host)) member.refuse("addresses", "expected addresses");
  });
  reader.objects("forming",
                 [&](JsonReader& peer) { news.forming.push_back(read_forming_peer(peer)); });
  news.conflict = read_trouble(reader, "conflict", ErrorKind::kConflict);
  news.refusal = read_trouble(reader, "refusal", ErrorKind::kInvalid);
  if (auto read = reader.finish(); !read) return read.error();
  return news;
}

void judge_facts(PeerNews& news, const Plan& plan, const Profile& profile) {
  for (auto& [subject, facts] : news.facts) {
    const Step* step = plan.find(subject);
    std::erase_if(facts, [step](const auto& fact) {
      return step == nullptr || !contains(step->facts, fact.first);
    });
    for (const auto& [name, fact] : facts) {
      const InputSpec* known = profile.find_input(name);
      InputSpec input = known == nullptr ? InputSpec{} : *known;
      input.sensitive = input.sensitive || fact.sensitive;
      const auto fits = check_input(input, fact.value);
      if (fits) continue;
      NeedView& need = news.needs[subject];
      need.satisfied = false;
      need.reason = fits.error().reason();
      need.message = name + ", a fact of its peers: " + fits.error().message();
      facts.clear();
      break;
    }
  }
  std::erase_if(news.facts, [](const auto& entry) { return entry.second.empty(); });
}

Peering::Peering(Bus& bus, Places places, std::function<void(PeerNews)> news)
    : bus_(bus), places_(std::move(places)), news_(std::move(news)) {
  owner_changed_ = bus_.match(
      std::string("type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
                  "member='NameOwnerChanged',arg0='") +
          names::kPeersBus + "'",
      "sss", [this](BusMessage message) {
        message.read_string();
        message.read_string();
        if (!message.read_string().empty()) hand_over();
      });
  needs_changed_ = bus_.match(std::string("type='signal',sender='") + names::kPeersBus +
                                  "',interface='" + names::kPeersBus + "',member='NeedsChanged'",
                              "", [this](const BusMessage&) { ask(); });
}

Status Peering::configure(const NodeConfig& config, const std::string& machine,
                          const std::string& boot) {
  if (config.cluster_token.empty()) {
    if (active_) manage_unit("StopUnit");
    active_ = false;
    return {};
  }
  const std::string text = peer_config(config, machine, boot).dump();
  const auto before = read_file(places_.peer_config(), names::kSmallJsonBytes);
  const bool same = before && *before == text;
  if (!same) {
    if (auto written = write_file(places_.peer_config(), text, 0600); !written) return written;
  }
  active_ = true;
  // The same file says nothing of what one that runs was told: its teller may have died before.
  if (auto renewed = renew(text, same ? "StartUnit" : "RestartUnit"); !renewed) return renewed;
  hand_over();  // it may run already; otherwise its name tells when it does
  return {};
}

// One that runs takes it up as it runs, and forgets nothing of what peers said; `otherwise` for one
// that does not, or not yet.
Status Peering::renew(const std::string& text, const std::string& otherwise) {
  auto memory = make_sealed_memory(text);
  if (!memory) return memory.error();
  BusMessage message =
      bus_.method(names::kPeersBus, names::kPeersPath, names::kPeersBus, "Configure");
  message.add_fd(memory->get());
  bus_.call(std::move(message), [this, otherwise](Result<BusMessage> reply) {
    if (reply && reply->signature() == "b" && reply->read_bool()) return;
    const bool is_absent = !reply && reply.error().reason() == "ServiceUnknown";
    if (!reply && !is_absent) log_error(Error(reply.error()).in("klubster-peerd: Configure"));
    if (active_) manage_unit(is_absent ? otherwise : "RestartUnit");
  });
  return {};
}

// One that does not answer keeps nobody from leaving.
void Peering::farewell(std::function<void()> then) {
  if (!active_) return then();
  bus_.call(
      bus_.method(names::kPeersBus, names::kPeersPath, names::kPeersBus, "Farewell"),
      [then = std::move(then)](const Result<BusMessage>&) { then(); }, kFarewellUsec);
}

void Peering::manage_unit(const std::string& job) {
  order_unit_job(bus_, job, names::kPeerUnit, [job](const Result<BusMessage>& reply) {
    if (!reply) log_error(Error(reply.error()).in(job + " of klubster-peerd"));
  });
}

void Peering::call(const std::string& member, const std::function<void(BusMessage&)>& fill) {
  BusMessage message = bus_.method(names::kPeersBus, names::kPeersPath, names::kPeersBus, member);
  fill(message);
  bus_.call(std::move(message), [member](const Result<BusMessage>& reply) {
    // Not there yet, or gone: everything is handed over when its name appears.
    if (reply || reply.error().reason() == "ServiceUnknown") return;
    if (reply.error().reason() == "NameHasNoOwner" || reply.error().reason() == "NoReply") return;
    log_error(Error(reply.error()).in("klubster-peerd: " + member));
  });
}

void Peering::hand_over() {
  send_facts();
  send_needs();
  send_record();
  ask();
}

void Peering::set_needs(const Plan& plan) {
  const std::string text = needs_json(plan).dump();
  if (text == needs_) return;
  needs_ = text;
  send_needs();
}

void Peering::set_facts(const std::map<std::string, Facts>& made) {
  Json shared = Json::array();
  for (const auto& [subject, facts] : made) {
    for (const auto& [name, fact] : facts) {
      if (!fact.share) continue;
      shared.push_back(
          Json::Object{{"name", name}, {"value", fact.value}, {"sensitive", fact.sensitive}});
    }
  }
  const std::string text = Json(Json::Object{{"facts", std::move(shared)}}).dump();
  if (text == facts_) return;
  facts_ = text;
  send_facts();
}

void Peering::publish(const Json& body) {
  const std::string text = body.dump();
  if (text == record_) return;
  record_ = text;
  send_record();
}

void Peering::send_needs() {
  if (!active_ || needs_.empty()) return;
  call("SetNeeds", [this](BusMessage& message) { message.add_string(needs_); });
  ask();
}

// Secrets cross as sealed memory: a message could be seen by a bus monitor.
void Peering::send_facts() {
  if (!active_ || facts_.empty()) return;
  auto memory = make_sealed_memory(facts_);
  if (!memory) return log_error(memory.error());
  call("SetFacts", [&](BusMessage& message) { message.add_fd(memory->get()); });
}

void Peering::send_record() {
  if (!active_ || record_.empty()) return;
  call("Publish", [this](BusMessage& message) { message.add_string(record_); });
}

void Peering::ask() {
  if (!active_) return;
  BusMessage message =
      bus_.method(names::kPeersBus, names::kPeersPath, names::kPeersBus, "GetNeeds");
  bus_.call(std::move(message), [this](Result<BusMessage> reply) {
    if (!reply || reply->signature() != "h") return;
    const UniqueFd memory = reply->read_fd();
    auto text = read_sealed_memory(memory.get(), names::kPeerNewsBytes);
    auto news = text ? parse_news(*text) : Result<PeerNews>(text.error());
    if (!news) return log_error(std::move(news.error()).in("klubster-peerd: GetNeeds"));
    news_(std::move(*news));
  });
}

}  // namespace klubster
