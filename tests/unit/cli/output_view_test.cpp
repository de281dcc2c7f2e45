// What steps wrote, on a terminal and as JSON.
#include "cli/output_view.h"

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

StepOutput output(std::string message) {
  StepOutput made;
  made.time_usec = 1'800'000'000'000'000;
  made.phase = "server";
  made.step = "etcd";
  made.stage = "run";
  made.attempt = 1;
  made.generation = 3;
  made.unit = "etcd.service";
  made.pid = 77;
  made.message = std::move(message);
  return made;
}

// Without the time, which depends on where the test runs.
std::string text(const StepOutput& output, bool with_step = true) {
  std::string shown;
  const std::size_t time = local_time(output.time_usec).size() + 1;
  std::string rest = output_text(output, with_step, Look{});
  while (!rest.empty()) {
    const auto end = rest.find('\n') + 1;
    shown += rest.substr(time, end - time);
    rest.erase(0, end);
  }
  return shown;
}

}  // namespace

TEST_CASE("each line says whose it is, unless one step was asked for", "[logs]") {
  CHECK(text(output("hello")) == "server/etcd: hello\n");
  CHECK(text(output("hello"), false) == "hello\n");
  CHECK(text(output("one\ntwo")) == "server/etcd: one\nserver/etcd: two\n");
  CHECK(text(output(""), false) == "\n");
}

TEST_CASE("probes and later attempts are marked", "[logs]") {
  StepOutput probe = output("asked");
  probe.stage = "ready";
  CHECK(text(probe) == "server/etcd ready: asked\n");
  probe.attempt = 2;
  CHECK(text(probe, false) == "ready #2: asked\n");
}

TEST_CASE("what contradicts itself is shown with its unit", "[logs]") {
  StepOutput forged = output("hello");
  forged.step.clear();
  CHECK(text(forged, false) == "etcd.service: hello\n");
  CHECK(output_json(forged).get("step").is_null());
}

TEST_CASE("nothing that a step writes reaches the terminal as a command to it", "[logs]") {
  CHECK(text(output("\033[2Jgone\a"), false) == "\\x1b[2Jgone\\x07\n");
  CHECK(text(output("\xc2\x9b"
                    "31m"),
             false) == "\\xc2\\x9b31m\n");  // CSI in one character
  CHECK(text(output("a\tb"), false) == "a\tb\n");
  CHECK(text(output("10%\r20%\r"), false) == "10%\\x0d20%\n");
  CHECK(text(output("\xff"), false) == "\\xff\n");
}

TEST_CASE("a line of any length is shown within bounds", "[logs]") {
  const std::string shown = text(output(std::string(1 << 20, '\033')), false);
  CHECK(shown.size() < 300 * 1024);
  CHECK(shown.ends_with("…\n"));
}

TEST_CASE("JSON has the message as it was written", "[logs]") {
  const Json json = output_json(output("\033[31mred"));
  CHECK(json.text_or("message") == "\033[31mred");
  CHECK(json.text_or("phase") == "server");
  CHECK(json.integer_or("attempt") == 1);
  CHECK(json.integer_or("time") == 1'800'000'000'000'000);
  CHECK(output_json(output("a\xff")).get("message") == Json(Json::Array{Json(97), Json(255)}));
}
