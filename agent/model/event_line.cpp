// Printing and reading lines.
#include "model/event_line.h"

#include "base/digest.h"
#include "base/utc_time.h"

namespace klubster {

namespace {

constexpr std::size_t kEventDepth = 16;
constexpr std::size_t kUsualBytes = 1024;
// Formats that a first line is held against, so that a later klubster's log is known as such.
constexpr unsigned kNamedFormats = 99;

constexpr std::string_view kSumHead = ",\"sum\":\"";
constexpr std::string_view kSumTail = "\"}";
constexpr std::size_t kSumBytes = 64;
constexpr std::size_t kSumMember = kSumHead.size() + kSumBytes + kSumTail.size();

Status check_sum(std::string_view line) {
  if (line.size() > kSumMember) {
    const std::string_view body = line.substr(0, line.size() - kSumMember);
    const std::string_view member = line.substr(body.size());
    if (member.starts_with(kSumHead) && member.ends_with(kSumTail) &&
        member.substr(kSumHead.size(), kSumBytes) == sha256_hex(body)) {
      return {};
    }
  }
  return Error(ErrorKind::kInvalid, "BadJson", "its sum does not fit");
}

}  // namespace

std::string log_genesis(unsigned format) {
  return sha256_hex("klubster-log-" + std::to_string(format));
}

std::optional<unsigned> format_of_genesis(std::string_view prev) {
  for (unsigned format = 1; format <= kNamedFormats; ++format) {
    if (prev == log_genesis(format)) return format;
  }
  return std::nullopt;
}

std::string event_line(const Event& event, const std::string& prev_hash, unsigned format) {
  if (format == 1) {
    Json json = to_json(event);
    json["prev"] = prev_hash;
    return json.dump();
  }
  // Members in their order, as of any object that we print. An event is said twice a step and more
  // often: without a copy of its data.
  std::string line;
  line.reserve(kUsualBytes);
  line.append(R"({"boot":)").append(Json(event.boot).dump());
  line.append(R"(,"data":)").append(event.data.dump());
  line.append(R"(,"mono":)").append(std::to_string(event.mono_usec));
  line.append(R"(,"prev":)").append(Json(prev_hash).dump());
  line.append(R"(,"seq":)").append(std::to_string(event.seq));
  line.append(R"(,"time":")").append(utc_text_usec(event.time_usec)).append("\"");
  line.append(R"(,"type":)").append(Json(event.type).dump());
  const std::string sum = sha256_hex(line);
  return line.append(kSumHead).append(sum).append(kSumTail);
}

Result<ParsedEvent> parse_event(std::string_view line) {
  auto json = parse_json(line, {.bytes = kLineBytes, .depth = kEventDepth});
  if (!json) return json.error();
  JsonReader reader(*json, "event");
  ParsedEvent parsed;
  parsed.event.seq = reader.number("seq");
  parsed.event.boot = reader.text("boot");
  parsed.event.mono_usec = reader.number("mono");
  parsed.event.type = reader.text("type");
  parsed.event.data = reader.raw("data");
  parsed.prev_hash = reader.text("prev");
  if (reader.has("sum")) {
    parsed.format = 2;
    (void)reader.text("sum");  // asked for; check_sum() compares it
    const auto time = parse_utc(reader.text("time"));
    if (!time) reader.refuse("time", "expected RFC 3339 in UTC");
    parsed.event.time_usec = time.value_or(0);
  } else {
    parsed.event.time_usec = reader.number("time");
  }
  if (auto read = reader.finish(); !read) return read.error();
  if (parsed.format == 2) {
    if (auto proven = check_sum(line); !proven) return proven.error();
  }
  return parsed;
}

}  // namespace klubster
