// Pages of events, and a filter over them.
#include "cli/history_source.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <memory>

#include "base/names.h"
#include "base/text.h"
#include "base/utc_time.h"
#include "cli/agent_client.h"
#include "linux/log_history.h"

namespace klubster {

namespace {

constexpr std::size_t kPage = 5000;

std::uint64_t generation_of(const Event& event, std::uint64_t before) {
  if (event.type == "GenerationMade" || event.type == "GenerationReady") {
    return event.data.number_or("generation");
  }
  if (event.type == "RunStarted") {
    const std::uint64_t said = event.data.number_or("generation");
    if (said > 0 && !event.data.text_or("subject").starts_with("undo/")) return said;
  }
  return before;
}

bool is_of_step(const Event& event, const std::string& step) {
  std::string subject = event.data.text_or("subject");
  if (subject.starts_with("undo/")) subject.erase(0, 5);
  return subject == step || (step.find('/') == std::string::npos && subject.ends_with("/" + step));
}

Event event_from(const Json& json) {
  Event event;
  event.seq = json.number_or("seq");
  event.boot = json.text_or("boot");
  event.mono_usec = json.number_or("mono");
  event.time_usec = json.number_or("time");
  event.type = json.text_or("type");
  event.data = json.get("data");
  return event;
}

// A time as the table shows it, by this machine's clock on the wall.
std::optional<std::uint64_t> parse_local(std::string text) {
  constexpr std::size_t kDateBytes = 10;
  if (text.size() > kDateBytes) {
    if (text[kDateBytes] == ' ') text[kDateBytes] = 'T';
    text += 'Z';
  }
  const auto as_if_utc = parse_utc(text);
  if (!as_if_utc) return std::nullopt;
  const auto seconds = static_cast<std::time_t>(*as_if_utc / 1'000'000);
  std::tm parts{};
  if (::gmtime_r(&seconds, &parts) == nullptr) return std::nullopt;
  parts.tm_isdst = -1;  // whether it was summer follows from the date
  const std::time_t local = ::mktime(&parts);
  if (local < 0) return std::nullopt;
  return static_cast<std::uint64_t>(local) * 1'000'000 + *as_if_utc % 1'000'000;
}

}  // namespace

bool HistoryFilter::wants(const Event& event) {
  generation_ = generation_of(event, generation_);
  if (choice_.since_seq && event.seq < *choice_.since_seq) return false;
  if (choice_.since_usec && event.time_usec < *choice_.since_usec) return false;
  if (choice_.generation && generation_ != *choice_.generation) return false;
  return choice_.step.empty() || is_of_step(event, choice_.step);
}

Result<std::vector<Event>> choose_events(const EventPages& pages, const HistoryChoice& choice) {
  const bool begins = choice.since_seq || choice.since_usec;
  if (!choice.since_usec && !choice.generation && choice.step.empty()) {
    return pages(choice.since_seq ? std::max<std::uint64_t>(*choice.since_seq, 1) : 0,
                 choice.limit);
  }
  HistoryFilter filter(choice);
  std::deque<Event> chosen;
  // Which generation an event belongs to is said by events before it.
  std::uint64_t next =
      choice.generation ? 1 : std::max<std::uint64_t>(1, choice.since_seq.value_or(1));
  while (true) {
    auto page = pages(next, kPage);
    if (!page) return page.error();
    if (page->empty()) break;
    next = page->back().seq + 1;
    for (auto& event : *page) {
      if (!filter.wants(event)) continue;
      if (begins && chosen.size() >= choice.limit) break;
      chosen.push_back(std::move(event));
      if (chosen.size() > choice.limit) chosen.pop_front();
    }
    if (begins && chosen.size() >= choice.limit) break;
  }
  return std::vector<Event>(std::make_move_iterator(chosen.begin()),
                            std::make_move_iterator(chosen.end()));
}

std::optional<std::string> readable_log(const std::string& state_dir) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
  if (state_dir.empty() && std::getenv("KLUBSTER_BUS") != nullptr) return std::nullopt;
  const std::string directory =
      (state_dir.empty() ? std::string(names::kStateDir) : state_dir) + "/log";
  if (!state_dir.empty()) return directory;  // what is wrong with it is told when it is read
  const bool readable = ::access(directory.c_str(), R_OK | X_OK) == 0;
  return readable ? std::optional<std::string>(directory) : std::nullopt;
}

EventPages pages_of_log(const std::string& directory) {
  return [directory](std::uint64_t since_seq, std::size_t limit) {
    return read_events(directory, since_seq, limit);
  };
}

EventPages pages_of_agent() {
  const auto client = std::make_shared<std::optional<AgentClient>>();
  return [client](std::uint64_t since_seq, std::size_t limit) -> Result<std::vector<Event>> {
    if (!*client) {
      auto created = AgentClient::create();
      if (!created) return created.error();
      client->emplace(std::move(*created));
    }
    const auto most = static_cast<std::uint32_t>(std::min<std::size_t>(limit, 10'000));
    const auto history = (*client)->ask_agent(
        "GetHistory", [&](BusMessage& message) { message.add_uint64(since_seq).add_uint32(most); });
    if (!history) return history.error();
    std::vector<Event> events;
    for (const auto& event : history->items("events"))
      events.push_back(event_from(event));
    return events;
  };
}

Result<SeqOrTime> parse_seq_or_time(const std::string& text, std::uint64_t now_usec) {
  if (const auto number = parse_number(text)) return SeqOrTime{*number, std::nullopt};
  if (const auto time = parse_local(text)) return SeqOrTime{std::nullopt, *time};
  if (const auto time = parse_utc(text)) return SeqOrTime{std::nullopt, *time};
  if (const auto ago = parse_duration_usec(text)) {
    return SeqOrTime{std::nullopt, now_usec - std::min(now_usec, *ago)};
  }
  return Error(ErrorKind::kInvalid, "BadValue",
               "expected an event's number, a time such as '2026-11-21 10:00:00' or "
               "2026-11-21T10:00:00Z, or how long ago, such as 90m, found `" +
                   printable(text, 64) + "`");
}

}  // namespace klubster
