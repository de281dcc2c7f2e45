// The one table of verbs.
#include "cli/verbs.h"

namespace klubster {

namespace {

constexpr Verb kBootVerbs[] = {
    {"check", "Wait until it is known whether this boot is good", declare_boot_check, {}},
};
constexpr Verb kClusterVerbs[] = {
    {"init", "Make this server the first one of a new cluster", declare_cluster_init, {}},
};
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
constexpr Verb kPeersVerbs[] = {
    {"export", "Write an inventory of the nodes for other programs", declare_peers_export, {}},
    {"replace", "Give a node's name to the machine that asks for it", declare_peers_replace, {}},
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
    {"gc", "Remove what no generation needs any more", declare_profile_gc, {}},
};
constexpr Verb kTokenVerbs[] = {
    {"create", "Make a new cluster token", declare_token_create, {}},
};
constexpr Verb kVerbs[] = {
    {"status", "Show what this node does and what it waits for", declare_status, {}},
    {"wait", "Wait until the node or a phase is ready", declare_wait, {}},
    {"plan", "Show what an apply would do", declare_plan, {}},
    {"apply", "Carry out the plan, trying failed steps again", declare_apply, {}},
    {"peers", "Show the other nodes and what they said last", declare_peers, kPeersVerbs},
    {"history", "Show what the agent decided and saw", declare_history, {}},
    {"logs", "Show what steps wrote", declare_logs, {}},
    {"run", "Run one of the profile's commands", declare_run, {}},
    {"leave", "Undo this node's steps and say goodbye to the peers", declare_leave, {}},
    {"destroy", "Undo everything that profiles did on this node", declare_destroy, {}},
    {"reset", "Destroy, then forget profiles and state", declare_reset, {}},
    {"boot", "Judge this boot", nullptr, kBootVerbs},
    {"rollback", "Return to an earlier config and profile", declare_rollback, {}},
    {"recover", "Leave recovery mode and try again", declare_recover, {}},
    {"reboot", "Reboot the machine once its tasks have ended", declare_reboot, {}},
    {"cluster", "Overrule how a cluster forms", nullptr, kClusterVerbs},
    {"config", "Ask and check the config tree", nullptr, kConfigVerbs},
    {"media", "Make and import media labelled KLUBSTER", nullptr, kMediaVerbs},
    {"profile", "Make and look at profile packages", nullptr, kProfileVerbs},
    {"export", "Write this node's config and memory as a tar", declare_export, {}},
    {"import", "Take over the config of an export", declare_import, {}},
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
