// With whom a node compares what it knows: at rest with the same few in turn, whose connections are
// kept, since a handshake costs more than all that is said after it. Now and then one of them gives
// way to another peer, so that everybody is met. Pure but for the chance.
#pragma once

#include <random>
#include <string>
#include <vector>

namespace klubster {

class Partners {
 public:
  // With three of each node by chance all are connected, and news that a push missed are everywhere
  // after about as many rounds as with a new peer each time.
  static constexpr std::size_t kCount = 3;
  // No multiple of their number: each gives way in turn.
  static constexpr unsigned kRoundsOfChange = 10;

  // Whom to ask in this round: one of `fit`, which are the peers that answer, by name. Empty when
  // there are none. Who is not among them is no partner any more.
  std::string next(const std::vector<std::string>& fit, std::minstd_rand& random);
  bool contains(const std::string& name) const;

 private:
  std::vector<std::string> names_;
  unsigned round_ = 0;
};

}  // namespace klubster
