// The way of a profile onto the disk.
#include "engine/acquire.h"

#include "tests/unit/catch.h"
#include "tests/unit/engine/world.h"

using namespace klubster;

namespace {

const WorkerVerdict kGood{true, true, 0, "", ""};
const ProfileOrigin kSigned{"0123456789abcdef0123456789abcdef", true, false};

// The worker of this stage ends, with this verdict in its result file.
void answer(EngineWorld& world, WorkerStage stage, WorkerVerdict verdict) {
  world.workers.verdicts[stage] = verdict;
  const std::string unit = world.unit_of(subject_of(stage));
  INFO("stage " << to_string(stage));
  REQUIRE_FALSE(unit.empty());
  world.finish(unit, verdict.ok ? 0 : 1);
}

EngineWorld& with_origin(EngineWorld& world, const ProfileOrigin& origin) {
  world.shell->set_origin(origin);
  world.settle();
  return world;
}

}  // namespace

TEST_CASE("signature, package, unpack and seal follow one another", "[acquire]") {
  EngineWorld world(plan_of({}));
  with_origin(world, kSigned);
  for (const auto stage :
       {WorkerStage::kSignature, WorkerStage::kPackage, WorkerStage::kUnpack, WorkerStage::kSeal}) {
    CHECK_FALSE(world.shell->acquisition().acquired);
    answer(world, stage, kGood);
  }
  CHECK(world.shell->acquisition().acquired);
  CHECK(world.manager.units.empty());
}

TEST_CASE("a local package is not fetched", "[acquire]") {
  EngineWorld world(plan_of({}));
  with_origin(world, {"0123456789abcdef", true, true});
  CHECK_FALSE(world.unit_of("profile/unpack").empty());
}

TEST_CASE("a failed download is tried again, and its reason shown meanwhile", "[acquire]") {
  EngineWorld world(plan_of({}));
  with_origin(world, kSigned);
  answer(world, WorkerStage::kSignature, {false, true, 0, "ConnectFailed", "nobody listens"});
  CHECK(world.shell->acquisition().reason == "ConnectFailed");
  CHECK(world.unit_of("profile/signature").empty());
  REQUIRE(world.timers.due);
  world.wake();
  CHECK_FALSE(world.unit_of("profile/signature").empty());
}

TEST_CASE("a server's Retry-After is a floor for the pause", "[acquire]") {
  EngineWorld world(plan_of({}));
  with_origin(world, kSigned);
  answer(world, WorkerStage::kSignature, {false, true, 120, "HttpStatus", "503"});
  REQUIRE(world.timers.due);
  CHECK(*world.timers.due - world.timers.now == 120'000'000);
}

TEST_CASE("bytes that do not prove themselves are dropped and fetched from zero", "[acquire]") {
  EngineWorld world(plan_of({}));
  with_origin(world, kSigned);
  answer(world, WorkerStage::kSignature, kGood);
  answer(world, WorkerStage::kPackage, kGood);
  answer(world, WorkerStage::kUnpack, {false, true, 0, "DigestMismatch", "other bytes"});
  CHECK(world.workers.drops == 1);
  world.workers.on_disk.clear();
  world.settle();
  CHECK(world.unit_of("profile/signature").empty());  // not in a loop without a pause
  world.wake();
  CHECK_FALSE(world.unit_of("profile/signature").empty());
  CHECK(world.shell->acquisition().reason == "DigestMismatch");  // told while it is fetched again
  answer(world, WorkerStage::kSignature, kGood);
  answer(world, WorkerStage::kPackage, kGood);
  REQUIRE_FALSE(world.unit_of("profile/unpack").empty());
  CHECK(world.shell->acquisition().reason == "DigestMismatch");  // and while it is judged again
  CHECK(world.shell->acquisition().message == "other bytes");
  answer(world, WorkerStage::kUnpack, kGood);
  CHECK(world.shell->acquisition().reason.empty());
}

TEST_CASE("a package that is condemned again and again is fetched more and more rarely",
          "[acquire]") {
  EngineWorld world(plan_of({}));
  with_origin(world, kSigned);
  std::uint64_t before = 0;
  for (int i = 0; i < 4; ++i) {
    answer(world, WorkerStage::kSignature, kGood);
    answer(world, WorkerStage::kPackage, kGood);
    answer(world, WorkerStage::kUnpack, {false, true, 0, "DigestMismatch", "other bytes"});
    world.workers.on_disk.clear();
    world.settle();
    REQUIRE(world.timers.due);
    const std::uint64_t pause = *world.timers.due - world.timers.now;
    CHECK(pause > before);
    before = pause;
    world.wake();
  }
}

