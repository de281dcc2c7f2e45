// The metrics file, read by the rules of Prometheus' text format 0.0.4.
#include "daemon/metrics.h"

#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

struct Page {
  std::map<std::string, double> samples;  // by name with its labels
  std::string mistake;                    // of the first line that breaks a rule
};

// Strict: help, type and samples of a metric stand together and once, every line ends, a value is a
// number, a sample stands once.
Page read_page(const std::string& text) {
  static const std::regex kHelp("# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) ([^\\n]+)");
  static const std::regex kType("# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|untyped)");
  static const std::string kLabel = R"re([a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*")re";
  static const std::regex kSample("([a-zA-Z_:][a-zA-Z0-9_:]*)(\\{" + kLabel + "(?:," + kLabel +
                                  ")*\\})? (-?[0-9]+(?:\\.[0-9]+)?)");
  Page page;
  std::string helped, typed;
  std::set<std::string> seen;
  if (text.empty() || text.back() != '\n') page.mistake = "the last line has no end";
  std::istringstream lines(text);
  for (std::string line; page.mistake.empty() && std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, kHelp)) {
      helped = match[1];
      if (!seen.insert(helped).second) page.mistake = "twice: " + line;
    } else if (std::regex_match(line, match, kType)) {
      typed = match[1];
      if (typed != helped) page.mistake = "type without its help: " + line;
    } else if (std::regex_match(line, match, kSample)) {
      if (match[1] != typed || typed != helped) page.mistake = "sample without type: " + line;
      const std::string key = match[1].str() + match[2].str();
      if (!page.samples.emplace(key, std::stod(match[3])).second) page.mistake = "twice: " + line;
    } else {
      page.mistake = "not of the format: " + line;
    }
  }
  return page;
}

Page page_of(const std::string& status) {
  return read_page(metrics_text(parse_json(status).value(), 42));
}

}  // namespace

TEST_CASE("metrics say how the node is", "[metrics]") {
  const Page page = page_of(R"({"node":"n1","version":"0.1.0","ready":true,"generation":3,
    "lastGood":2,"profile":{"name":"etcd","version":"1.0.0"},
    "boot":{"kind":"after-crash","verdict":"good"},
    "conditions":[{"type":"Ready","phase":"server","status":"True"},
                  {"type":"ConfigValid","phase":"","status":"False"}],
    "steps":[{"phase":"server","id":"join","state":"done","attempt":2},
             {"phase":"server","id":"etcd","state":"ready","attempt":1}],
    "problems":[{"reason":"Drifted"},{"reason":"Drifted"}]})");
  CHECK(page.mistake.empty());
  const auto value = [&](const std::string& key) {
    INFO(key);
    REQUIRE(page.samples.count(key) == 1);
    return page.samples.at(key);
  };
  CHECK(
      value(R"(klubster_info{node="n1",version="0.1.0",profile="etcd",profile_version="1.0.0"})") ==
      1);
  CHECK(value("klubster_ready") == 1);
  CHECK(value("klubster_generation") == 3);
  CHECK(value("klubster_last_good_generation") == 2);
  CHECK(value(R"(klubster_boot_kind{kind="after-crash"})") == 1);
  CHECK(value(R"(klubster_boot_kind{kind="normal"})") == 0);
  CHECK(value(R"(klubster_boot_verdict{verdict="good"})") == 1);
  CHECK(value(R"(klubster_condition{type="Ready",phase="server"})") == 1);
  CHECK(value(R"(klubster_condition{type="ConfigValid",phase=""})") == 0);
  CHECK(value(R"(klubster_step_state{phase="server",step="join",state="done"})") == 1);
  CHECK(value(R"(klubster_step_attempt{phase="server",step="join"})") == 2);
  CHECK(value("klubster_problems") == 2);
  CHECK(value(R"(klubster_problem{reason="Drifted"})") == 2);
  CHECK(value("klubster_recovery") == 0);
  CHECK(value("klubster_log_seq") == 42);
}

TEST_CASE("metrics of a node that knows nothing are of the format, too", "[metrics]") {
  const Page page = page_of("{}");
  CHECK(page.mistake.empty());
  CHECK(page.samples.at("klubster_ready") == 0);
}

TEST_CASE("recovery mode is a gauge of its own", "[metrics]") {
  const Page page = page_of(R"({"conditions":[{"type":"Recovery","phase":"","status":"True"}]})");
  CHECK(page.samples.at("klubster_recovery") == 1);
}

TEST_CASE("no text can break out of a label", "[metrics]") {
  const Page page = page_of(R"({"node":"a\"} 1\nevil 2\n\\","version":"\u0001"})");
  CHECK(page.mistake.empty());
  CHECK(page.samples.count("evil") == 0);
}

TEST_CASE("the reader finds what breaks the format", "[metrics]") {
  CHECK_FALSE(read_page("a 1\n").mistake.empty());
  CHECK_FALSE(read_page("# HELP a x\n# TYPE a gauge\na 1").mistake.empty());
  CHECK_FALSE(read_page("# HELP a x\n# TYPE a gauge\na 1\na 1\n").mistake.empty());
  CHECK_FALSE(read_page("# HELP a x\n# TYPE a gauge\na{b=\"\n\"} 1\n").mistake.empty());
  CHECK_FALSE(read_page("# HELP a x\n# TYPE b gauge\nb 1\n").mistake.empty());
  CHECK(read_page("# HELP a x\n# TYPE a gauge\na{b=\"\\\"\"} 1\n").mistake.empty());
}
