// Who this node is to its peers: a durable key, and a counter of its starts.
#pragma once

#include <cstdint>
#include <string>

#include "base/ed25519.h"
#include "base/result.h"

namespace klubster {

// Lives in peerd's state directory as identity.key and incarnation, both 0600 and durable. What is
// there but unreadable is set aside as *.damaged and made anew, with a warning: peers then show a
// new key for the same machine, and tell the incarnation that they know.
class Identity {
 public:
  // Makes the key at first start. kIo when the directory cannot be written.
  static Result<Identity> load(std::string state_dir);

  const Ed25519Key& key() const { return key_; }
  std::uint64_t incarnation() const { return incarnation_; }
  // From now on this key, which the config gives; the one on the disk stays there.
  void use_key(Ed25519Key key) { key_ = std::move(key); }
  // Makes the incarnation higher than both its old value and `seen`, on disk before it returns.
  // kIo when that fails (the old one stays); kConflict when `seen` would leave too few for the
  // starts to come, or no higher one is left.
  Status raise_incarnation(std::uint64_t seen);

 private:
  Identity(std::string state_dir, Ed25519Key key, std::uint64_t incarnation)
      : state_dir_(std::move(state_dir)), key_(std::move(key)), incarnation_(incarnation) {}
  std::string state_dir_;
  Ed25519Key key_;
  std::uint64_t incarnation_;
};

}  // namespace klubster
