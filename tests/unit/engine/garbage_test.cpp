// What garbage collection leaves, and when it runs.
#include "engine/garbage.h"

#include "tests/unit/catch.h"
#include "tests/unit/engine/world.h"

using namespace klubster;

namespace {

const std::string kOne(64, '1'), kTwo(64, '2'), kThree(64, '3'), kNext(64, '9');

// A node's past, event by event.
struct Past {
  NodeState state;

  Past& is(Event event, const std::string& boot = "boot-1") {
    event.boot = boot;
    event.seq = state.last_seq + 1;
    state.fold(event);
    return *this;
  }
  Past& made(std::uint64_t number, const std::string& sha256) {
    return is(generation_made({number, "hash", "origin-of-" + sha256, sha256, "demo", "1"}));
  }
  Past& good(std::uint64_t number, const std::string& sha256) {
    return made(number, sha256).is(generation_ready(number));
  }
  Past& started(const std::string& subject, bool owes_undo = false) {
    return is(run_started({subject, "print", "unit.service", 1, 1, owes_undo}));
  }
  Past& ended(const std::string& subject) {
    EndedRun run;
    run.subject = subject;
    run.unit = "unit.service";
    return is(run_ended(run));
  }
  Keep keep(const ProfileOrigin* origin = nullptr, const std::string& unpacked = "",
            bool acquired = false) const {
    return what_to_keep(state, {"boot-1", origin, unpacked, acquired});
  }
};

std::vector<std::string> names_of(const Keep::Reasons& reasons) {
  std::vector<std::string> found;
  for (const auto& [name, why] : reasons) {
    CHECK_FALSE(why.empty());
    found.push_back(name);
  }
  return found;
}

using Names = std::vector<std::string>;
const ProfileOrigin kOrigin{"0123456789abcdef0123456789abcdef", true};

}  // namespace

TEST_CASE("the present generation stays, the good one and the good one before", "[garbage]") {
  Past past;
  past.good(1, kOne).good(2, kTwo);
  CHECK(names_of(past.keep().profiles) == Names{kOne, kTwo});
  past.good(3, kThree);
  CHECK(names_of(past.keep().profiles) == Names{kTwo, kThree});
  CHECK(names_of(past.keep().generations) == Names{"2", "3"});
  past.made(4, kOne);  // on trial
  CHECK(names_of(past.keep().profiles) == Names{kOne, kTwo, kThree});
  CHECK(names_of(past.keep().generations) == Names{"2", "3", "4"});
  past.made(5, kThree);  // never ready: 4 is nothing to go back to
  CHECK(names_of(past.keep().generations) == Names{"2", "3", "5"});
}

TEST_CASE("what a rollback needs stays, before it, during its trial and after", "[garbage]") {
  Past past;
  past.good(1, kOne).good(2, kTwo).made(3, kThree);
  CHECK(names_of(past.keep().generations) == Names{"1", "2", "3"});
  GenerationFacts again{4, "hash", "origin-of-" + kTwo, kTwo, "demo", "1"};
  again.rollback_of = 2;
  past.is(rolled_back({3, 2, "ExitCode", "failed", "", {}})).is(generation_made(again));
  CHECK(names_of(past.keep().generations) == Names{"1", "2", "4"});
  CHECK(names_of(past.keep().profiles) == Names{kOne, kTwo});
  past.is(generation_ready(4));
  CHECK(names_of(past.keep().generations) == Names{"1", "4"});  // 4 is 2 again
  CHECK(names_of(past.keep().profiles) == Names{kOne, kTwo});
}

TEST_CASE("a generation that was Ready twice is one", "[garbage]") {
  Past past;
  past.good(1, kOne).good(2, kTwo).is(generation_ready(2)).is(generation_ready(7));
  CHECK(names_of(past.keep().generations) == Names{"1", "2"});
}

TEST_CASE("what still runs out of an older profile keeps it, until the next boot", "[garbage]") {
  Past past;
  past.good(1, kOne).started("server/etcd").good(2, kTwo).good(3, kThree);
  const auto kept = past.keep().profiles;
  REQUIRE(names_of(kept) == Names{kOne, kTwo, kThree});
  CHECK(kept.at(kOne) == Names{"server/etcd runs from it"});
  KeepFacts next_boot;
  next_boot.boot = "boot-2";
  CHECK(names_of(what_to_keep(past.state, next_boot).profiles) == Names{kTwo, kThree});
  past.ended("server/etcd");
  CHECK(names_of(past.keep().profiles) == Names{kTwo, kThree});
}

