// Which key and machine each node name was first seen with: durable, so that a restart does not
// forget whom it trusts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace klubster {

struct Pin {
  std::string key;  // raw Ed25519 public key
  std::string machine;
  // The incarnation that said goodbye; 0: it has not. Then the name is free for another machine.
  std::uint64_t left = 0;
  bool operator==(const Pin&) const = default;
};

class Pins {
 public:
  // pins.json in `state_dir`; damaged ones are set aside with a warning. kIo.
  static Result<Pins> load(const std::string& state_dir);

  const Pin* find(std::string_view name) const;
  std::size_t size() const { return pins_.size(); }
  // On disk when it returns. kIo: remembered in memory only.
  Status set(const std::string& name, Pin pin);

 private:
  explicit Pins(std::string path) : path_(std::move(path)) {}
  std::string path_;
  std::map<std::string, Pin, std::less<>> pins_;
};

}  // namespace klubster