TEST_CASE("an archive that is refused is looked at again, but rarely", "[acquire]") {
  EngineWorld world(plan_of({}));
  with_origin(world, {"0123456789abcdef", false, true});
  answer(world, WorkerStage::kUnpack, {false, false, 0, "ArchiveRefused", "a device"});
  REQUIRE(world.timers.due);
  CHECK(*world.timers.due - world.timers.now >= 60'000'000);
}

TEST_CASE("a crashed worker is not believed", "[acquire]") {
  EngineWorld world(plan_of({}));
  with_origin(world, kSigned);
  world.workers.verdicts[WorkerStage::kSignature] = kGood;
  world.finish(world.unit_of("profile/signature"), 139);
  CHECK(world.shell->acquisition().reason == "ExitCode");
}

TEST_CASE("a power cut during a download begins that stage again", "[acquire]") {
  EngineWorld world(plan_of({}));
  with_origin(world, kSigned);
  answer(world, WorkerStage::kSignature, kGood);
  world.power_cut_and_boot();
  with_origin(world, kSigned);
  CHECK_FALSE(world.unit_of("profile/package").empty());
  CHECK(world.shell->state().subject("profile/signature").starts == 1);
}

TEST_CASE("what was unpacked before a power cut is unpacked again before it is sealed",
          "[acquire]") {
  EngineWorld world(plan_of({}));
  with_origin(world, {"0123456789abcdef", true, true});
  answer(world, WorkerStage::kUnpack, kGood);
  REQUIRE_FALSE(world.unit_of("profile/seal").empty());
  world.power_cut_and_boot();
  with_origin(world, {"0123456789abcdef", true, true});
  CHECK(world.unit_of("profile/seal").empty());
  REQUIRE_FALSE(world.unit_of("profile/unpack").empty());
  answer(world, WorkerStage::kUnpack, kGood);
  answer(world, WorkerStage::kSeal, kGood);
  CHECK(world.shell->acquisition().acquired);
}

TEST_CASE("once sealed, nothing is fetched again although the downloads are gone", "[acquire]") {
  EngineWorld world(plan_of({}));
  with_origin(world, kSigned);
  for (const auto stage :
       {WorkerStage::kSignature, WorkerStage::kPackage, WorkerStage::kUnpack, WorkerStage::kSeal}) {
    answer(world, stage, kGood);
  }
  world.workers.on_disk = {WorkerStage::kSeal};
  world.power_cut_and_boot();
  with_origin(world, kSigned);
  CHECK(world.shell->acquisition().acquired);
}

TEST_CASE("sealing moves the staged tree away, and that is no reason to unpack again",
          "[acquire]") {
  EngineWorld world(plan_of({}));
  with_origin(world, {"0123456789abcdef", true, true});
  answer(world, WorkerStage::kUnpack, kGood);
  const std::string seal = world.unit_of("profile/seal");
  world.workers.on_disk.clear();
  world.settle();
  CHECK(world.unit_of("profile/unpack").empty());
  CHECK(world.unit_of("profile/seal") == seal);
}

TEST_CASE("a package and signature of a medium need no network", "[acquire]") {
  EngineWorld world(plan_of({}));
  world.workers.medium = {WorkerStage::kSignature, WorkerStage::kPackage};
  with_origin(world, kSigned);
  CHECK(world.workers.from_medium);
  answer(world, WorkerStage::kUnpack, kGood);
  answer(world, WorkerStage::kSeal, kGood);
  CHECK(world.shell->acquisition().acquired);
  CHECK(world.shell->state().subject("profile/signature").starts == 0);
  CHECK(world.shell->state().subject("profile/package").starts == 0);
}

TEST_CASE("a package of a medium without its signature asks the network for that alone",
          "[acquire]") {
  EngineWorld world(plan_of({}));
  world.workers.medium = {WorkerStage::kPackage};
  with_origin(world, kSigned);
  answer(world, WorkerStage::kSignature, kGood);
  answer(world, WorkerStage::kUnpack, kGood);
  CHECK(world.workers.from_medium);
  CHECK(world.shell->state().subject("profile/package").starts == 0);
}

TEST_CASE("whatever is wrong with a medium's package, the network comes next at once",
          "[acquire]") {
  EngineWorld world(plan_of({}));
  world.workers.medium = {WorkerStage::kSignature, WorkerStage::kPackage};
  with_origin(world, kSigned);
  const auto* reason = GENERATE("DigestMismatch", "SignatureMismatch", "WrongSize", "BadKey",
                                "ArchiveRefused", "ManifestInvalid", "TooLarge", "WorkerFailed");
  INFO(reason);
  answer(world, WorkerStage::kUnpack, {false, false, 0, reason, "wrong"});
  CHECK(world.workers.drops == 0);  // a partial download is not to blame
  CHECK_FALSE(world.unit_of("profile/signature").empty());
  answer(world, WorkerStage::kSignature, kGood);
  answer(world, WorkerStage::kPackage, kGood);
  CHECK_FALSE(world.shell->state().subject("profile/unpack").needs_person);
  world.wake();
  CHECK_FALSE(world.workers.from_medium);
  answer(world, WorkerStage::kUnpack, kGood);
}