TEST_CASE("what is to be undone keeps the generation and the profile that did it", "[garbage]") {
  Past past;
  past.good(1, kOne).started("server/old", true).ended("server/old");
  past.good(2, kTwo).good(3, kThree);
  CHECK(past.keep().profiles.at(kOne) == Names{"to undo server/old"});
  CHECK(names_of(past.keep().generations) == Names{"1", "2", "3"});
  past.ended("undo/server/old");
  CHECK(names_of(past.keep().profiles) == Names{kTwo, kThree});
  CHECK(names_of(past.keep().generations) == Names{"2", "3"});
}

TEST_CASE("of the profile that is being brought everything stays that goes on", "[garbage]") {
  Past past;
  past.good(1, kOne);
  const auto kept = past.keep(&kOrigin);
  CHECK(names_of(kept.downloads) == Names{kOrigin.fingerprint});
  CHECK(names_of(kept.results) == Names{kOrigin.fingerprint, "origin-of-" + kOne});
  CHECK(kept.stagings.empty());  // what an attempt left: the next begins anew

  past.is(run_started({"profile/unpack", kOrigin.fingerprint, "u.service", 1, 1, false}));
  CHECK(names_of(past.keep(&kOrigin).stagings) == Names{kOrigin.fingerprint});
  past.ended("profile/unpack");
  past.is(step_done("profile/unpack", kOrigin.fingerprint, "worker", Json::object()));
  CHECK(names_of(past.keep(&kOrigin, kNext).stagings) == Names{kOrigin.fingerprint});
  CHECK(names_of(past.keep(&kOrigin, kNext).profiles) == Names{kOne, kNext});
  // Sealed, and waiting for `klubster apply`, or for an input.
  const auto sealed = past.keep(&kOrigin, kNext, true);
  CHECK(names_of(sealed.profiles) == Names{kOne, kNext});
  CHECK(sealed.downloads.empty());
  CHECK(sealed.stagings.empty());
  CHECK(sealed.results.count(kOrigin.fingerprint) == 1);
}

TEST_CASE("a node without a past keeps nothing", "[garbage]") {
  const Keep keep = Past().keep();
  CHECK(keep.profiles.empty());
  CHECK(keep.generations.empty());
  CHECK(keep.results.empty());
}

TEST_CASE("what is kept has one digest, whatever it is kept for", "[garbage]") {
  Past past, other;
  past.good(1, kOne).good(2, kTwo);
  other.good(1, kOne).good(2, kTwo).started("server/etcd");
  CHECK(past.keep().digest() == other.keep().digest());
  CHECK(past.keep().digest() != Past().good(2, kTwo).keep().digest());
}

TEST_CASE("by itself it runs when the generation is Ready and nothing is under way", "[garbage]") {
  Past past;
  Decision decision;
  AcquireDecision acquisition;
  const auto due = [&] { return collection_due(past.state, decision, acquisition); };
  CHECK_FALSE(due());
  past.made(1, kOne);
  acquisition.acquired = decision.ready = true;
  CHECK_FALSE(due());
  past.is(generation_ready(1));
  CHECK(due());
  acquisition.acquired = false;  // another one is on its way
  CHECK_FALSE(due());
  acquisition.acquired = true;
  decision.ready = false;
  CHECK_FALSE(due());
  decision.ready = true;
  past.started("profile/unpack");
  CHECK_FALSE(due());
  past.ended("profile/unpack").is(leave_requested({}));
  CHECK_FALSE(due());
}

TEST_CASE("a full disk is a reason, as soon as nobody writes to the store", "[garbage]") {
  Past past;
  past.made(1, kOne).started("profile/unpack");
  AcquireDecision acquisition;
  acquisition.reason = "DiskFull";
  CHECK_FALSE(collection_due(past.state, {}, acquisition));
  past.ended("profile/unpack");
  CHECK(collection_due(past.state, {}, acquisition));
}

TEST_CASE("no worker begins while garbage is collected, and what was held back goes on",
          "[garbage]") {
  EngineWorld world(plan_of({}));
  world.shell->set_collecting(true);
  world.shell->set_origin(kOrigin);
  world.settle();
  CHECK(world.unit_of("profile/signature").empty());
  CHECK_FALSE(world.shell->acquisition().acquired);
  world.shell->set_collecting(false);
  world.settle();
  CHECK_FALSE(world.unit_of("profile/signature").empty());
}
