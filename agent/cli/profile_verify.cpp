// klubster profile verify: judged by klubster-unpack, by what was typed or by this machine's tree.
#include "cli/profile_verify.h"

#include <algorithm>
#include <iostream>
#include <memory>

#include "base/text.h"
#include "cli/profile.h"
#include "cli/verbs.h"
#include "linux/config_tree.h"
#include "model/schema.h"

namespace klubster {

namespace {

bool is_given(const std::vector<std::string>& words, const std::string& option) {
  return std::ranges::count(words, option) != 0;
}

int run(std::vector<std::string> words) {
  const bool help = is_given(words, "--help");
  if (!help) {
    // A node judges by its budgets whatever else is typed. They stand first: what is typed counts.
    const auto limits = limit_options(system_config_sources());
    words.insert(words.begin(), limits.begin(), limits.end());
  }
  if (!help && !is_given(words, "--key") && !is_given(words, "--sha256")) {
    auto options = trust_options(system_config_sources());
    if (!options.empty()) std::cerr << "judged by what this machine's config tree trusts\n";
    if (is_given(words, "--cluster")) {  // what was typed comes first
      const auto cluster = std::ranges::find(options, "--cluster");
      if (cluster != options.end()) options.erase(cluster, cluster + 2);
    }
    words.insert(words.end(), options.begin(), options.end());
  }
  return become_unpack("verify", words, true);
}

}  // namespace

std::vector<std::string> trust_options(const ConfigSources& sources) {
  const MergedTree tree = read_config_tree(sources);
  std::vector<std::string> options;
  for (const auto& [key, setting] : tree.settings) {
    if (key.starts_with("profile/trusted-keys.d/")) {
      options.insert(options.end(), {"--key", setting.value});
    } else if (key == "profile/sha256") {
      options.insert(options.end(), {"--sha256", setting.value});
    }
  }
  if (options.empty()) return options;
  const auto cluster = tree.settings.find("cluster/name");
  options.insert(options.end(), {"--cluster", cluster == tree.settings.end()
                                                  ? default_value(*find_key("cluster/name"))
                                                  : cluster->second.value});
  return options;
}

std::vector<std::string> limit_options(const ConfigSources& sources) {
  constexpr std::string_view kBelow = "profile/limits/";
  std::vector<std::string> options;
  const MergedTree tree = read_config_tree(sources);
  for (const auto& [key, setting] : tree.settings) {
    if (!key.starts_with(kBelow)) continue;
    options.insert(options.end(),
                   {"--limit", join({key.substr(kBelow.size()), setting.value}, "=")});
  }
  return options;
}

Action declare_profile_verify(Arguments& arguments) {
  arguments.offered("--signature", "FILE");
  arguments.offered("--key", "PUBFILE|LINE", true);
  arguments.offered("--sha256", "HEX");
  arguments.offered("--cluster", "NAME");
  arguments.offered("--limit", "NAME=NUMBER", true);
  arguments.offered("--json");
  const auto rest = std::make_shared<std::vector<std::string>>();
  arguments.rest(rest.get());
  return [rest] { return run(*rest); };
}

}  // namespace klubster
