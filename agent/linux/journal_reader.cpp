// Reading steps' output. What journald promises and what not: library-facts 5.3.
#include "linux/journal_reader.h"

#include <systemd/sd-journal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <string_view>

#include "base/names.h"
#include "base/text.h"
#include "model/profile.h"
#include "model/profile_names.h"

namespace klubster {

namespace {

// journald cuts lines at 48 KiB; what comes in one piece by the native protocol may be of any size.
constexpr std::size_t kFieldBytes = 1024 * 1024;
constexpr std::string_view kFields[] = {
    "MESSAGE",       "_SYSTEMD_UNIT",  "_SYSTEMD_SLICE",      "_TRANSPORT",       "_PID",
    "KLUBSTER_STEP", "KLUBSTER_PHASE", "KLUBSTER_GENERATION", "KLUBSTER_ATTEMPT", "KLUBSTER_STAGE"};
// Beside the modes: the workers that bring the profile, and the operator's commands.
constexpr std::string_view kOtherPhases[] = {"profile", "command"};

// The field's value when it has exactly one, else empty.
std::string only(const JournalFieldValues& fields, const char* name) {
  return fields.count(name) == 1 ? fields.find(name)->second : std::string();
}

std::uint64_t number(const JournalFieldValues& fields, const char* name) {
  return parse_number(only(fields, name)).value_or(0);
}

bool contradicts_itself(const JournalFieldValues& fields) {
  return std::ranges::any_of(kFields, [&](std::string_view name) {
    return name.starts_with("KLUBSTER_") && fields.count(std::string(name)) > 1;
  });
}

Error journal_error(const char* doing, int result) {
  return system_error(std::string("journal: ") + doing, -result);
}

Status may_read_journal() {
  sd_id128_t machine{};
  if (const int got = sd_id128_get_machine(&machine); got < 0) {
    return journal_error("machine id", got);
  }
  char id[SD_ID128_STRING_MAX];
  sd_id128_to_string(machine, id);
  bool there = false;
  for (const char* root : {"/var/log/journal/", "/run/log/journal/"}) {
    const std::string file = std::string(root) + id + "/system.journal";
    if (::access(file.c_str(), R_OK) == 0) return {};
    there = there || errno == EACCES;
  }
  if (there) {
    return Error(ErrorKind::kInvalid, "AccessDenied",
                 "expected root or a member of group systemd-journal, found uid " +
                     std::to_string(::geteuid()))
        .in("reading the journal")
        .hint(
            "the same command with sudo, or sudo usermod -aG systemd-journal USER and a new login");
  }
  return Error(ErrorKind::kUnavailable, "SystemCallFailed",
               "there is none in /var/log/journal and /run/log/journal")
      .in("reading the journal")
      .hint("systemctl status systemd-journald");
}

}  // namespace

std::optional<StepOutput> step_output_of(const JournalFieldValues& fields,
                                         const OutputFilter& filter) {
  StepOutput output;
  output.unit = only(fields, "_SYSTEMD_UNIT");
  const std::string slice = only(fields, "_SYSTEMD_SLICE");
  const bool by_stream = slice.empty() && only(fields, "_TRANSPORT") == "stdout";
  const bool ours = !output.unit.empty() && fields.count("KLUBSTER_STEP") > 0 &&
                    (slice == names::kSlice || by_stream);
  const auto own = filter.units.find(output.unit);
  if (ours && !contradicts_itself(fields)) {
    output.step = only(fields, "KLUBSTER_STEP");
    output.phase = only(fields, "KLUBSTER_PHASE");
    output.stage = only(fields, "KLUBSTER_STAGE");
    output.attempt = number(fields, "KLUBSTER_ATTEMPT");
    output.generation = number(fields, "KLUBSTER_GENERATION");
  } else if (own != filter.units.end()) {
    std::tie(output.phase, output.step) = own->second;
  } else if (!ours) {
    return std::nullopt;
  }
  if (output.stage.empty()) output.stage = "run";
  if (!filter.step.empty() && output.step != filter.step) return std::nullopt;
  if (!filter.phase.empty() && output.phase != filter.phase) return std::nullopt;
  if (filter.attempt && output.attempt != *filter.attempt) return std::nullopt;
  output.pid = number(fields, "_PID");
  const auto message = fields.find("MESSAGE");
  if (message != fields.end()) output.message = message->second;
  return output;
}

void JournalReader::Close::operator()(sd_journal* journal) const {
  sd_journal_close(journal);
}

Result<JournalReader> JournalReader::open_system(OutputFilter filter) {
  if (auto may = may_read_journal(); !may) return may.error();
  sd_journal* journal = nullptr;
  const int opened = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
  if (opened < 0) return journal_error("opening it", opened);
  JournalReader reader(journal, std::move(filter));
  if (auto added = reader.add_matches(); !added) return added.error();
  return reader;
}

Result<JournalReader> JournalReader::open_directory(const std::string& directory,
                                                    OutputFilter filter) {
  sd_journal* journal = nullptr;
  const int opened = sd_journal_open_directory(&journal, directory.c_str(), 0);
  if (opened < 0) return journal_error(("opening " + directory).c_str(), opened);
  JournalReader reader(journal, std::move(filter));
  if (auto added = reader.add_matches(); !added) return added.error();
  return reader;
}

// What journald can look up by its indexes; step_output_of() decides. Between the groups: or.
Status JournalReader::add_matches() {
  int result = 0;
  const auto match = [&](std::string_view field, std::string_view value) {
    const std::string text = std::string(field) + "=" + std::string(value);
    if (result >= 0) result = sd_journal_add_match(journal_.get(), text.data(), text.size());
  };
  const auto fields_of_ours = [&] {
    if (!filter_.step.empty()) match("KLUBSTER_STEP", filter_.step);
    if (filter_.attempt) match("KLUBSTER_ATTEMPT", std::to_string(*filter_.attempt));
    if (!filter_.phase.empty()) {
      match("KLUBSTER_PHASE", filter_.phase);
    } else if (filter_.step.empty()) {
      for (const char* mode : kModeNames)
        match("KLUBSTER_PHASE", mode);
      for (const auto phase : kOtherPhases)
        match("KLUBSTER_PHASE", phase);
    }
  };
  const auto or_else = [&] {
    if (result >= 0) result = sd_journal_add_disjunction(journal_.get());
  };
  fields_of_ours();
  match("_SYSTEMD_SLICE", names::kSlice);
  or_else();
  fields_of_ours();
  match("_TRANSPORT", "stdout");
  or_else();
  for (const auto& [unit, subject] : filter_.units)
    match("_SYSTEMD_UNIT", unit);
  if (result >= 0) result = sd_journal_set_data_threshold(journal_.get(), kFieldBytes);
  if (result < 0) return journal_error("matching", result);
  return {};
}

std::optional<StepOutput> JournalReader::here() const {
  JournalFieldValues fields;
  const void* data = nullptr;
  std::size_t length = 0;
  sd_journal_restart_data(journal_.get());
  // A field that cannot be read (damaged, of an unknown compression) is left out.
  while (sd_journal_enumerate_available_data(journal_.get(), &data, &length) > 0) {
    const std::string_view field(static_cast<const char*>(data), length);
    const auto equals = field.find('=');
    if (equals == std::string_view::npos) continue;
    const auto name = field.substr(0, equals);
    if (std::ranges::find(kFields, name) == std::end(kFields)) continue;
    fields.emplace(name, field.substr(equals + 1, kFieldBytes));
  }
  auto output = step_output_of(fields, filter_);
  if (output) (void)sd_journal_get_realtime_usec(journal_.get(), &output->time_usec);  // else 0
  return output;
}

Status JournalReader::seek(std::optional<std::uint64_t> lines) {
  at_wanted_ = false;
  if (!lines) {
    if (const int head = sd_journal_seek_head(journal_.get()); head < 0) {
      return journal_error("seeking", head);
    }
    return {};
  }
  int moved = sd_journal_seek_tail(journal_.get());
  std::uint64_t wanted = 0;
  while (moved >= 0 && wanted < std::max<std::uint64_t>(*lines, 1)) {
    moved = sd_journal_previous(journal_.get());
    if (moved == 0) return seek(std::nullopt);  // there are not that many
    if (moved > 0 && here()) ++wanted;
  }
  if (moved < 0) return journal_error("seeking", moved);
  at_wanted_ = *lines > 0;
  return {};
}

Result<std::optional<StepOutput>> JournalReader::next() {
  while (true) {
    if (!std::exchange(at_wanted_, false)) {
      const int moved = sd_journal_next(journal_.get());
      if (moved < 0) return journal_error("reading", moved);
      if (moved == 0) return std::optional<StepOutput>();
    }
    if (auto output = here()) return output;
  }
}

Status JournalReader::wait(std::uint64_t timeout_usec) {
  const int woken = sd_journal_wait(journal_.get(), timeout_usec);
  if (woken < 0) return journal_error("waiting", woken);
  return {};
}

Result<std::vector<std::string>> JournalReader::step_names() {
  std::set<std::string> found;
  if (const int asked = sd_journal_query_unique(journal_.get(), "KLUBSTER_STEP"); asked < 0) {
    return journal_error("looking for steps", asked);
  }
  const void* data = nullptr;
  std::size_t length = 0;
  while (sd_journal_enumerate_available_unique(journal_.get(), &data, &length) > 0) {
    const std::string_view field(static_cast<const char*>(data), length);
    const auto name = field.substr(field.find('=') + 1);
    if (is_id(name)) found.emplace(name);
  }
  return std::vector<std::string>(found.begin(), found.end());
}

}  // namespace klubster
