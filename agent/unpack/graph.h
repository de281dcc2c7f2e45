// A profile's steps as a picture.
#pragma once

#include <string>

#include "model/profile.h"

namespace klubster {

// Graphviz' dot language: a cluster per phase, a node per step, solid edges for `after`, dashed
// ones for `needs`. The same profile gives the same text; everything that it says is quoted.
// https://graphviz.org/doc/info/lang.html
std::string profile_graph(const Profile& profile);

}  // namespace klubster
