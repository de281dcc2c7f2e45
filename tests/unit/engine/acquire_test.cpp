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
  world.wake();
  CHECK_FALSE(world.unit_of("profile/signature").empty());
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
