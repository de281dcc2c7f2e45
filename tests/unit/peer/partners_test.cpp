// With whom a node compares at rest.
#include "peer/partners.h"

#include <algorithm>
#include <set>

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

std::vector<std::string> nodes(int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i)
    names.push_back("n" + std::to_string(i));
  return names;
}

}  // namespace

TEST_CASE("the same few are asked in turn, and everybody is met in the end", "[partners]") {
  const std::vector<std::string> fit = nodes(40);
  std::minstd_rand random(GENERATE(1U, 2U, 3U));
  Partners partners;
  std::set<std::string> met, before;
  unsigned strangers = 0;
  for (unsigned round = 1; round <= 6000; ++round) {
    const std::string name = partners.next(fit, random);
    CHECK(partners.contains(name));
    met.insert(name);
    if (round > Partners::kCount && before.count(name) == 0) ++strangers;
    before.clear();
    for (const std::string& one : fit) {
      if (partners.contains(one)) before.insert(one);
    }
    CHECK(before.size() == Partners::kCount);
  }
  CHECK(met.size() == fit.size());
  CHECK(strangers == 6000 / Partners::kRoundsOfChange);
}

TEST_CASE("every partner is asked within so many rounds as there are", "[partners]") {
  const std::vector<std::string> fit = nodes(3);
  std::minstd_rand random(7);
  Partners partners;
  std::vector<std::string> asked;
  for (int i = 0; i < 60; ++i) {
    asked.push_back(partners.next(fit, random));
    if (i < 2) continue;
    CHECK(std::set<std::string>(asked.end() - 3, asked.end()).size() == 3);
  }
}

TEST_CASE("who does not answer is no partner, and another takes the place", "[partners]") {
  std::vector<std::string> fit = nodes(10);
  std::minstd_rand random(7);
  Partners partners;
  const std::string gone = partners.next(fit, random);
  std::erase(fit, gone);
  for (int i = 0; i < 50; ++i)
    CHECK(partners.next(fit, random) != gone);
  CHECK_FALSE(partners.contains(gone));
  CHECK(partners.next({}, random).empty());
  CHECK(partners.next({"n1"}, random) == "n1");
  CHECK(partners.next({"n1"}, random) == "n1");
}
