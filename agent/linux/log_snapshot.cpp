// Reading and writing of snapshots.
#include "linux/log_snapshot.h"

#include "base/digest.h"
#include "base/version.h"
#include "linux/log_files.h"
#include "model/event_line.h"
#include "model/node_state_json.h"

namespace klubster {

namespace {

constexpr JsonLimits kLimits = {.bytes = 16 * 1024 * 1024, .depth = 32};

Error too_new(std::string why) {
  return Error(ErrorKind::kInvalid, "LogTooNew", std::move(why));
}

Result<LogSnapshot> snapshot_from(std::string_view text) {
  const auto json = parse_json(text, kLimits);
  const auto* object = json ? json->as_object() : nullptr;
  if (object == nullptr) return log_damaged(json ? "expected an object" : json.error().message());
  Json::Object rest = *object;
  rest.erase("sha256");
  if (json->text_or("sha256") != sha256_hex(Json(rest).dump())) {
    return log_damaged("its sha256 does not fit");
  }
  LogSnapshot snapshot;
  snapshot.format = static_cast<unsigned>(json->integer_or("format"));
  if (snapshot.format > kNewestLogFormat) {
    return too_new("it has format " + std::to_string(snapshot.format));
  }
  snapshot.position.seq = json->number_or("seq");
  snapshot.position.hash = json->text_or("hash");
  snapshot.position.segment = json->number_or("segment");
  snapshot.version = json->text_or("version");
  auto state = node_state_from(json->get("state"));
  if (!state) return too_new(state.error().message());
  snapshot.state = std::move(*state);
  return snapshot;
}

}  // namespace

Result<std::optional<LogSnapshot>> read_log_snapshot(const std::string& path) {
  const auto text = read_log_file(path, kLimits.bytes);
  if (!text && text.error().kind() == ErrorKind::kUnavailable) return std::optional<LogSnapshot>();
  if (!text) return text.error();
  auto snapshot = snapshot_from(*text);
  if (!snapshot) return std::move(snapshot.error()).in(path);
  return std::optional<LogSnapshot>(std::move(*snapshot));
}

Status write_log_snapshot(const std::string& path, const LogPosition& position,
                          const NodeState& state, unsigned format) {
  Json json = Json::Object{{"format", std::uint64_t{format}}, {"seq", position.seq},
                           {"hash", position.hash},           {"segment", position.segment},
                           {"state", to_json(state)},         {"version", kVersion}};
  json["sha256"] = sha256_hex(json.dump());
  const std::string text = json.dump() + "\n";
  if (text.size() > kLimits.bytes) {
    return Error(ErrorKind::kInternal, "TooLarge", "the state is too large to be kept").in(path);
  }
  return write_file_durably(path, text, 0600);
}

}  // namespace klubster
