// klubster profile list
#include <iostream>
#include <memory>

#include "base/names.h"
#include "base/text.h"
#include "cli/exit_code.h"
#include "cli/package_reader.h"
#include "cli/sealed_profiles.h"
#include "cli/text_table.h"
#include "cli/verbs.h"
#include "linux/files.h"

namespace klubster {

namespace {

struct ProfileListOptions {
  std::string state_dir;
  bool json = false;
};

// A row: what is on the disk and what is known of it.
struct Row {
  SealedProfile sealed;
  ProfileUse use;
};

// The daemon knows; where it does not run, its log does.
ProfileUses uses_of(const ProfileListOptions& options, const std::string& state) {
  if (options.state_dir.empty()) {
    if (auto uses = uses_by_agent()) return std::move(*uses);
  }
  if (!exists(state + "/log")) return {};
  auto uses = uses_in_log(state + "/log");
  if (uses) return std::move(*uses);
  std::cerr << "klubster: which generations they belong to is not known: " << uses.error().message()
            << "\n";
  return {};
}

std::string use_text(const ProfileUse& use) {
  std::vector<std::string> facts;
  if (use.current) facts.emplace_back("current");
  if (use.last_good) facts.emplace_back("last good");
  return join(facts, ", ");
}

std::string as_text(const std::vector<Row>& rows) {
  if (rows.empty()) return "";
  std::vector<std::vector<Cell>> cells;
  cells.reserve(rows.size());
  for (const auto& [sealed, use] : rows) {
    cells.push_back({use.name, use.version, short_digest(sealed.sha256), bytes_text(sealed.bytes),
                     std::to_string(sealed.files), use_text(use)});
  }
  return text_table({"PROFILE", "VERSION", "SHA256", "SIZE", "FILES", "GENERATION"}, cells,
                    look_of_stdout());
}

Json as_json(const std::vector<Row>& rows) {
  Json list = Json::array();
  for (const auto& [sealed, use] : rows) {
    Json generations = Json::array();
    for (const auto number : use.generations)
      generations.push_back(number);
    list.push_back(Json::Object{{"name", use.name},
                                {"version", use.version},
                                {"sha256", sealed.sha256},
                                {"bytes", sealed.bytes},
                                {"files", sealed.files},
                                {"generations", std::move(generations)},
                                {"current", use.current},
                                {"lastGood", use.last_good}});
  }
  return list;
}

int run(const ProfileListOptions& options) {
  const std::string state =
      options.state_dir.empty() ? std::string(names::kStateDir) : options.state_dir;
  const auto profiles = sealed_profiles(state);
  if (!profiles) return report(profiles.error());
  auto uses = uses_of(options, state).take();
  std::vector<Row> rows;
  for (const auto& sealed : *profiles) {
    ProfileUse use = uses[sealed.sha256];
    if (use.name.empty()) {  // sealed for a generation that was never made, or the log is not ours
      const auto manifest = read_package(state + "/profiles/" + sealed.sha256);
      use.name = manifest ? manifest->name : "(unreadable)";
      use.version = manifest ? manifest->version : "";
    }
    rows.push_back({sealed, std::move(use)});
  }
  std::cout << (options.json ? as_json(rows).pretty() + "\n" : as_text(rows));
  return kExitDone;
}

}  // namespace

Action declare_profile_list(Arguments& arguments) {
  const auto options = std::make_shared<ProfileListOptions>();
  arguments.option("--state-dir", &options->state_dir, "DIR",
                   "Look below DIR, such as another machine's disk, and do not ask the daemon");
  arguments.flag("--json", &options->json, "Print JSON");
  return [options] { return run(*options); };
}

}  // namespace klubster
