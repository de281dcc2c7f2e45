// Writing and reading what a node says of its cluster's forming.
#include "model/record_forming.h"

namespace klubster {

namespace {

constexpr std::size_t kNodeNameBytes = 64, kIdBytes = 128;

void put(Json& json, const char* key, const std::string& text) {
  if (!text.empty()) json[key] = text;
}

}  // namespace

Json to_json(const RecordForming& forming) {
  Json json = Json::object();
  put(json, "id", forming.id);
  put(json, "servers", forming.servers);
  put(json, "seeks", forming.seeks);
  if (!forming.promise.to.empty()) {
    Json& promise = json["promise"];
    promise["to"] = forming.promise.to;
    promise["seeks"] = forming.promise.seeks;
    promise["servers"] = forming.promise.servers;
  }
  put(json, "turn", forming.turn);
  put(json, "admits", forming.admits);
  return json;
}

RecordForming read_forming(JsonReader& reader) {
  RecordForming forming;
  forming.id = reader.text_or("id", "", kIdBytes);
  forming.servers = reader.text_or("servers", "", kIdBytes);
  forming.seeks = reader.text_or("seeks", "", kIdBytes);
  if (!reader.raw("promise").is_null()) {
    reader.object("promise", [&](JsonReader& promise) {
      forming.promise.to = promise.text("to", kNodeNameBytes);
      forming.promise.seeks = promise.text("seeks", kIdBytes);
      forming.promise.servers = promise.text("servers", kIdBytes);
    });
  }
  forming.turn = reader.text_or("turn", "", kNodeNameBytes);
  forming.admits = reader.text_or("admits", "", kNodeNameBytes);
  return forming;
}

}  // namespace klubster
