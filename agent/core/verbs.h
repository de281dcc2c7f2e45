// What klubster-core can do: each verb is the command of one step, check, undo or operator verb.
#pragma once

#include "base/result.h"
#include "core/call.h"

namespace klubster {

Status preflight(const Call& call);     // preflight MODE…: may Core do its work here
Status install(const Call& call);       // install MODE: Core, then the proof that it did
Status is_installed(const Call& call);  // check MODE: the proof alone
Status nodes(const Call& call);         // the cluster has exactly the members, all Ready
Status validate(const Call& call);      // validate MODE: Core's own judgement, then ours
Status hosts(const Call& call);         // the names of Rancher and registry in /etc/hosts
Status cleanup(const Call& call);       // cleanup MODE: Core's cleanup, or K3s' own
Status backup(const Call& call);        // Core's backup

}  // namespace klubster
