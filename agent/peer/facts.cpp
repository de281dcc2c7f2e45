// Facts: reading, describing, keeping.
#include "peer/facts.h"

#include <algorithm>

#include "base/digest.h"
#include "model/environment.h"

namespace klubster {

namespace {

constexpr std::size_t kMaxValueBytes = 32 * 1024;
constexpr std::size_t kMaxFacts = 256;
constexpr std::size_t kMaxFactsBytes = 2 * 1024 * 1024;

SharedFact read_fact(JsonReader& reader) {
  SharedFact fact{.name = reader.text("name", 128),
                  .value = reader.text("value", kMaxValueBytes),
                  .sensitive = reader.boolean_or("sensitive", false)};
  if (!is_variable_name(fact.name))
    reader.refuse("name", "expected a fact's name such as SERVER_URL");
  return fact;
}

}  // namespace

Result<std::vector<SharedFact>> shared_facts_from_json(std::string_view text) {
  Result<Json> json = parse_json(text, {.bytes = kMaxFactsBytes, .depth = 8});
  if (!json) return std::move(json).error().in("facts");
  JsonReader reader(*json, "facts");
  std::vector<SharedFact> facts;
  reader.objects("facts", [&](JsonReader& item) {
    if (facts.size() == kMaxFacts) return item.refuse("name", "one fact too many");
    facts.push_back(read_fact(item));
  });
  if (Status status = reader.finish(); !status) return std::move(status).error();
  return facts;
}

Json to_json(const SharedFact& fact) {
  Json json = Json::object();
  json["v"] = 1;
  json["name"] = fact.name;
  json["value"] = fact.value;
  json["sensitive"] = fact.sensitive;
  return json;
}

Result<SharedFact> shared_fact_from_json(std::string_view text) {
  Result<Json> json = parse_json(text, {.bytes = 8 * kMaxValueBytes, .depth = 4});
  if (!json) return std::move(json).error();
  JsonReader reader(*json, "fact");
  if (reader.number("v") != 1) reader.refuse("v", "expected 1");
  SharedFact fact = read_fact(reader);
  if (Status status = reader.finish(); !status) return std::move(status).error();
  return fact;
}

std::string fact_digest_key(std::string_view token_secret) {
  return hkdf_sha256(token_secret, "klubster", "fact digest v1", 32);
}

RecordFact describe_fact(const SharedFact& fact, std::string_view digest_key) {
  const std::string digest =
      fact.sensitive ? to_hex(hkdf_sha256(fact.value, digest_key, "klubster fact " + fact.name, 32))
                     : sha256_hex(fact.value);
  return {fact.name, digest, fact.sensitive};
}

const SharedFact* FetchedFacts::find(const FactSource& source) const {
  const auto found = values_.find({source.owner, source.name});
  if (found == values_.end() || found->second.sha256 != source.sha256) return nullptr;
  return &found->second.fact;
}

void FetchedFacts::put(const FactSource& source, SharedFact fact) {
  values_[{source.owner, source.name}] = {source.sha256, std::move(fact)};
}

void FetchedFacts::keep_only(const std::vector<FactSource>& sources) {
  std::erase_if(values_, [&](const auto& entry) {
    return !has_source(sources, entry.first.first, entry.first.second);
  });
}

}  // namespace klubster
