// One file per subject and kind: facts/server.etcd.made.json.
#include "daemon/facts.h"

#include "base/digest.h"
#include "base/text.h"
#include "linux/files.h"
#include "model/node_config.h"

namespace klubster {

namespace {

constexpr std::size_t kFactsBytes = 1024 * 1024;

Result<Facts> parse_facts(const std::string& bytes) {
  auto json = parse_json(bytes, {.bytes = kFactsBytes, .depth = 8});
  if (!json) return json.error();
  // A bit that flips in a value leaves sound JSON. What was kept before there were digests has
  // none.
  const std::string digest = json->text_or("sha256");
  if (!digest.empty() && digest != sha256_hex(json->get("facts").dump())) {
    return Error(ErrorKind::kIo, "StateDamaged", "it is not what was written");
  }
  JsonReader reader(*json, "kept facts");
  reader.text_or("sha256", "");
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

Json FactStore::digests_of(const Facts& facts) const {
  Json digests = Json::object();
  for (const auto& [name, fact] : facts) {
    digests[name] =
        fact.sensitive ? secret_digest(salt_, name, fact.value) : sha256_hex(fact.value);
  }
  return digests;
}

void FactStore::load(const NodeState& state) {
  const auto names = list_directory(directory_);
  for (const auto& name : names ? *names : std::vector<std::string>())
    load_file(name);
  const auto promised = [](const Json& digests) {
    const auto* facts = digests.as_object();
    return facts != nullptr && !facts->empty();
  };
  const auto miss = [&](const char* kind, const std::string& subject) {
    const std::string path = path_of(kind, subject);
    const auto gone = [&] { return Error(ErrorKind::kIo, "StateDamaged", "it is gone").in(path); };
    troubles_.try_emplace(path, names ? gone() : names.error());
  };
  for (const auto& [subject, past] : state.subjects) {
    const bool made = !past.done_fingerprint.empty() && promised(past.outputs);
    if (made && !made_.contains(subject)) {
      lost_.insert(subject);
      miss("made", subject);
    }
    if (promised(past.facts) && !received_.contains(subject)) miss("received", subject);
  }
}

std::optional<Error> FactStore::trouble() const {
  return troubles_.empty() ? std::nullopt : std::optional<Error>(troubles_.begin()->second);
}

std::string FactStore::path_of(const char* kind, const std::string& subject) const {
  std::string name = subject;
  if (const auto slash = name.find('/'); slash != std::string::npos) name[slash] = '.';
  return directory_ + "/" + name + "." + kind + ".json";
}

void FactStore::load_file(const std::string& name) {
  const auto parts = split(name, '.');
  if (parts.size() != 4 || parts[3] != "json") return;
  const std::string subject = parts[0] + "/" + parts[1], path = directory_ + "/" + name;
  auto bytes = read_file(path, kFactsBytes);
  auto facts = bytes ? parse_facts(*bytes) : Result<Facts>(bytes.error());
  if (!facts) {
    Error error(ErrorKind::kIo, "StateDamaged", facts.error().message());
    troubles_.emplace(path, bytes ? std::move(error).in(path) : std::move(error));
    return;
  }
  (parts[2] == "made" ? made_ : received_)[subject] = std::move(*facts);
}

Status FactStore::keep_made(const std::string& subject, Facts facts) {
  if (auto kept = keep("made", subject, facts); !kept) return kept;
  lost_.erase(subject);
  made_[subject] = std::move(facts);
  return {};
}

Status FactStore::keep_received(const std::string& subject, Facts facts) {
  if (auto kept = keep("received", subject, facts); !kept) return kept;
  received_[subject] = std::move(facts);
  return {};
}

Status FactStore::keep(const char* kind, const std::string& subject, const Facts& facts) {
  Json document = Json::object();
  document["facts"] = Json::array();
  for (const auto& [name, fact] : facts) {
    document["facts"].push_back(Json::Object{{"name", name},
                                             {"value", fact.value},
                                             {"sensitive", fact.sensitive},
                                             {"share", fact.share}});
  }
  document["sha256"] = sha256_hex(document.get("facts").dump());
  const std::string path = path_of(kind, subject);
  auto kept = write_file_durably(path, document.dump(), 0600);
  if (kept) troubles_.erase(path);
  return kept;
}

}  // namespace klubster
