// Facts made here and facts received from peers, kept 0600 so that a reboot needs no network.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "model/node_state.h"

namespace klubster {

struct Fact {
  std::string value;
  bool sensitive = false;
  bool share = false;
};
using Facts = std::map<std::string, Fact>;  // by name

class FactStore {
 public:
  // `salt`: this machine's own.
  FactStore(std::string directory, std::string salt)
      : directory_(std::move(directory)), salt_(std::move(salt)) {}

  // Everything that is kept and that the event log knows of. What cannot be read, is not what was
  // written, or is gone, is left out, and trouble() says so until it is kept again. Of a directory
  // that cannot be listed nothing is said as long as the log knows of nothing in it.
  void load(const NodeState& state);
  std::optional<Error> trouble() const;
  // Steps whose outputs are among it: they have to be done again. Facts of peers come by
  // themselves.
  const std::set<std::string>& lost() const { return lost_; }

  // By subject ("server/etcd"): what its step put out, what it was given by peers.
  const std::map<std::string, Facts>& made() const { return made_; }
  const std::map<std::string, Facts>& received() const { return received_; }

  // Durable when they return.
  Status keep_made(const std::string& subject, Facts facts);
  Status keep_received(const std::string& subject, Facts facts);

  // name -> digest of the value: what the event log says of facts, which everybody may read. Of a
  // sensitive one it is salted, else a short secret could be guessed.
  Json digests_of(const Facts& facts) const;

 private:
  Status keep(const char* kind, const std::string& subject, const Facts& facts);
  std::string path_of(const char* kind, const std::string& subject) const;
  void load_file(const std::string& name);

  std::string directory_, salt_;
  std::map<std::string, Facts> made_, received_;
  std::map<std::string, Error> troubles_;  // by path
  std::set<std::string> lost_;
};

}  // namespace klubster
