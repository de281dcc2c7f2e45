// The verbs: one file each, all in one table.
#pragma once

#include "cli/arguments.h"

namespace klubster {

std::span<const Verb> all_verbs();

Action declare_status(Arguments& arguments);
Action declare_wait(Arguments& arguments);
Action declare_plan(Arguments& arguments);
Action declare_apply(Arguments& arguments);
Action declare_peers(Arguments& arguments);
Action declare_peers_export(Arguments& arguments);
Action declare_peers_replace(Arguments& arguments);
Action declare_history(Arguments& arguments);
Action declare_logs(Arguments& arguments);
Action declare_run(Arguments& arguments);
Action declare_leave(Arguments& arguments);
Action declare_destroy(Arguments& arguments);
Action declare_reset(Arguments& arguments);
Action declare_reboot(Arguments& arguments);
Action declare_recover(Arguments& arguments);
Action declare_rollback(Arguments& arguments);
Action declare_export(Arguments& arguments);
Action declare_import(Arguments& arguments);
Action declare_explain(Arguments& arguments);
Action declare_hardware(Arguments& arguments);

Action declare_boot_check(Arguments& arguments);

Action declare_cluster_init(Arguments& arguments);

Action declare_config_get(Arguments& arguments);
Action declare_config_list(Arguments& arguments);
Action declare_config_keys(Arguments& arguments);
Action declare_config_dump(Arguments& arguments);
Action declare_config_check(Arguments& arguments);
Action declare_config_diff(Arguments& arguments);
Action declare_config_set(Arguments& arguments);
Action declare_config_unset(Arguments& arguments);

Action declare_media_create(Arguments& arguments);
Action declare_media_import(Arguments& arguments);

// All but list and gc are carried out by klubster-unpack, which alone reads packages.
Action declare_profile_pack(Arguments& arguments);
Action declare_profile_sign(Arguments& arguments);
Action declare_profile_validate(Arguments& arguments);
Action declare_profile_inspect(Arguments& arguments);
Action declare_profile_verify(Arguments& arguments);
Action declare_profile_graph(Arguments& arguments);
Action declare_profile_diff(Arguments& arguments);
Action declare_profile_list(Arguments& arguments);
Action declare_profile_gc(Arguments& arguments);

Action declare_token_create(Arguments& arguments);

// Of shells, in agent/cli/completion/.
Action declare_complete(Arguments& arguments);

}  // namespace klubster
