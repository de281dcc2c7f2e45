// Inventories out of what the peers say.
#include "cli/inventory.h"

#include <algorithm>

#include "base/ip_address.h"
#include "base/text.h"
#include "model/node_record.h"
#include "model/profile.h"
#include "model/schema.h"

namespace klubster {

namespace {

// "10.77.0.11:9446", "[fd00::1]:9446" and an address alone; empty when it is a name or nothing.
std::string host_of(const std::string& text) {
  if (is_ip_address(text)) return text;
  const auto endpoint = parse_endpoint(text);
  return endpoint && is_ip_address(endpoint->host) ? endpoint->host : "";
}

std::vector<std::string> addresses_of(const Json& peer) {
  std::vector<std::string> addresses;
  const auto add = [&](const std::string& text) {
    const std::string host = host_of(text);
    if (!host.empty() && std::ranges::count(addresses, host) == 0) addresses.push_back(host);
  };
  add(peer.text_or("address"));
  for (const Json& address : peer.get("record").items("addresses")) {
    if (address.as_string() != nullptr) add(*address.as_string());
  }
  return addresses;
}

std::vector<std::string> modes_of(const Json& peer) {
  std::vector<std::string> modes;
  const auto add = [&](const Json& list, std::string_view key) {
    for (const Json& mode : list.items(key)) {
      if (mode.as_string() != nullptr && is_mode(*mode.as_string()))
        modes.push_back(*mode.as_string());
    }
  };
  add(peer, "modes");
  if (modes.empty()) add(peer.get("record"), "modes");
  return modes;
}

bool is_ready(const Json& record) {
  bool any = false;
  for (const Json& condition : record.items("conditions")) {
    if (condition.text_or("type") != "Ready") continue;
    if (condition.text_or("status") != "True") return false;
    any = true;
  }
  return any;
}

// A variable's name: letters, digits and "_".
std::string variable_of(const std::string& label) {
  std::string name = "klubster_label_";
  for (const char c : label) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    name += plain ? c : '_';
  }
  return name;
}

// In single quotes; Ansible reads such values as shlex does, and the rest of what could end them is
// escaped by printable().
std::string quoted(const std::string& value) {
  std::string text = "'";
  for (const char c : printable(value, 1024))
    text += c == '\'' || c == '{' || c == '}' ? '_' : c;  // no quote, no template
  return text + "'";
}

std::string host_line(const InventoryNode& node) {
  std::string line = node.name;
  if (!node.addresses.empty()) line += " ansible_host=" + node.addresses[0];
  for (const auto& [label, value] : node.labels)
    line += " " + variable_of(label) + "=" + quoted(value);
  return line + "\n";
}

}  // namespace

std::vector<InventoryNode> inventory_of(const Json& peers) {
  std::vector<InventoryNode> nodes;
  for (const Json& peer : peers.items("peers")) {
    InventoryNode node;
    node.name = peer.text_or("name");
    node.seen = peer.text_or("seen");
    if (!is_node_name(node.name) || node.seen == "left") continue;
    const Json& record = peer.get("record");
    node.addresses = addresses_of(peer);
    node.modes = modes_of(peer);
    node.generation = record.number_or("generation");
    node.ready = is_ready(record);
    if (const auto* labels = record.get("labels").as_object()) {
      for (const auto& [label, value] : *labels) {
        if (value.as_string() != nullptr) node.labels[label] = *value.as_string();
      }
    }
    nodes.push_back(std::move(node));
  }
  return nodes;
}

std::string hosts_text(const std::vector<InventoryNode>& nodes) {
  std::string text;
  for (const InventoryNode& node : nodes) {
    if (!node.addresses.empty()) text += node.addresses[0] + " " + node.name + "\n";
  }
  return text;
}

std::string ansible_text(const std::vector<InventoryNode>& nodes) {
  std::string text = "[klubster]\n";
  std::map<std::string, std::vector<std::string>> groups;
  for (const InventoryNode& node : nodes) {
    text += host_line(node);
    for (const std::string& mode : node.modes) {
      std::string group = mode;  // a group's name has no dash
      std::ranges::replace(group, '-', '_');
      groups[group].push_back(node.name);
    }
  }
  for (const auto& [group, names] : groups)
    text += "\n[" + group + "]\n" + join(names, "\n") + "\n";
  return text;
}

Json inventory_json(const std::vector<InventoryNode>& nodes) {
  Json list = Json::array();
  for (const InventoryNode& node : nodes) {
    Json item = Json::object();
    item["name"] = node.name;
    item["modes"] = Json(node.modes);
    item["addresses"] = Json(node.addresses);
    item["labels"] = Json::object();
    for (const auto& [label, value] : node.labels)
      item["labels"][label] = value;
    item["seen"] = node.seen;
    item["generation"] = node.generation;
    item["ready"] = node.ready;
    list.push_back(std::move(item));
  }
  Json json = Json::object();
  json["v"] = 1;
  json["nodes"] = std::move(list);
  return json;
}

}  // namespace klubster
