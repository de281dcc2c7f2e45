// Choosing partners.
#include "peer/partners.h"

#include <algorithm>

namespace klubster {

namespace {

// One of them, which is taken out.
std::string draw(std::vector<std::string>& names, std::minstd_rand& random) {
  std::uniform_int_distribution<std::size_t> any(0, names.size() - 1);
  std::swap(names[any(random)], names.back());
  std::string name = std::move(names.back());
  names.pop_back();
  return name;
}

}  // namespace

bool Partners::contains(const std::string& name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

std::string Partners::next(const std::vector<std::string>& fit, std::minstd_rand& random) {
  std::erase_if(names_, [&](const std::string& name) {
    return std::find(fit.begin(), fit.end(), name) == fit.end();
  });
  std::vector<std::string> strangers;
  for (const std::string& name : fit) {
    if (!contains(name)) strangers.push_back(name);
  }
  while (names_.size() < kCount && !strangers.empty())
    names_.push_back(draw(strangers, random));
  if (names_.empty()) return "";
  ++round_;
  std::string& turn = names_[round_ % names_.size()];
  if (round_ % kRoundsOfChange == 0 && !strangers.empty()) turn = draw(strangers, random);
  return turn;
}

}  // namespace klubster
