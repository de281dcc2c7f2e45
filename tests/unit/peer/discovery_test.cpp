// What announcements say.
#include "peer/discovery.h"

#include "tests/unit/catch.h"

using namespace klubster;

TEST_CASE("an announcement names its node to those of the same cluster", "[discovery]") {
  const auto texts = announcement_texts({"n1", "lab", 9446});

  CHECK(announced_node(texts, "lab") == "n1");
  CHECK(announced_node(texts, "other").empty());
}

TEST_CASE("an announcement that is none names nobody", "[discovery]") {
  CHECK(announced_node({}, "lab").empty());
  CHECK(announced_node({"v=2", "node=n1", "cluster=lab"}, "lab").empty());
  CHECK(announced_node({"v=1", "cluster=lab"}, "lab").empty());
  CHECK(announced_node({"v=1", "node=../n1", "cluster=lab"}, "lab").empty());
  CHECK(announced_node({"v=1", std::string("node=n\0", 7), "cluster=lab"}, "lab").empty());
}
