// Avahi over D-Bus.
#include "peer/discovery.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

#include "base/digest.h"
#include "base/ip_address.h"
#include "base/log.h"
#include "model/node_record.h"

namespace klubster {

namespace {

constexpr const char* kAvahi = "org.freedesktop.Avahi";
constexpr const char* kServer = "org.freedesktop.Avahi.Server";
constexpr const char* kGroup = "org.freedesktop.Avahi.EntryGroup";
constexpr const char* kBrowser = "org.freedesktop.Avahi.ServiceBrowser";
constexpr const char* kBus = "org.freedesktop.DBus";
// avahi-common/address.h, defs.h.
constexpr std::int32_t kAnyInterface = -1, kAnyProtocol = -1;
constexpr std::uint32_t kResultLocal = 8;
constexpr std::int32_t kServerRunning = 2, kGroupCollision = 3, kGroupFailure = 4;
constexpr std::uint64_t kAgainUsec = 5'000'000;
// Anybody on the network may announce: what is remembered of it has an end.
constexpr std::size_t kMaxFound = 512, kMaxResolving = 64, kMaxTexts = 16, kMaxTextBytes = 255;

std::string rule(const char* interface, const char* member) {
  return std::string("type='signal',sender='") + kAvahi + "',interface='" + interface +
         "',member='" + member + "'";
}

// Addresses that need the name of an interface beside them are of no use to libcurl.
bool is_link_local(const std::string& address) {
  in6_addr v6 = {};
  return ::inet_pton(AF_INET6, address.c_str(), &v6) == 1 && IN6_IS_ADDR_LINKLOCAL(&v6);
}

std::string random_suffix() {
  return to_hex(random_bytes(3));
}

}  // namespace

std::vector<std::string> announcement_texts(const Announcement& announcement) {
  return {"v=1", "node=" + announcement.node, "cluster=" + announcement.cluster};
}

std::string announced_node(const std::vector<std::string>& texts, const std::string& cluster) {
  std::string node;
  bool is_ours = false, is_known = false;
  for (const std::string& text : texts) {
    if (text == "v=1") is_known = true;
    if (text == "cluster=" + cluster) is_ours = true;
    if (text.starts_with("node=")) node = text.substr(5);
  }
  return is_known && is_ours && is_node_name(node) ? node : "";
}

Discovery::Discovery(EventLoop& loop, Bus& bus, Announcement own, bool only_if_running,
                     Handlers handlers)
    : loop_(loop),
      bus_(bus),
      own_(std::move(own)),
      handlers_(std::move(handlers)),
      suffix_(random_suffix()) {
  owner_changed_ = bus_.match(std::string("type='signal',sender='") + kBus +
                                  "',member='NameOwnerChanged',arg0='" + kAvahi + "'",
                              "sss", [this](BusMessage message) {
                                message.skip("ss");
                                const bool is_there = !message.read_string().empty();
                                end();
                                if (is_there) begin();
                              });
  // Before the browser is made: its first news may come before the reply that names it.
  items_ = bus_.match(rule(kBrowser, "ItemNew"), "iisssu", [this](BusMessage item) { came(item); });
  gone_items_ =
      bus_.match(rule(kBrowser, "ItemRemove"), "iisssu", [this](BusMessage item) { went(item); });
  group_state_ = bus_.match(rule(kGroup, "StateChanged"), "is", [this](BusMessage message) {
    const std::int32_t state = message.read_int32();
    if (state != kGroupCollision && state != kGroupFailure) return;
    suffix_ = random_suffix();
    again_ = loop_.after(kAgainUsec, [this] { announce(); });
  });
  server_state_ = bus_.match(rule(kServer, "StateChanged"), "is", [this](BusMessage message) {
    // It has another host name now: what was announced under the old one is gone.
    if (message.read_int32() == kServerRunning) announce();
  });
  look_for_avahi(!only_if_running);
}

void Discovery::call(const std::string& path, const std::string& interface,
                     const std::string& member, const std::function<void(BusMessage&)>& fill,
                     std::function<void(BusMessage&)> handle) {
  BusMessage message = bus_.method(kAvahi, path, interface, member);
  if (fill) fill(message);
  bus_.call(std::move(message),
            [this, member, life = life_, handle = std::move(handle)](Result<BusMessage> reply) {
              if (life != life_) return;
              if (reply) return handle(*reply);
              // A service that is gone before it was resolved is nothing to tell of.
              if (member != "ResolveService")
                log_warning("Avahi: " + member + ": " + reply.error().message());
            });
}

void Discovery::look_for_avahi(bool start_it) {
  BusMessage ask = bus_.method(kBus, "/org/freedesktop/DBus", kBus, "NameHasOwner");
  ask.add_string(kAvahi);
  bus_.call(std::move(ask), [this, start_it](Result<BusMessage> reply) {
    if (reply && reply->read_bool()) {
      if (life_ == 0) begin();
      return;
    }
    if (!start_it) return;
    BusMessage start = bus_.method(kBus, "/org/freedesktop/DBus", kBus, "StartServiceByName");
    start.add_string(kAvahi).add_uint32(0);
    bus_.call(std::move(start), [](const Result<BusMessage>& started) {
      if (started) return;  // its name appears
      log_warning("peering/discovery is mdns, but Avahi does not run: " +
                  started.error().message() + "; install and start avahi-daemon");
    });
  });
}

void Discovery::begin() {
  ++life_;
  announce();
  browse();
}

void Discovery::end() {
  ++life_;
  group_.clear();
  browser_.clear();
  resolving_ = 0;
  waiting_.clear();
  again_.cancel();
  for (const auto& [service, found] : std::exchange(found_, {}))
    handlers_.lost(found.node, found.address);
}

void Discovery::announce() {
  again_.cancel();
  const auto fill = [this](BusMessage& message) {
    message.add_int32(kAnyInterface).add_int32(kAnyProtocol).add_uint32(0);
    message.add_string("klubster " + own_.node + " " + suffix_).add_string(kServiceType);
    message.add_string("").add_string("").add_uint16(own_.port);
    message.open('a', "ay");
    for (const std::string& text : announcement_texts(own_))
      message.add_bytes(text);
    message.close();
  };
  const auto add = [this, fill] {
    call(group_, kGroup, "AddService", fill,
         [this](BusMessage&) { call(group_, kGroup, "Commit", nullptr, [](BusMessage&) {}); });
  };
  if (!group_.empty()) {
    call(group_, kGroup, "Reset", nullptr, [add](BusMessage&) { add(); });
    return;
  }
  call("/", kServer, "EntryGroupNew", nullptr, [this, add](BusMessage& reply) {
    group_ = reply.read_string();
    add();
  });
}

void Discovery::browse() {
  call(
      "/", kServer, "ServiceBrowserNew",
      [](BusMessage& message) {
        message.add_int32(kAnyInterface).add_int32(kAnyProtocol);
        message.add_string(kServiceType).add_string("").add_uint32(0);
      },
      [this](BusMessage& reply) { browser_ = reply.read_string(); });
}

void Discovery::came(BusMessage& item) {
  const std::int32_t interface = item.read_int32(), protocol = item.read_int32();
  const std::string name = item.read_string(), type = item.read_string();
  const std::string domain = item.read_string();
  if (type != kServiceType || (item.read_uint32() & kResultLocal) != 0) return;
  if (found_.size() + resolving_ + waiting_.size() >= kMaxFound) return;
  waiting_.push_back({interface, protocol, name, domain});
  resolve_waiting();
}

// A large cluster is announced in one go, and nothing is announced twice.
void Discovery::resolve_waiting() {
  while (resolving_ < kMaxResolving && !waiting_.empty()) {
    const Service next = std::move(waiting_.front());
    waiting_.pop_front();
    resolve(next);
  }
}

void Discovery::resolve(const Service& service) {
  ++resolving_;
  BusMessage message = bus_.method(kAvahi, "/", kServer, "ResolveService");
  const auto& [interface, protocol, name, domain] = service;
  message.add_int32(interface).add_int32(protocol).add_string(name).add_string(kServiceType);
  message.add_string(domain).add_int32(protocol).add_uint32(0);
  bus_.call(std::move(message), [this, service, life = life_](Result<BusMessage> reply) {
    if (life != life_) return;
    --resolving_;
    if (reply && reply->signature() == "iissssisqaayu") resolved(service, *reply);
    resolve_waiting();
  });
}

void Discovery::resolved(const Service& service, BusMessage& reply) {
  reply.skip("iissssi");
  const std::string address = reply.read_string();
  const std::uint16_t port = reply.read_uint16();
  std::vector<std::string> texts;
  if (reply.enter('a', "ay")) {
    while (texts.size() < kMaxTexts && reply.peek().first == 'a') {
      texts.push_back(reply.read_bytes());
      if (texts.back().size() > kMaxTextBytes) return;
    }
  }
  const std::string node = announced_node(texts, own_.cluster);
  if (node.empty() || node == own_.node || port == 0) return;
  if (!is_ip_address(address) || is_link_local(address)) return;
  const Found found{node, {address, port}};
  found_[service] = found;
  handlers_.found(found.node, found.address);
}

void Discovery::went(BusMessage& item) {
  const std::int32_t interface = item.read_int32(), protocol = item.read_int32();
  const std::string name = item.read_string();
  item.skip("s");
  const Service service{interface, protocol, name, item.read_string()};
  std::erase(waiting_, service);
  const auto found = found_.find(service);
  if (found == found_.end()) return;
  const Found gone = found->second;
  found_.erase(found);
  // Another interface may lead to the same place.
  const bool is_there = std::any_of(found_.begin(), found_.end(), [&](const auto& entry) {
    return entry.second.node == gone.node && to_text(entry.second.address) == to_text(gone.address);
  });
  if (!is_there) handlers_.lost(gone.node, gone.address);
}

}  // namespace klubster
