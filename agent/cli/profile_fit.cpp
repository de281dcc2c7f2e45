// The same rules by which the daemon makes a plan, told with files and keys.
#include "cli/profile_fit.h"

#include <algorithm>

#include "base/text.h"
#include "engine/core_profile.h"
#include "engine/plan.h"
#include "model/key_names.h"
#include "model/node_config.h"

namespace klubster {

namespace {

class Fit {
 public:
  Fit(const MergedTree& tree, const Profile& profile) : tree_(tree), profile_(profile) {}

  ProfileFit run() {
    check_modes();
    const auto inputs = tree_.below("inputs/");
    const auto secrets = tree_.below("secrets/");
    for (const auto& mistake : input_mistakes(profile_, inputs, secrets))
      tell(mistake);
    for (const auto* prefix : {"inputs/", "secrets/"}) {
      for (const auto& [name, unused] : tree_.below(prefix))
        check_name(prefix, name);
    }
    return std::move(fit_);
  }

 private:
  std::string profile_name() const { return "profile " + profile_.name + " " + profile_.version; }

  void check_modes() {
    std::string key = "node/modes";
    if (tree_.settings.count(key) == 0) key = "members/" + tree_.node + "/modes";
    const auto modes = tree_.settings.find(key);
    if (modes == tree_.settings.end()) return;
    if (auto runs = check_engine(profile_); !runs) {
      fit_.errors.push_back(tree_.problem(key, runs.error().message(), runs.error().reason()));
      return;
    }
    std::vector<std::string> known;
    for (const auto& [mode, steps] : profile_.modes)
      known.push_back(mode);
    for (const auto& mode : words(modes->second.value)) {
      if (profile_.modes.count(mode) != 0) continue;
      fit_.errors.push_back(tree_.problem(key,
                                          "expected modes that " + profile_name() + " has (" +
                                              join(known, ", ") + "), found `" + mode + "`",
                                          "ModeMissing"));
    }
  }

  void tell(const InputMistake& mistake) {
    const InputSpec& input = *mistake.input;
    std::string key = (input.sensitive ? "secrets/" : "inputs/") + input.name;
    if (!mistake.missing) {
      // The value may stand on either side; secrets/ wins.
      for (const auto* prefix : {"inputs/", "secrets/"}) {
        if (tree_.settings.count(prefix + input.name) != 0) key = prefix + input.name;
      }
      fit_.errors.push_back(tree_.problem(key, mistake.message));
      return;
    }
    if (input.sensitive && tree_.elsewhere) {
      fit_.warnings.push_back(tree_.problem(
          key,
          "not in this tree; the machine must get it as the credential " + credential_name(key)));
      return;
    }
    const std::string what =
        input.description.empty() ? "" : " (" + printable(input.description, 200) + ")";
    fit_.errors.push_back(tree_.problem(key,
                                        "expected a value" + what + ", since " + profile_name() +
                                            " requires it, found none: create " + key +
                                            " or overlays/node=" + tree_.node + "/" + key,
                                        "InputMissing"));
  }

  void check_name(const std::string& prefix, const std::string& name) {
    const InputSpec* input = profile_.find_input(name);
    if (input != nullptr) {
      if (input->sensitive && prefix == "inputs/") {
        fit_.warnings.push_back(
            tree_.problem(prefix + name,
                          "expected it in secrets/, since the profile says that it "
                          "is sensitive, found it in inputs/"));
      }
      return;
    }
    std::vector<std::string> known;
    for (const auto& spec : profile_.inputs)
      known.push_back(spec.name);
    const auto meant = nearest(name, known);
    fit_.errors.push_back(tree_.problem(
        prefix + name, "expected an input that " + profile_name() + " has, found " + name +
                           (meant ? " (did you mean " + *meant + "?)" : std::string())));
  }

  const MergedTree& tree_;
  const Profile& profile_;
  ProfileFit fit_;
};

}  // namespace

ProfileFit fit_profile(const MergedTree& tree, const Profile& profile) {
  // What Core needs of it is told by the config as a whole; that one's own mistakes are told
  // already.
  const auto config = make_node_config(tree);
  auto made = config ? with_core(profile, *config) : Result<Profile>(profile);
  if (made) return Fit(tree, *made).run();
  return ProfileFit{{{"", "node/modes", made.error().message(), made.error().reason()}}, {}};
}

}  // namespace klubster
