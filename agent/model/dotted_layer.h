// Layers whose keys are written with dots: credentials and kernel parameters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/tree.h"

namespace klubster {

// "klubster.node.modes" with its value becomes a file of the layer; what is no key of the schema
// becomes a problem that says which one was probably meant. `file` is where it was found.
void add_dotted(TreeLayer& layer, std::string_view name, Result<std::string> value,
                const std::string& file);

// The words of a kernel command line: separated by white space, double quotes keep them together
// (Documentation/admin-guide/kernel-parameters.rst) and are dropped.
std::vector<std::string> kernel_words(std::string_view line);
// Layer 7: the parameters klubster.<key with dots>=VALUE; of several for one key the last counts.
// Those of kKernelFlags are not keys.
TreeLayer kernel_layer(const std::vector<std::string>& words);
// Whether the flag is set: "klubster.media=1", "klubster.media=true" or just "klubster.media".
bool kernel_flag(const std::vector<std::string>& words, std::string_view name);
inline constexpr std::string_view kRecoveryFlag = "klubster.recovery";
inline constexpr std::string_view kKernelFlags[] = {"klubster.media", kRecoveryFlag};

}  // namespace klubster
