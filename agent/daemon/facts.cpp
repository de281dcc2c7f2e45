// One file per subject and kind: facts/server.etcd.made.json.
#include "daemon/facts.h"

#include "base/digest.h"
#include "base/log.h"
#include "base/text.h"
#include "linux/files.h"

namespace klubster {

namespace {

constexpr std::size_t kFactsBytes = 1024 * 1024;

Result<Facts> parse_facts(const std::string& bytes) {
  auto json = parse_json(bytes, {.bytes = kFactsBytes, .depth = 8});
  if (!json) return json.error();
  JsonReader reader(*json, "kept facts");
  Facts facts;
  reader.objects("facts", [&](JsonReader& item) {
    const std::string name = item.text("name");
    Fact& fact = facts[name];
    fact.value = item.text("value", kFactsBytes);
    fact.sensitive = item.boolean("sensitive");
    fact.share = item.boolean("share");
  });
  if (auto read = reader.finish(); !read) return read.error();
  return facts;
}

}  // namespace

Json digests_of(const Facts& facts) {
  Json digests = Json::object();
  for (const auto& [name, fact] : facts)
    digests[name] = sha256_hex(fact.value);
  return digests;
}

void FactStore::load() {
  auto names = list_directory(directory_);
  if (!names) return log_error(names.error());
  for (const auto& name : *names)
    load(name);
}

void FactStore::load(const std::string& name) {
  const auto parts = split(name, '.');
  if (parts.size() != 4 || parts[3] != "json") return;
  const std::string subject = parts[0] + "/" + parts[1];
  auto bytes = read_file(directory_ + "/" + name, kFactsBytes);
  auto facts = bytes ? parse_facts(*bytes) : Result<Facts>(bytes.error());
  if (!facts) return log_error(std::move(facts.error()).in(directory_ + "/" + name));
  (parts[2] == "made" ? made_ : received_)[subject] = std::move(*facts);
}

Status FactStore::keep_made(const std::string& subject, Facts facts) {
  if (auto kept = keep("made", subject, facts); !kept) return kept;
  made_[subject] = std::move(facts);
  return {};
}

Status FactStore::keep_received(const std::string& subject, Facts facts) {
  if (auto kept = keep("received", subject, facts); !kept) return kept;
  received_[subject] = std::move(facts);
  return {};
}

Status FactStore::keep(const char* kind, const std::string& subject, const Facts& facts) const {
  Json document = Json::object();
  document["facts"] = Json::array();
  for (const auto& [name, fact] : facts) {
    document["facts"].push_back(Json::Object{{"name", name},
                                             {"value", fact.value},
                                             {"sensitive", fact.sensitive},
                                             {"share", fact.share}});
  }
  std::string name = subject;
  name.replace(name.find('/'), 1, ".");
  return write_file_durably(directory_ + "/" + name + "." + kind + ".json", document.dump(), 0600);
}

}  // namespace klubster