TEST_CASE("a medium's package that crashes the worker leads on, a full disk does not",
          "[acquire]") {
  EngineWorld world(plan_of({}));
  world.workers.medium = {WorkerStage::kSignature, WorkerStage::kPackage};
  with_origin(world, kSigned);
  SECTION("a crash") {
    world.finish(world.unit_of("profile/unpack"), 139);
    CHECK(world.workers.medium_refused);
    CHECK_FALSE(world.unit_of("profile/signature").empty());
  }
  SECTION("a full disk") {
    answer(world, WorkerStage::kUnpack, {false, true, 0, "DiskFull", "no space"});
    CHECK_FALSE(world.workers.medium_refused);
    CHECK(world.unit_of("profile/signature").empty());
  }
}

TEST_CASE("a full disk is met with patience: nothing is dropped, the pauses grow to a minute",
          "[acquire]") {
  const auto stage = GENERATE(WorkerStage::kPackage, WorkerStage::kUnpack);
  INFO(to_string(stage));
  EngineWorld world(plan_of({}));
  with_origin(world, {"0123456789abcdef", false, false});
  if (stage == WorkerStage::kUnpack) answer(world, WorkerStage::kPackage, kGood);
  std::uint64_t pause = 0;
  for (int attempt = 1; attempt <= 12; ++attempt) {
    answer(world, stage, {false, true, 0, "DiskFull", "no space left"});
    CHECK(world.shell->acquisition().reason == "DiskFull");
    CHECK_FALSE(world.shell->state().subject(subject_of(stage)).needs_person);
    REQUIRE(world.timers.due);
    const std::uint64_t next = *world.timers.due - world.timers.now;
    CHECK((next > pause || next >= 60'000'000));
    CHECK(next <= 75'000'000);
    pause = next;
    world.wake();
  }
  CHECK(world.workers.drops == 0);  // what is there of the download is gone on with
  answer(world, stage, kGood);
  CHECK(world.shell->acquisition().reason.empty());
}

TEST_CASE("a medium that comes during a download waits for its end", "[acquire]") {
  EngineWorld world(plan_of({}));
  with_origin(world, {"0123456789abcdef", false, false});
  const std::string unit = world.unit_of("profile/package");
  world.workers.medium = {WorkerStage::kPackage};
  world.settle();
  CHECK(world.unit_of("profile/package") == unit);
  answer(world, WorkerStage::kPackage, kGood);
  CHECK_FALSE(world.workers.from_medium);
}

TEST_CASE("a package is judged only when the unit that wrote it is gone", "[acquire]") {
  EngineWorld world(plan_of({}));
  const ProfileOrigin pinned{"0123456789abcdef", false, false};
  with_origin(world, pinned);
  const std::string fetch = world.unit_of("profile/package");
  // The daemon dies after the run's end is on record and before it could release the unit.
  const auto unit = world.manager.units.at(fetch);
  answer(world, WorkerStage::kPackage, kGood);
  world.finish(world.unit_of("profile/unpack"), 139);
  world.manager.units[fetch] = unit;
  world.start_agent();
  with_origin(world, pinned);
  world.wake();
  CHECK(world.manager.units.count(fetch) == 0);
  CHECK_FALSE(world.unit_of("profile/unpack").empty());
}

TEST_CASE("what one place refuses for good another one is asked for soon", "[acquire]") {
  EngineWorld world(plan_of({}));
  with_origin(world, {"0123456789abcdef", false, false, 2});
  const WorkerVerdict missing{false, false, 0, "HttpStatus", "404"};
  answer(world, WorkerStage::kPackage, missing);
  REQUIRE(world.timers.due);
  CHECK(*world.timers.due - world.timers.now <= 3'000'000);
  world.wake();
  answer(world, WorkerStage::kPackage, missing);
  REQUIRE(world.timers.due);
  CHECK(*world.timers.due - world.timers.now >= 60'000'000);
}

TEST_CASE("a running download shows how far it is, and nonsense shows nothing", "[acquire]") {
  EngineWorld world(plan_of({}));
  with_origin(world, {"0123456789abcdef", false, false});
  auto& unit = world.manager.units.at(world.unit_of("profile/package"));
  unit.snapshot.status_text = "downloading 5 of 10 bytes, 1 bytes/s";
  world.manager.changed(unit.snapshot.name);
  world.units->deliver_all();
  REQUIRE(world.shell->acquisition().progress);
  CHECK(world.shell->acquisition().progress->left_sec() == 5);
  unit.snapshot.status_text = "\x1b[2Jready";
  world.manager.changed(unit.snapshot.name);
  world.units->deliver_all();
  CHECK_FALSE(world.shell->acquisition().progress);
}
