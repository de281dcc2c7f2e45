// The one table of verbs.
#include "cli/verbs.h"

namespace klubster {

namespace {

constexpr Verb kConfigVerbs[] = {
    {"get", "Print one value", declare_config_get, {}},
    {"list", "Print all values that are set", declare_config_list, {}},
    {"keys", "Print every key that there is", declare_config_keys, {}},
    {"dump", "Write the resolved config as a tree or as JSON", declare_config_dump, {}},
    {"check", "Say everything that is wrong with the tree", declare_config_check, {}},
    {"diff", "Show where two nodes of a tree differ", declare_config_diff, {}},
    {"set", "Set one key, or several together", declare_config_set, {}},
    {"unset", "Take a key's value away", declare_config_unset, {}},
};
constexpr Verb kMediaVerbs[] = {
    {"create", "Make an image that gives a bare machine its values", declare_media_create, {}},
    {"import", "Take over what an attached medium holds", declare_media_import, {}},
};
constexpr Verb kProfileVerbs[] = {
    {"pack", "Make a package from a directory", declare_profile_pack, {}},
    {"sign", "Sign a package", declare_profile_sign, {}},
    {"validate", "Say everything that is wrong with a package", declare_profile_validate, {}},
    {"inspect", "Show what a package holds", declare_profile_inspect, {}},
    {"verify", "Say who signed a package, or why it is refused", declare_profile_verify, {}},
    {"graph", "Draw a profile's steps in Graphviz' language", declare_profile_graph, {}},
    {"diff", "Show what differs between two packages", declare_profile_diff, {}},
    {"list", "Show the profiles on this machine's disk", declare_profile_list, {}},
};
constexpr Verb kTokenVerbs[] = {
    {"create", "Make a new cluster token", declare_token_create, {}},
};
constexpr Verb kVerbs[] = {
    {"status", "Show what this node does and what it waits for", declare_status, {}},
    {"wait", "Wait until the node or a phase is ready", declare_wait, {}},
    {"plan", "Show what an apply would do", declare_plan, {}},
    {"apply", "Carry out the plan, trying failed steps again", declare_apply, {}},
    {"peers", "Show the other nodes and what they said last", declare_peers, {}},
    {"history", "Show what the agent decided and saw", declare_history, {}},
    {"leave", "Undo this node's steps and say goodbye to the peers", declare_leave, {}},
    {"config", "Ask and check the config tree", nullptr, kConfigVerbs},
    {"media", "Make and import media labelled KLUBSTER", nullptr, kMediaVerbs},
    {"profile", "Make and look at profile packages", nullptr, kProfileVerbs},
    {"token", "Make cluster tokens", nullptr, kTokenVerbs},
    {"explain", "Explain a key of the config tree or a reason", declare_explain, {}},
    {"hardware", "Print what identifies this machine, as JSON", declare_hardware, {}},
    {"complete", "", declare_complete, {}},
};

}  // namespace

std::span<const Verb> all_verbs() {
  return kVerbs;
}

}  // namespace klubster
