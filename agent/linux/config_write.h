// Changes a root of the config tree so that no reader sees half of a change.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace klubster {

struct TreeChange {
  std::string key;                   // path below the root, overlays and .unset included
  std::optional<std::string> value;  // nullopt: the file is removed, if it is there
  bool secret = false;               // so that the file gets mode 0600
};

// Makes all changes or none. One change is one rename. For several, a copy beside the root is
// changed, synced and exchanged with it (renameat2, RENAME_EXCHANGE): a reader, and a machine after
// a power cut, has the old tree or the new one. What a killed run left behind is removed first; two
// runs at once wait for one another (a run that waits for ten seconds gives up: kConflict,
// AlreadyRunning).
//
// Files get mode 0644, secrets (of the change or by the schema) 0600, also when only copied;
// directories keep theirs. The root is made when it is missing; directories that a removal leaves
// empty go too. Links inside the tree stay links and are never written through.
//
// kInvalid, BadValue: a key that is no path below the root, or a file where a directory must be and
// the other way round. kIo: what the system refused; the old tree stays.
Status change_tree(const std::string& root, const std::vector<TreeChange>& changes);

}  // namespace klubster
