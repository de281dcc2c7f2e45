// The Core bundle: brought here, proven, unpacked, and looked at before anything relies on it.
#pragma once

#include <string>

#include "base/result.h"
#include "core/call.h"
#include "core/questions.h"

namespace klubster {

struct CoreBundle {
  std::string directory;
  std::string version;  // "0.9.5"; empty: it does not say
  CoreGeneration generation = CoreGeneration::kApply;

  std::string script(const std::string& name) const { return directory + "/scripts/" + name; }
  // By what each generation calls them.
  std::string apply_script() const, validate_script() const, backup_script() const;
  // Empty: this bundle has none.
  std::string cleanup_script() const;
};

// Looks at what is in a directory. kInvalid, CoreIncomplete, with the members that are missing.
// `for_stack`: whether add-ons will be installed from packages.
Result<CoreBundle> look_at_bundle(const std::string& directory, bool for_stack);

// `klubster-core bundle`: makes STATE_DIRECTORY/current what --path or --url and --sha256 say.
Status obtain_bundle(const Call& call);
// `klubster-core bundle --check`: whether it is that.
Status check_bundle(const Call& call);

// Downloads into `file`. `sha256` may be empty, then only https will do. Errors as
// klubster-fetch's, kUntrusted DigestMismatch.
Status download(const std::string& url, const std::string& sha256, const std::string& ca,
                const std::string& file);

}  // namespace klubster
