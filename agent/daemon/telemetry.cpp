// From the log to the outbox, from the outbox to the worker.
#include "daemon/telemetry.h"

#include <algorithm>
#include <utility>

#include "base/digest.h"
#include "base/log.h"
#include "base/names.h"
#include "base/text.h"
#include "base/utc_time.h"
#include "base/version.h"
#include "daemon/core_runs.h"
#include "daemon/worker_host.h"
#include "linux/event_loop.h"
#include "linux/files.h"

namespace klubster {

namespace {

constexpr std::size_t kMostParcels = 200;
constexpr std::uint64_t kMostBytes = 1024 * 1024;
constexpr std::size_t kParcelBytes = 32 * 1024;
constexpr std::size_t kMostAtOnce = 16;
// Numbers of notes that follow from an event are below.
constexpr std::size_t kAfterEvents = 50;
constexpr std::size_t kEventsAtOnce = 500;
// How far the ledger on disk may be behind when nothing was told since.
constexpr std::uint64_t kBehind = 1000;
constexpr std::uint64_t kFirstPauseUsec = 15'000'000;
constexpr std::uint64_t kLastPauseUsec = 3600 * 1'000'000ULL;

std::string numbered(std::uint64_t seq, std::size_t n) {
  std::string digits = std::to_string(seq);
  return std::string(20 - std::min<std::size_t>(digits.size(), 20), '0') + digits + "-" +
         std::to_string(n);
}

// As productive-k3s writes it: with an offset.
std::string moment(std::uint64_t time_usec) {
  std::string text = utc_text(time_usec);
  if (text.ends_with('Z')) text.replace(text.size() - 1, 1, "+00:00");
  return text;
}

Result<Json> read_json(const std::string& file, std::size_t limit_bytes) {
  auto text = read_file(file, limit_bytes);
  if (!text) return text.error();
  return parse_json(*text, {.bytes = limit_bytes});
}

}  // namespace

Telemetry::Telemetry(Shell& shell, Timers& timers, Places places, std::string salt,
                     EventReader read_events)
    : shell_(shell),
      timers_(timers),
      sender_(shell, kTelemetryUnit),
      places_(std::move(places)),
      salt_(std::move(salt)),
      read_events_(std::move(read_events)) {}

TelemetryFacts Telemetry::facts() const {
  TelemetryFacts facts;
  facts.salt = salt_;
  facts.scenario = scenario_;
  facts.core_mode = [this](const std::string& subject) -> std::string {
    const Step* step = shell_.plan() ? shell_.plan()->find(subject) : nullptr;
    if (step == nullptr || step->spec.run.size() < 3) return "";
    const auto& words = step->spec.run;
    return words[0] == names::kCoreWord && words[1] == "install" ? words[2] : "";
  };
  facts.core_run = [this](const std::string& subject, const std::string& unit) -> Json {
    const auto slash = subject.find('/');
    if (slash == std::string::npos) return {};
    const Json kept = read_core_run(places_, subject.substr(0, slash), subject.substr(slash + 1));
    return kept.text_or("unit") == unit ? kept.get("run") : Json();
  };
  return facts;
}

void Telemetry::configure(const TelemetrySettings& settings) {
  if (configured_ && settings == settings_) return;
  configured_ = true;
  settings_ = settings;
  pause_usec_ = next_try_usec_ = 0;  // what was wrong may be mended
  if (settings_.enabled) {
    open();
  } else {
    close();
  }
}

void Telemetry::open() {
  if (ledger_) return;
  for (const auto& directory : {places_.telemetry(), outbox()}) {
    if (auto made = make_directory(directory, 0700); !made) return log_error(made.error());
  }
  const auto json = read_json(ledger_file(), names::kResultJsonBytes);
  auto ledger = json ? TelemetryLedger::from_json(*json) : json.error();
  if (ledger) {
    kept_ = *ledger;
    delivered_ = json->number_or("delivered");
    dropped_ = json->number_or("dropped");
    refused_ = json->number_or("refused");
  }
  ledger_ = ledger ? std::move(*ledger) : TelemetryLedger::begin(shell_.state());
  parcels_.clear();
  const auto names = list_directory(outbox());
  for (const auto& name : names ? *names : std::vector<std::string>()) {
    const auto parcel = read_json(outbox() + "/" + name, kParcelBytes);
    if (!parcel || !name.ends_with(".json")) {
      (void)remove_file(outbox() + "/" + name);  // of a write that was cut off
      continue;
    }
    const std::string run_id = parcel->get("body").text_or("run_id");
    parcels_.push_back({name, run_id, parcel->bool_or("completes"), parcel->dump().size()});
  }
  keep_ledger();
}

// Nothing that was told without consent stays.
void Telemetry::close() {
  timers_.cancel();
  if (sender_.runs() || exists(ledger_file())) sender_.release();  // perhaps an earlier process's
  ledger_.reset();
  kept_.reset();
  parcels_.clear();
  tries_.clear();
  message_.clear();
  if (!exists(places_.telemetry())) return;
  const auto names = list_directory(outbox());
  for (const auto& name : names ? *names : std::vector<std::string>())
    (void)remove_file(outbox() + "/" + name);
  if (auto removed = remove_file(ledger_file()); !removed) log_error(removed.error());
  (void)remove_file(sender_files().request);
}

void Telemetry::keep_ledger() {
  if (!ledger_) return;
  Json json = ledger_->to_json();
  json["delivered"] = delivered_;
  json["dropped"] = dropped_;
  json["refused"] = refused_;
  if (auto kept = write_file_durably(ledger_file(), json.dump() + "\n", 0600); !kept) {
    return log_error(std::move(kept.error()).in("telemetry"));
  }
  kept_ = ledger_;
}

// Files first, then the ledger: after a crash the same events make the same files again.
bool Telemetry::post(std::uint64_t seq, const std::vector<TelemetryNote>& notes,
                     std::size_t first) {
  for (std::size_t n = 0; n < notes.size(); ++n) {
    const TelemetryNote& note = notes[n];
    const std::string name = numbered(seq, first + n) + ".json";
    const std::string text =
        Json(Json::Object{{"completes", note.completes}, {"body", note.body}}).dump();
    const bool known = std::any_of(parcels_.begin(), parcels_.end(),
                                   [&](const Parcel& parcel) { return parcel.name == name; });
    if (known || text.size() > kParcelBytes) continue;
    if (auto written = write_file_durably(outbox() + "/" + name, text, 0600); !written) {
      log_error(std::move(written.error()).in("telemetry"));
      return false;  // the disk is full, perhaps: the log is read again
    }
    parcels_.push_back({name, note.run_id, note.completes, text.size()});
  }
  return true;
}

void Telemetry::read_log() {
  const std::uint64_t last = shell_.state().last_seq;
  if (last == ledger_->seq()) return;
  bool told = false;
  const auto take = [&](std::uint64_t seq, const std::vector<TelemetryNote>& notes) {
    told = told || !notes.empty();
    return post(seq, notes);
  };
  while (ledger_->seq() < last) {
    const auto events = read_events_(ledger_->seq() + 1, kEventsAtOnce);
    const bool gap = !events || events->empty() || events->front().seq != ledger_->seq() + 1;
    if (gap) break;
    for (const auto& event : *events) {
      TelemetryLedger before = *ledger_;
      if (!take(event.seq, ledger_->take(event, facts()))) {
        ledger_ = std::move(before);
        return;
      }
    }
  }
  if (ledger_->seq() != last) (void)take(last, ledger_->catch_up(shell_.state(), facts()));
  keep_within_bounds();
  const bool far = !kept_ || kept_->seq() + kBehind < ledger_->seq();
  if (told || far) keep_ledger();
}

// A node that left and came back is ready without an event that says so.
void Telemetry::take_readiness() {
  const NodeState& state = shell_.state();
  if (!shell_.plan() || !shell_.decision().ready || state.gone || state.leaving) return;
  TelemetryLedger before = *ledger_;
  const auto notes = ledger_->ready(facts());
  if (notes.empty()) return;
  if (!post(ledger_->seq(), notes, kAfterEvents)) {
    ledger_ = std::move(before);
    return;
  }
  keep_within_bounds();
  keep_ledger();
}

// The oldest go, and never one half of what both were still to be told.
void Telemetry::keep_within_bounds() {
  const auto bytes = [&] {
    std::uint64_t sum = 0;
    for (const auto& parcel : parcels_)
      sum += parcel.bytes;
    return sum;
  };
  while (parcels_.size() > kMostParcels || bytes() > kMostBytes) {
    const auto whole = std::find_if(parcels_.begin(), parcels_.end(),
                                    [](const Parcel& parcel) { return !parcel.completes; });
    const std::string run_id = (whole == parcels_.end() ? parcels_.front() : *whole).run_id;
    std::vector<std::string> names;
    for (const auto& parcel : parcels_) {
      if (parcel.run_id == run_id) names.push_back(parcel.name);
    }
    for (const auto& name : names)
      remove(name);
    dropped_ += names.size();
    ledger_->forget(run_id);
  }
}

void Telemetry::remove(const std::string& name) {
  if (auto removed = remove_file(outbox() + "/" + name); !removed) log_error(removed.error());
  std::erase_if(parcels_, [&](const Parcel& parcel) { return parcel.name == name; });
  tries_.erase(name);
}

bool Telemetry::is_due() const {
  return ledger_ && !parcels_.empty() && timers_.now_mono_usec() >= next_try_usec_ &&
         !shell_.world().stopping;
}

void Telemetry::advance() {
  if (!configured_) return;
  if (ledger_) {
    read_log();
    take_readiness();
  }
  if (!ledger_ && sender_.is_idle()) return;  // not even asked about: there is no such unit
  sender_.advance(
      is_due(), [this] { return prepare(); },
      [this](const Status& left) {
        finish(left ? read_json(sender_files().result, names::kSmallJsonBytes)
                    : Result<Json>(left.error()));
      });
  const bool later = next_try_usec_ > timers_.now_mono_usec();
  if (ledger_ && !sender_.runs() && !parcels_.empty() && later) {
    timers_.wake_at(next_try_usec_, [this] { shell_.settle(); });
  }
}

WorkerFiles Telemetry::sender_files() const {
  WorkerFiles files;
  files.request = places_.credentials() + "/worker-telemetry";
  files.result = places_.outputs() + "/worker-telemetry";
  return files;
}

Result<TransientUnit> Telemetry::prepare() {
  Json request = Json::Object{{"v", 1}, {"url", settings_.endpoint}};
  if (!settings_.token.empty()) request["token"] = settings_.token;
  if (!settings_.ca.empty()) request["ca"] = settings_.ca;
  request["userAgent"] = std::string("klubster/") + kVersion;
  Json events = Json::array();
  for (const auto& parcel : parcels_) {
    if (events.as_array()->size() == kMostAtOnce) break;
    auto kept = read_json(outbox() + "/" + parcel.name, kParcelBytes);
    if (!kept) continue;
    Json body = kept->get("body");
    body["sent_at"] = moment(now_wall_usec());
    if (body.text_or("event_family") == "install") {
      const unsigned before = tries_[parcel.name];
      body["delivery_attempt"] = before + 1;
      body["retry_attempt"] = before;
      body["is_retry"] = before > 0;
      body["client"]["user_agent"] = request.text_or("userAgent");
    }
    events.push_back(Json::Object{{"id", parcel.name}, {"body", std::move(body)}});
  }
  request["events"] = std::move(events);
  const WorkerFiles files = sender_files();
  if (auto written = write_request(files, request); !written) return written.error();
  return make_sender_unit(kTelemetryUnit, files);
}

// What was delivered goes. A crash before that sends it again, under the same ids.
void Telemetry::finish(const Result<Json>& result) {
  (void)remove_file(sender_files().request);
  const auto waits = [&](const std::string& name) {
    return std::any_of(parcels_.begin(), parcels_.end(),
                       [&](const Parcel& parcel) { return parcel.name == name; });
  };
  for (const auto& [key, count] :
       {std::pair{"delivered", &delivered_}, std::pair{"refused", &refused_}}) {
    if (!result) break;
    for (const auto& item : result->items(key)) {
      const std::string name = item.as_string() == nullptr ? "" : *item.as_string();
      if (!waits(name)) continue;
      remove(name);
      ++*count;
    }
  }
  if (result && result->bool_or("ok")) {
    message_.clear();
    pause_usec_ = next_try_usec_ = 0;
    return keep_ledger();
  }
  std::size_t n = 0;
  for (const auto& parcel : parcels_) {
    if (n++ == kMostAtOnce) break;
    ++tries_[parcel.name];
  }
  const std::string told =
      result ? result->get("failure").text_or("message") : result.error().message();
  if (message_.empty()) log_info("telemetry waits in the outbox: " + printable(told, 400));
  message_ = printable(told, 400);
  const Json failure = result ? result->get("failure") : Json();
  pause(retry_after_sec(failure));
  keep_ledger();
}

void Telemetry::pause(std::uint64_t at_least_sec) {
  pause_usec_ = std::clamp(2 * pause_usec_, kFirstPauseUsec, kLastPauseUsec);
  // Nodes that were cut off together do not come back together.
  const std::string random = random_bytes(1);
  const auto spread = static_cast<std::uint64_t>(static_cast<unsigned char>(random[0]));
  const std::uint64_t wait = pause_usec_ - pause_usec_ / 4 * spread / 255;
  next_try_usec_ = timers_.now_mono_usec() + std::max(wait, at_least_sec * 1'000'000);
}

std::vector<std::string> Telemetry::environment() {
  if (!ledger_) return {};
  read_log();  // its beginning is on record
  const auto context = ledger_->context();
  return {"KLUBSTER_TELEMETRY_SESSION=" + context.session_id,
          "KLUBSTER_TELEMETRY_PARENT=" + context.parent_run_id};
}

Json Telemetry::status() const {
  if (!ledger_) return {};
  return Json::Object{{"waiting", parcels_.size()},
                      {"delivered", delivered_},
                      {"dropped", dropped_},
                      {"refused", refused_},
                      {"message", message_}};
}

}  // namespace klubster
