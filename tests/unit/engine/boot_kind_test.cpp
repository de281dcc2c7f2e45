// What kind of boot this is: a table, and what must hold for every combination of facts.
#include "engine/boot_kind.h"

#include <functional>

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

// A machine that was shut down in order and has nothing to complain of.
BootFacts sound() {
  BootFacts facts;
  facts.log_found = true;
  facts.remains = true;
  facts.last_stop = LastStop::kOrderly;
  facts.tree = TreeVerdict::kReadable;
  facts.loader = LoaderVerdict::kGood;
  facts.generation = 2;
  return facts;
}

std::string kind(const BootFacts& facts) {
  return std::string(to_string(kind_of_boot(facts).kind));
}

// Calls `each` with every combination of the facts: 2^9 × 3 × 4 × 4.
void for_all_facts(const std::function<void(const BootFacts&)>& each) {
  for (unsigned bits = 0; bits < 512; ++bits) {
    const auto bit = [bits](unsigned n) { return (bits >> n & 1U) != 0; };
    BootFacts facts;
    facts.recovery_asked = bit(0);
    facts.recovery = bit(1) ? "server/etcd failed" : "";
    facts.log_found = bit(2);
    facts.damage = bit(3) ? "event 7" : "";
    facts.remains = bit(4);
    facts.reset_by = bit(5) ? "root" : "";
    facts.on_trial = bit(6);
    facts.rollback_of = bit(7) ? 1 : 0;
    facts.same_boot_id = bit(8);
    facts.generation = 2;
    for (const auto stop : {LastStop::kUnknown, LastStop::kOrderly, LastStop::kCutOff}) {
      facts.last_stop = stop;
      for (const auto tree : {TreeVerdict::kUnknown, TreeVerdict::kNone, TreeVerdict::kReadable,
                              TreeVerdict::kRefused}) {
        facts.tree = tree;
        for (const auto loader : {LoaderVerdict::kUnknown, LoaderVerdict::kGood,
                                  LoaderVerdict::kCounting, LoaderVerdict::kExhausted}) {
          facts.loader = loader;
          each(facts);
        }
      }
    }
  }
}

// Requires within the loops would be counted 24,576 times.
void demand(const BootFacts& facts, bool holds, const char* what) {
  if (holds) return;
  const BootVerdict verdict = kind_of_boot(facts);
  FAIL(what << ": " << to_string(verdict.kind) << ", " << verdict.reason);
}

}  // namespace

TEST_CASE("each kind of boot has its facts", "[boot]") {
  BootFacts facts = sound();
  CHECK(kind(facts) == "normal");
  CHECK_FALSE(kind_of_boot(facts).reason.empty());

  facts.last_stop = LastStop::kCutOff;
  CHECK(kind(facts) == "after-crash");
  facts.on_trial = true;
  CHECK(kind(facts) == "trial");
  CHECK(kind_of_boot(facts).reason ==
        "generation 2 was not ready yet; the last boot ended without an orderly stop");
  facts.rollback_of = 1;
  CHECK(kind(facts) == "rollback");
  facts.damage = "00000001.jsonl, event 7: it does not follow the line before";
  CHECK(kind(facts) == "degraded");
  facts.recovery_asked = true;
  CHECK(kind(facts) == "recovery");

  BootFacts first;
  first.tree = TreeVerdict::kNone;
  CHECK(kind(first) == "first");
  CHECK(kind_of_boot(first).reason == "no event log was there");
  first.reset_by = "root (uid 0)";
  CHECK(kind_of_boot(first).reason == "the node was reset, as root (uid 0) ordered");
}

TEST_CASE("an image that the boot loader counts is on trial, one without tries degraded",
          "[boot]") {
  BootFacts facts = sound();
  facts.loader = LoaderVerdict::kCounting;
  CHECK(kind(facts) == "trial");
  facts.loader = LoaderVerdict::kExhausted;
  CHECK(kind(facts) == "degraded");
  facts.loader = LoaderVerdict::kUnknown;  // machines without such a boot loader
  CHECK(kind(facts) == "normal");
}

TEST_CASE("recovery wins over all, degraded over all but recovery", "[boot]") {
  for_all_facts([](const BootFacts& facts) {
    const BootKind kind = kind_of_boot(facts).kind;
    const bool recovery = facts.recovery_asked || !facts.recovery.empty();
    demand(facts, (kind == BootKind::kRecovery) == recovery, "recovery exactly when it is asked");
    const bool unsound =
        !facts.damage.empty() || facts.same_boot_id || facts.tree == TreeVerdict::kUnknown ||
        facts.tree == TreeVerdict::kRefused || facts.loader == LoaderVerdict::kExhausted ||
        (!facts.log_found && facts.remains && facts.reset_by.empty());
    if (!recovery) demand(facts, (kind == BootKind::kDegraded) == unsound, "degraded when unsound");
  });
}

TEST_CASE("a boot whose kind cannot be determined is never normal", "[boot]") {
  for_all_facts([](const BootFacts& facts) {
    const BootVerdict verdict = kind_of_boot(facts);
    demand(facts, !verdict.reason.empty(), "every kind has a reason");
    if (verdict.kind != BootKind::kNormal) return;
    demand(facts, facts.last_stop == LastStop::kOrderly, "normal follows an orderly stop");
    demand(facts, facts.tree != TreeVerdict::kUnknown, "normal knows its tree");
    demand(facts, facts.log_found && facts.damage.empty(), "normal has a sound log");
    demand(facts, !facts.on_trial, "normal is no trial");
    demand(facts, !facts.same_boot_id, "normal knows that it is another boot");
  });
}

TEST_CASE("who knows nothing at all is degraded", "[boot]") {
  CHECK(kind(BootFacts{}) == "degraded");
}

TEST_CASE("the path that systemd-boot leaves says how many tries are left", "[boot]") {
  CHECK(loader_verdict_of("/loader/entries/image-7+2-1.conf") == LoaderVerdict::kCounting);
  CHECK(loader_verdict_of("\\loader\\entries\\image+3.conf") == LoaderVerdict::kCounting);
  CHECK(loader_verdict_of("\\EFI\\Linux\\image_7+0-3.efi") == LoaderVerdict::kExhausted);
  CHECK(loader_verdict_of("/loader/entries/image-7.conf") == LoaderVerdict::kGood);
  CHECK(loader_verdict_of("/loader/c++/image.conf") == LoaderVerdict::kGood);
  CHECK(loader_verdict_of("") == LoaderVerdict::kGood);
  CHECK(loader_verdict_of("image+x.conf") == LoaderVerdict::kGood);
}
