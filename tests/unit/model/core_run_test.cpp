// What anybody may see of Core's run manifest.
#include "model/core_run.h"

#include "tests/unit/catch.h"

using namespace klubster;

TEST_CASE("of a manifest only what is public is shown", "[core]") {
  const auto manifest = *parse_json(R"({"run_id":"20261121-1-2","script":"scripts/apply.sh",
      "mode":"apply","status":"success","exit_code":0,"current_step":"completed",
      "settings":{"bootstrap_mode":"stack","host_os_id":"debian","base_domain":"lab.example",
                  "agent_server_url":"https://10.0.0.1:6443","tls_mode":7},
      "components":{"k3s":{"result":"installed"},"cluster_runtime":{"result":"installed"},
                    "helm":{"result":"reused","note":"/usr/local/bin"},
                    "nfs":{"result":"skipped"},"10.0.0.1":{"result":"installed"}},
      "hostname":"n1"})");
  const Json run = public_core_run(manifest);
  CHECK(run.get("settings").dump() == R"({"bootstrap_mode":"stack","host_os_id":"debian"})");
  CHECK(run.get("components").get("helm").dump() == R"({"result":"reused"})");
  for (const char* hidden : {"10.0.0.1", "lab.example", "n1\"", "/usr/local"})
    CHECK(run.dump().find(hidden) == std::string::npos);
  CHECK(public_core_run(run) == run);
  CHECK(core_run_text(run) == "20261121-1-2: success: cluster_runtime installed, helm reused");
}

TEST_CASE("what is no manifest gives nothing", "[core]") {
  CHECK(public_core_run(Json()).dump() == "{}");
  CHECK(public_core_run(*parse_json(R"({"status":"success"})")).dump() == "{}");
}

TEST_CASE("only a real run that succeeded counts as one", "[core]") {
  const auto run = [](const char* text) { return *parse_json(text); };
  CHECK(core_run_succeeded(run(R"({"mode":"apply","status":"success","exit_code":0})")));
  CHECK_FALSE(core_run_succeeded(run(R"({"mode":"dry-run","status":"success","exit_code":0})")));
  CHECK_FALSE(core_run_succeeded(run(R"({"mode":"apply","status":"failed","exit_code":1})")));
  CHECK_FALSE(core_run_succeeded(Json()));
}
