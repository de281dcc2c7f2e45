// One collection at a time, while no worker brings anything.
#include "daemon/garbage_collector.h"

#include <utility>

#include "base/log.h"

namespace klubster {

namespace {

constexpr std::size_t kEventProfiles = 20;

// Under which reasons the store's entry is kept; the store knows short names.
std::vector<std::string> why_kept(const Keep& keep, const Json& entry) {
  const std::string kind = entry.text_or("kind"), name = entry.text_or("name");
  const auto& reasons = kind == "profile"      ? keep.profiles
                        : kind == "generation" ? keep.generations
                        : kind == "download"   ? keep.downloads
                        : kind == "staging"    ? keep.stagings
                                               : keep.results;
  const std::string stem = name.substr(0, name.find('.'));
  const std::string origin = kind == "result" ? stem.substr(stem.find('-') + 1) : stem;
  for (const auto& [kept, why] : reasons) {
    const bool whole = kind == "profile" || kind == "generation";
    if (whole ? kept == name : kept.starts_with(origin)) return why;
  }
  return {};
}

// What the store says, with our reasons.
Json report_json(const Json& said, const Keep& keep, bool dry_run) {
  Json report = Json::object();
  report["dryRun"] = dry_run;
  for (const char* key : {"files", "bytes", "more"})
    report[key] = said.integer_or(key);
  for (const char* key : {"removed", "left"})
    report[key] = Json(said.items(key));
  report["kept"] = Json::array();
  for (Json entry : said.items("kept")) {
    entry["why"] = why_kept(keep, entry);
    report["kept"].push_back(std::move(entry));
  }
  return report;
}

// One line for the journal; those who asked have it from the answer, too.
void log_report(const Json& report) {
  for (const auto& entry : report.items("left")) {
    log_warning("garbage: " + entry.text_or("kind") + " " + entry.text_or("name") +
                " could not be removed: " + entry.text_or("message"));
  }
  if (report.items("removed").empty()) return;
  log_info("garbage: removed what nobody needs, " + std::to_string(report.integer_or("files")) +
           " files of " + std::to_string(report.integer_or("bytes")) + " bytes");
}

Event collected_event(const Json& report, const Keep& keep) {
  std::vector<std::string> profiles;
  for (const auto& entry : report.items("removed")) {
    if (entry.text_or("kind") == "profile" && profiles.size() < kEventProfiles) {
      profiles.push_back(entry.text_or("name"));
    }
  }
  return garbage_collected(keep.digest(), profiles, report.number_or("files"),
                           report.number_or("bytes"));
}

}  // namespace

// Until it is known that no earlier process's collection runs, no worker begins.
GarbageCollector::GarbageCollector(Shell& shell, const ProfileWorkers& workers)
    : shell_(shell), workers_(workers), store_(shell, kCollectUnit) {
  shell_.set_collecting(true);
}

void GarbageCollector::ask(bool dry_run, Handler handler) {
  orders_.push_back({dry_run, std::move(handler)});
}

Keep GarbageCollector::keep(const std::optional<ProfileOrigin>& origin) const {
  KeepFacts facts;
  facts.boot = shell_.world().boot;
  if (origin) {
    facts.origin = &*origin;
    facts.acquired = shell_.acquisition().acquired;
    if (const auto unpacked = workers_.unpacked()) facts.unpacked_sha256 = unpacked->sha256;
  }
  return what_to_keep(shell_.state(), facts);
}

// The same things to keep were collected for once: nothing new can have become garbage but what a
// refused or replaced package leaves, and its turn comes when there is another generation.
void GarbageCollector::order_if_due(const std::optional<ProfileOrigin>& origin) {
  const bool due = collection_due(shell_.state(), shell_.decision(), shell_.acquisition());
  if (!due || !orders_.empty() || shell_.world().stopping) return;
  const std::string seen =
      std::to_string(shell_.state().last_seq) + (origin ? origin->fingerprint : "");
  if (std::exchange(looked_at_, seen) == seen) return;
  const std::string digest = keep(origin).digest();
  if (digest != shell_.state().collected && digest != failed_) orders_.push_back({});
}

void GarbageCollector::advance(const std::optional<ProfileOrigin>& origin,
                               const std::optional<Error>& blocked) {
  if (blocked && !store_.runs()) {
    for (auto& order : std::exchange(orders_, {})) {
      if (order.handler) order.handler(*blocked);
    }
  } else if (!store_.runs()) {
    order_if_due(origin);
  }
  const auto prepare = [&] {
    keep_ = keep(origin);
    return workers_.prepare_collect(keep_, orders_.front().dry_run);
  };
  store_.advance(!orders_.empty() && may_collect(shell_.state()), prepare,
                 [this](const Status& left) {
                   finish(left ? workers_.collected() : Result<Json>(left.error()));
                 });
  const bool idle = store_.is_gone();
  const bool held = shell_.world().collecting;
  shell_.set_collecting(!idle);
  if (held && idle) shell_.settle();  // what was held back
}

void GarbageCollector::finish(const Result<Json>& result) {
  const Order order = std::move(orders_.front());
  orders_.pop_front();
  if (!result) {
    const Error error = Error(result.error()).in("collecting garbage");
    if (order.handler) return order.handler(error);
    failed_ = keep_.digest();  // not again and again; the next generation, or somebody, asks anew
    problem_ = error;
    return;
  }
  const Json report = report_json(*result, keep_, order.dry_run);
  if (!order.dry_run) {
    problem_.reset();
    shell_.record(collected_event(report, keep_));
    log_report(report);
  }
  if (order.handler) order.handler(report);
}

}  // namespace klubster
