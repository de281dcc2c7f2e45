// Looking at the store from outside.
#include "cli/sealed_profiles.h"

#include <filesystem>

#include "base/digest.h"
#include "cli/agent_client.h"
#include "linux/files.h"
#include "linux/log_history.h"

namespace klubster {

namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kEventsAtOnce = 2000;  // events of one answer

Result<SealedProfile> measure(const std::string& directory, const std::string& sha256) {
  SealedProfile profile{sha256, 0, 0};
  std::error_code failed;
  for (auto at = fs::recursive_directory_iterator(directory, failed);
       !failed && at != fs::recursive_directory_iterator(); at.increment(failed)) {
    const auto status = at->symlink_status(failed);
    if (failed || !fs::is_regular_file(status)) continue;
    profile.bytes += at->file_size(failed);
    ++profile.files;
  }
  if (failed) return system_error("reading " + directory, failed.value());
  return profile;
}

}  // namespace

void ProfileUses::add(std::string_view type, const Json& data) {
  const auto number = data.number_or("generation");
  if (type == "GenerationReady") good_ = number;
  if (type != "GenerationMade" && type != "ProfileAccepted") return;
  const Json& profile = type == "GenerationMade" ? data.get("profile") : data;
  const std::string sha256 = profile.text_or("sha256");
  ProfileUse& use = uses_[sha256];
  use.name = profile.text_or("name");
  use.version = profile.text_or("version");
  if (type == "ProfileAccepted") return;
  use.generations.push_back(number);
  digests_[number] = sha256;
  present_ = number;
}

std::map<std::string, ProfileUse> ProfileUses::take() const {
  auto uses = uses_;
  if (const auto found = digests_.find(present_); found != digests_.end()) {
    uses[found->second].current = true;
  }
  if (const auto found = digests_.find(good_); found != digests_.end()) {
    uses[found->second].last_good = true;
  }
  return uses;
}

Result<ProfileUses> uses_by_agent() {
  auto client = AgentClient::create();
  if (!client) return client.error();
  ProfileUses uses;
  std::uint64_t since = 1;
  while (true) {
    const auto history = client->ask_agent("GetHistory", [&](BusMessage& message) {
      message.add_uint64(since).add_uint32(kEventsAtOnce);
    });
    if (!history) return history.error();
    std::uint64_t last = since;
    for (const auto& event : history->items("events")) {
      uses.add(event.text_or("type"), event.get("data"));
      last = event.number_or("seq");
    }
    if (history->items("events").size() < kEventsAtOnce || last <= since) return uses;
    since = last + 1;
  }
}

Result<ProfileUses> uses_in_log(const std::string& directory) {
  const auto events = read_events(directory, 1, SIZE_MAX);
  if (!events) return events.error();
  ProfileUses uses;
  for (const auto& event : *events)
    uses.add(event.type, event.data);
  return uses;
}

Result<std::vector<SealedProfile>> sealed_profiles(const std::string& state_dir) {
  std::vector<SealedProfile> profiles;
  const std::string directory = state_dir + "/profiles/";
  if (!exists(directory)) return profiles;
  const auto names = list_directory(directory);
  if (!names) return names.error();
  for (const auto& name : *names) {
    if (!is_sha256_hex(name)) continue;
    auto profile = measure(directory + name, name);
    if (!profile) return profile.error();
    profiles.push_back(std::move(*profile));
  }
  return profiles;
}

}  // namespace klubster
