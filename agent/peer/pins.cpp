// Pins on disk.
#include "peer/pins.h"

#include "base/digest.h"
#include "base/json.h"
#include "base/log.h"
#include "linux/files.h"
#include "model/node_record.h"

namespace klubster {

namespace {

constexpr std::size_t kMaxPinsBytes = 4 * 1024 * 1024;

Result<std::map<std::string, Pin, std::less<>>> parse_pins(std::string_view text) {
  Result<Json> json = parse_json(text, {.bytes = kMaxPinsBytes, .depth = 8});
  if (!json) return std::move(json).error();
  JsonReader reader(*json, "pins");
  std::map<std::string, Pin, std::less<>> pins;
  if (reader.number("v") != 1) reader.refuse("v", "expected 1");
  reader.objects("pins", [&](JsonReader& item) {
    const Result<std::string> key = from_base64(item.text("key", 256));
    if (!key) item.refuse("key", "expected base64");
    pins[item.text("name", 64)] = {key ? *key : "", item.text("machine", 128),
                                   item.number_or("left", 0, kMaxIncarnation)};
  });
  if (Status status = reader.finish(); !status) return std::move(status).error();
  return pins;
}

}  // namespace

Result<Pins> Pins::load(const std::string& state_dir) {
  Pins pins(state_dir + "/pins.json");
  if (!exists(pins.path_)) return pins;
  const Result<std::string> text = read_file(pins.path_, kMaxPinsBytes);
  if (!text) return Error(text.error()).in("loading the peers' keys");
  auto parsed = parse_pins(*text);
  if (parsed) {
    pins.pins_ = *std::move(parsed);
    return pins;
  }
  log_warning(pins.path_ + " is damaged, kept as pins.json.damaged: keys of peers are pinned anew");
  if (Status moved = rename_durably(pins.path_, pins.path_ + ".damaged"); !moved) {
    return std::move(moved).error();
  }
  return pins;
}

const Pin* Pins::find(std::string_view name) const {
  const auto found = pins_.find(name);
  return found == pins_.end() ? nullptr : &found->second;
}

Status Pins::set(const std::string& name, Pin pin) {
  pins_[name] = std::move(pin);
  Json json = Json::object();
  json["v"] = 1;
  json["pins"] = Json::array();
  for (const auto& [pinned, its] : pins_) {
    Json item = Json::object();
    item["name"] = pinned;
    item["key"] = to_base64(its.key);
    item["machine"] = its.machine;
    if (its.left > 0) item["left"] = its.left;
    json["pins"].push_back(std::move(item));
  }
  return write_file_durably(path_, json.dump() + "\n", 0600).in("remembering the key of " + name);
}

}  // namespace klubster
