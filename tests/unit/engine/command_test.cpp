// Commands of an operator: `klubster run`.
#include "tests/unit/catch.h"
#include "tests/unit/engine/world.h"

using namespace klubster;

namespace {

Profile profile_with_backup() {
  Profile profile;
  profile.name = "k";
  InputSpec where;
  where.name = "WHERE";
  InputSpec key = where;
  key.name = "KEY";
  key.sensitive = true;
  InputSpec other = where;
  other.name = "OTHER";
  profile.inputs = {where, key, other};
  profile.modes["server"] = {};
  StepSpec backup;
  backup.id = "backup";
  backup.run = {"bin/backup"};
  backup.inputs = {"WHERE", "KEY"};
  backup.retry.attempts = 1;
  profile.commands["backup"] = backup;
  return profile;
}

Plan plan_with(std::map<std::string, CommandRequest> commands) {
  PlanInputs given;
  given.generation = 1;
  given.modes = {"server"};
  given.values["WHERE"] = "/tree";
  given.commands = std::move(commands);
  auto plan = make_plan(profile_with_backup(), given);
  REQUIRE(plan);
  return *plan;
}

const StepView& backup_view(const EngineWorld& world) {
  REQUIRE(world.shell->decision().commands.size() == 1);
  return world.shell->decision().commands[0];
}

}  // namespace

TEST_CASE("a command runs once for each request, with the inputs that were given with it",
          "[engine][command]") {
  EngineWorld world(plan_of({}));
  world.shell->record(command_requested({"backup", "test", {{"WHERE", "/mnt"}}}));
  world.use(plan_with(world.shell->state().commands));
  CHECK(world.shell->plan()->commands[0].inputs.at("WHERE").value == "/mnt");
  world.finish(world.unit_of("command/backup"), 0);
  CHECK(backup_view(world).progress == StepProgress::kDone);
  world.power_cut_and_boot();
  CHECK(world.count("RunStarted") == 1);
  Plan changed = plan_with(world.shell->state().commands);
  changed.commands[0].spec.run = {"bin/newer"};
  changed.commands[0].inputs["WHERE"].value = "/elsewhere";
  world.use(changed);
  CHECK(world.count("RunStarted") == 1);

  world.shell->record(command_requested({"backup", "test", {}}));
  world.use(plan_with(world.shell->state().commands));
  CHECK(world.shell->plan()->commands[0].inputs.at("WHERE").value == "/tree");
  CHECK(world.count("RunStarted") == 2);
}

TEST_CASE("a command that failed or was cut off may be asked for again", "[engine][command]") {
  const bool cut = GENERATE(false, true);
  EngineWorld world(plan_of({}));
  world.shell->record(command_requested({"backup", "test", {}}));
  world.use(plan_with(world.shell->state().commands));
  if (cut) {
    world.power_cut_and_boot();
    CHECK(backup_view(world).progress == StepProgress::kNeedsPerson);
  } else {
    world.finish(world.unit_of("command/backup"), 3);
    CHECK(backup_view(world).progress == StepProgress::kFailed);
    CHECK(backup_view(world).reason == "ExitCode");
  }
  // An apply tries failed steps again, not commands.
  world.shell->record(retry_requested({.by = "test"}));
  world.settle();
  CHECK(backup_view(world).at_rest());
  world.shell->record(command_requested({"backup", "test", {}}));
  world.use(plan_with(world.shell->state().commands));
  CHECK(backup_view(world).progress == StepProgress::kRunning);
}

TEST_CASE("a command waits for the peers that it needs, each time that it is asked for",
          "[engine][command]") {
  EngineWorld world(plan_of({}));
  NeedView unmet, met;
  unmet.waiting_for = "server Ready at any of n2";
  met.satisfied = true;
  for (const int runs : {1, 2}) {
    world.shell->record(command_requested({"backup", "test", {}}));
    Plan plan = plan_with(world.shell->state().commands);
    plan.commands[0].spec.needs = {{"server", "Ready", "any"}};
    world.shell->set_needs({{"command/backup", unmet}});
    world.use(plan);
    CHECK(backup_view(world).progress == StepProgress::kWaiting);
    CHECK(backup_view(world).message == "server Ready at any of n2");
    CHECK_FALSE(world.shell->moves());

    world.shell->set_needs({{"command/backup", met}});
    world.settle();
    CHECK(world.count("RunStarted") == runs);
    world.finish(world.unit_of("command/backup"), 0);
    CHECK(backup_view(world).progress == StepProgress::kDone);
  }
}

TEST_CASE("a command whose `when` does not hold is refused; what was asked for runs",
          "[engine][command]") {
  Profile profile = profile_with_backup();
  StepSpec& backup = profile.commands["backup"];
  backup.when_input = "WHERE";
  backup.when_is = "/mnt";
  const auto reason = [&](const std::map<std::string, std::string>& asked,
                          const std::map<std::string, std::string>& tree) {
    const auto holds = check_when(profile, {"backup", "test", asked}, tree, {});
    return holds ? "" : holds.error().reason();
  };
  CHECK(reason({}, {}) == "CommandSkipped");
  CHECK(reason({}, {{"WHERE", "/tree"}}) == "CommandSkipped");
  CHECK(reason({}, {{"WHERE", "/mnt"}}).empty());
  CHECK(reason({{"WHERE", "/mnt"}}, {{"WHERE", "/tree"}}).empty());
  CHECK(reason({{"WHERE", "/tree"}}, {{"WHERE", "/mnt"}}) == "CommandSkipped");

  backup.when_input = "KEY";
  backup.inputs = {"KEY"};
  const auto hidden = check_when(profile, {"backup", "test", {}}, {}, {{"KEY", "hidden"}});
  REQUIRE_FALSE(hidden);
  CHECK(hidden.error().message().find("hidden") == std::string::npos);

  PlanInputs given;
  given.modes = {"server"};
  given.commands["backup"] = {.seq = 7, .by = "test", .inputs = {}};
  const auto plan = make_plan(profile, given);
  REQUIRE(plan);
  CHECK_FALSE(plan->commands.at(0).skipped);  // the tree may have changed since
}

TEST_CASE("an unknown command, an unknown or a sensitive input are refused, all at once",
          "[engine][command]") {
  const Profile profile = profile_with_backup();
  auto unknown = check_command(profile, "restore", {});
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().reason() == "NoSuchCommand");
  CHECK(unknown.error().message().find("backup") != std::string::npos);

  auto refused = check_command(profile, "backup", {{"KEY", "hidden"}, {"OTHER", "x"}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message().find("secrets/KEY") != std::string::npos);
  CHECK(refused.error().message().find("OTHER") != std::string::npos);
  CHECK(refused.error().message().find("hidden") == std::string::npos);
  CHECK(check_command(profile, "backup", {{"WHERE", "/mnt"}}));
}
