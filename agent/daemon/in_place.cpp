// Comparing a config with the stored form of the one in force.
#include "daemon/in_place.h"

#include <string>
#include <vector>

#include "base/digest.h"
#include "base/text.h"
#include "model/schema.h"

namespace klubster {

namespace {

// The value that counts, as text that may be compared: of a secret its digest. Empty: none.
std::string value_of(const Json& stored, const KeySpec& spec) {
  const std::string key(spec.pattern);
  if (key == "node/name") return stored.text_or("node");  // however it was found
  const Json& entry = stored.get("values").get(key);
  if (spec.secret) return entry.text_or("secret");
  return entry.text_or("value", default_value(spec));
}

// A token may give way to the one that was accepted beside it (docs/token-rotation.md).
bool is_turned(const Json& stored, const NodeConfig& next, std::string_view salt) {
  const std::string accepted = stored.get("values").get("cluster/token-next").text_or("secret");
  const auto wanted = next.settings.find("cluster/token");
  return !accepted.empty() && wanted != next.settings.end() &&
         accepted == secret_digest(salt, "cluster/token-next", wanted->second.value);
}

std::string shown(const KeySpec& spec, const std::string& value) {
  if (value.empty()) return "none";
  return spec.secret ? "another one" : "`" + printable(value, 80) + "`";
}

}  // namespace

Status check_in_place(const Json& stored, const NodeConfig& next, std::string_view salt) {
  const Json wanted = to_json(next, SecretForm::kDigest, salt);
  const bool same_salt = stored.text_or("salt") == to_hex(salt);
  std::vector<std::string> lines;
  for (const auto& spec : schema()) {
    if (spec.in_place || (spec.secret && !same_salt)) continue;
    const std::string before = value_of(stored, spec), after = value_of(wanted, spec);
    const bool first_id = spec.pattern == "cluster/id" && before.empty();
    if (before == after || first_id) continue;
    if (spec.pattern == "cluster/token" && is_turned(stored, next, salt)) continue;
    const std::string kept = before.empty() ? "none"
                             : spec.secret  ? "the one"
                                            : "`" + printable(before, 80) + "`";
    const TreeProblem problem{next.origin(spec.pattern).file, std::string(spec.pattern),
                              "expected " + kept +
                                  " that is in force, since it does not change while this node "
                                  "belongs to its cluster, found " +
                                  shown(spec, after) + " (`klubster leave` comes first)"};
    lines.push_back(problem.text());
  }
  if (lines.empty()) return {};
  return Error(ErrorKind::kInvalid, "NotInPlace", join(lines, "\n"));
}

}  // namespace klubster
