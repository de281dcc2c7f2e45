// Whose output an entry of the journal is.
#include "linux/journal_reader.h"

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

// As journald writes it down when a step of the first attempt prints a line.
JournalFieldValues entry() {
  return {{"MESSAGE", "hello"},
          {"_TRANSPORT", "stdout"},
          {"_SYSTEMD_UNIT", "klubster-step-server-etcd-0123abcd-a1.service"},
          {"_SYSTEMD_SLICE", "klubster.slice"},
          {"_PID", "77"},
          {"KLUBSTER_STEP", "etcd"},
          {"KLUBSTER_PHASE", "server"},
          {"KLUBSTER_STAGE", "run"},
          {"KLUBSTER_GENERATION", "3"},
          {"KLUBSTER_ATTEMPT", "1"}};
}

JournalFieldValues with(JournalFieldValues fields, const std::string& name,
                        const std::string& value) {
  fields.erase(name);
  fields.emplace(name, value);
  return fields;
}

JournalFieldValues without(JournalFieldValues fields, const std::string& name) {
  fields.erase(name);
  return fields;
}

OutputFilter only_step(const std::string& phase, const std::string& step) {
  OutputFilter filter;
  filter.phase = phase;
  filter.step = step;
  return filter;
}

}  // namespace

TEST_CASE("a line of a step is told with all that its unit says", "[journal]") {
  const auto output = step_output_of(entry(), {});
  REQUIRE(output);
  CHECK(output->phase == "server");
  CHECK(output->step == "etcd");
  CHECK(output->stage == "run");
  CHECK(output->attempt == 1);
  CHECK(output->generation == 3);
  CHECK(output->pid == 77);
  CHECK(output->message == "hello");
}

TEST_CASE("output is chosen by step, by phase and by attempt", "[journal]") {
  CHECK(step_output_of(entry(), only_step("", "etcd")));
  CHECK(step_output_of(entry(), only_step("server", "etcd")));
  CHECK_FALSE(step_output_of(entry(), only_step("agent", "etcd")));
  CHECK_FALSE(step_output_of(entry(), only_step("", "other")));
  OutputFilter second;
  second.attempt = 2;
  CHECK_FALSE(step_output_of(entry(), second));
  CHECK(step_output_of(with(entry(), "KLUBSTER_ATTEMPT", "2"), second));
}

TEST_CASE("a process outside of the slice is not believed to be a step", "[journal]") {
  CHECK_FALSE(step_output_of(with(entry(), "_SYSTEMD_SLICE", "system.slice"), {}));
  CHECK_FALSE(step_output_of(with(entry(), "_SYSTEMD_SLICE", "user-1000.slice"), {}));
  auto native = with(without(entry(), "_SYSTEMD_SLICE"), "_TRANSPORT", "journal");
  CHECK_FALSE(step_output_of(native, {}));
  CHECK_FALSE(step_output_of(with(native, "_TRANSPORT", "syslog"), {}));
}

TEST_CASE("a line of a process that had ended already is the step's", "[journal]") {
  CHECK(step_output_of(without(entry(), "_SYSTEMD_SLICE"), only_step("server", "etcd")));
  // Without a unit nothing is known of who wrote it.
  CHECK_FALSE(step_output_of(without(without(entry(), "_SYSTEMD_SLICE"), "_SYSTEMD_UNIT"), {}));
}

TEST_CASE("a step that names another one speaks for neither", "[journal]") {
  auto forged = with(entry(), "_TRANSPORT", "journal");
  forged.emplace("KLUBSTER_STEP", "other");
  CHECK_FALSE(step_output_of(forged, only_step("", "other")));
  CHECK_FALSE(step_output_of(forged, only_step("", "etcd")));
  const auto output = step_output_of(forged, {});
  REQUIRE(output);
  CHECK(output->step.empty());
  CHECK(output->unit == "klubster-step-server-etcd-0123abcd-a1.service");
  // Unless the agent says which step runs in that unit.
  OutputFilter told = only_step("server", "etcd");
  told.units[output->unit] = {"server", "etcd"};
  REQUIRE(step_output_of(forged, told));
  CHECK(step_output_of(forged, told)->step == "etcd");
}

TEST_CASE("a unit of the machine's own is the step that the agent says", "[journal]") {
  OutputFilter filter = only_step("server", "database");
  filter.units["postgresql.service"] = {"server", "database"};
  const JournalFieldValues fields = {{"MESSAGE", "ready"},
                                     {"_TRANSPORT", "stdout"},
                                     {"_SYSTEMD_UNIT", "postgresql.service"},
                                     {"_SYSTEMD_SLICE", "system.slice"}};
  REQUIRE(step_output_of(fields, filter));
  CHECK(step_output_of(fields, filter)->step == "database");
  CHECK_FALSE(step_output_of(fields, {}));
}
