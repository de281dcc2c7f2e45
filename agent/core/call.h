// What klubster-core is asked to do, and the surroundings of its step.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace klubster {

struct ClusterMember {
  std::string name;
  bool self = false;
  std::vector<std::string> modes;
  std::vector<std::string> addresses;  // hosts, the configured one first
  bool has_mode(std::string_view mode) const;
};

struct Call {
  std::string verb;
  std::vector<std::string> modes;                           // the words behind it
  std::map<std::string, std::string, std::less<>> options;  // "--core", "--prefix", …

  // Of the step (profile-format.md "What a step sees").
  std::string state_dir, outputs_file, credentials_dir, node, unit;
  std::vector<ClusterMember> members;

  std::string option(std::string_view name) const;
  bool has(std::string_view name) const { return options.find(name) != options.end(); }
  std::string mode() const { return modes.empty() ? "" : modes.front(); }
  // The directory of the bundle that the first phase's step `bundle` made.
  std::string core() const { return option("--core"); }

  // An input: from the environment, a sensitive one from its credential; empty: not given.
  std::string input(const std::string& name) const;
  // The scenario's own: "BASE_DOMAIN" gives ONPREM_BASE_DOMAIN.
  std::string setting(const std::string& name) const;
  // The server's address, as the inputs or else the members say. kInvalid, InputMissing.
  Result<std::string> server_host() const;
  std::string rancher_host() const, registry_host() const;
};

// kInvalid, reason "Usage", for unknown words; kInvalid or kIo when the members cannot be read.
Result<Call> read_call(const std::vector<std::string>& arguments);

// One word on standard output tells how far it is, and one line for `klubster status`.
void say(const std::string& line);

}  // namespace klubster
