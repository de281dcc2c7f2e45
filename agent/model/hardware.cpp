// Machines and the nodes that they are.
#include "model/hardware.h"

#include <algorithm>

#include "base/text.h"

namespace klubster {

namespace {

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

// "52-54-00-AB-CD-EF" is "52:54:00:ab:cd:ef".
std::string as_mac(std::string_view text) {
  std::string mac = lower(text);
  std::ranges::replace(mac, '-', ':');
  return mac;
}

bool is_mac(std::string_view mac) {
  const auto parts = split(mac, ':');
  return parts.size() == 6 && std::ranges::all_of(parts, [](const std::string& part) {
           return part.size() == 2 && is_hex(part);
         });
}

// What the file's text names, each in the form in which Hardware has it.
std::vector<std::string> values_of(std::string_view kind, std::string_view text) {
  std::vector<std::string> values;
  if (kind == "serial") {  // may have spaces
    for (const auto& line : split(text, '\n')) {
      if (!trim(line).empty()) values.emplace_back(trim(line));
    }
    return values;
  }
  for (const auto& word : words(text))
    values.push_back(kind == "mac" ? as_mac(word) : lower(word));
  return values;
}

bool fits(const std::string& kind, const std::vector<std::string>& values,
          const Hardware& hardware) {
  const auto is_one_of = [&](const std::string& own) {
    return !own.empty() && std::ranges::count(values, own) != 0;
  };
  if (kind == "mac") return std::ranges::any_of(hardware.macs, is_one_of);
  return is_one_of(kind == "serial" ? hardware.serial : hardware.machine_id);
}

}  // namespace

Json to_json(const Hardware& hardware) {
  Json json;
  json["v"] = 1;
  json["machineId"] = hardware.machine_id;
  json["serial"] = hardware.serial;
  json["product"] = hardware.product;
  json["vendor"] = hardware.vendor;
  json["macs"] = hardware.macs;
  return json;
}

Result<Hardware> hardware_from_json(const Json& json) {
  JsonReader reader(json, "hardware facts");
  Hardware hardware;
  if (const auto version = reader.number("v"); version != 1) {
    reader.refuse("v", "expected 1, found " + std::to_string(version));
  }
  hardware.machine_id = reader.text("machineId");
  hardware.serial = reader.text("serial");
  hardware.product = reader.text("product");
  hardware.vendor = reader.text("vendor");
  hardware.macs = reader.texts("macs");
  if (const auto read = reader.finish(); !read) return read.error();
  return hardware;
}

std::optional<std::string> MachineMatches::add(const std::string& node, std::string_view kind,
                                               std::string_view value, Origin origin) {
  if (kind != "mac" && kind != "serial" && kind != "machine-id") {
    return "expected match/mac, match/serial or match/machine-id, found match/" +
           printable(kind, 80);
  }
  auto values = values_of(kind, value);
  if (values.empty()) return "expected what names the machine, found an empty file";
  for (const auto& one : values) {
    if (kind == "mac" && !is_mac(one)) {
      return "expected MAC addresses such as 52:54:00:12:34:56, found `" + printable(one, 80) + "`";
    }
    if (kind == "machine-id" && (one.size() != 32 || !is_hex(one))) {
      return "expected a machine id of 32 hex digits, as in /etc/machine-id, found `" +
             printable(one, 80) + "`";
    }
  }
  by_node_[node][std::string(kind)] = {std::move(values), std::move(origin)};
  return std::nullopt;
}

void MachineMatches::remove(const std::string& node, const std::string& kind) {
  const auto found = by_node_.find(node);
  if (found == by_node_.end()) return;
  found->second.erase(kind);
  if (found->second.empty()) by_node_.erase(found);
}

std::vector<std::string> MachineMatches::nodes() const {
  std::vector<std::string> names;
  for (const auto& [node, matches] : by_node_)
    names.push_back(node);
  return names;
}

std::vector<std::string> MachineMatches::fitting(const Hardware& hardware) const {
  std::vector<std::string> found;
  for (const auto& [node, matches] : by_node_) {
    const bool all = std::ranges::all_of(matches, [&](const auto& match) {
      return fits(match.first, match.second.values, hardware);
    });
    if (all) found.push_back(node);
  }
  return found;
}

std::vector<std::string> MachineMatches::files_of(const std::string& node) const {
  std::vector<std::string> files;
  const auto found = by_node_.find(node);
  if (found == by_node_.end()) return files;
  for (const auto& [kind, match] : found->second)
    files.push_back(match.origin.file);
  return files;
}

}  // namespace klubster
