// Whether a node's part of the tree fits the profile that it is for.
#pragma once

#include <string>
#include <vector>

#include "model/merge.h"
#include "model/profile.h"

namespace klubster {

struct ProfileFit {
  std::vector<TreeProblem> errors, warnings;
};

// The node's modes are phases of the profile, every input that it requires has a value of its type,
// and every value in inputs/ and secrets/ is for one of its inputs. A secret that the tree of a
// fleet lacks is a warning that names the credential by which the machine must get it.
ProfileFit fit_profile(const MergedTree& tree, const Profile& profile);

}  // namespace klubster
