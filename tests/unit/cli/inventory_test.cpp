// Inventories for other programs.
#include "cli/inventory.h"

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

Json peers() {
  return parse_json(R"({"self":"n1","peers":[
    {"name":"n1","member":true,"modes":["server","stack"],"seen":"live","address":"10.77.0.11:9446",
     "record":{"generation":4,"addresses":["10.77.0.11","fd00::11"],"labels":{"rack":"a'1{{x}}"},
               "conditions":[{"type":"Ready","phase":"server","status":"True"}]}},
    {"name":"n2","member":true,"modes":[],"seen":"stale","address":"",
     "record":{"generation":0,"modes":["single-node","no mode"],"labels":{},
               "addresses":["not an address\n1.2.3.4 bank","10.77.0.12"],"conditions":[]}},
    {"name":"n3","member":true,"modes":["agent"],"seen":"left","address":"10.77.0.13"},
    {"name":"n4","member":true,"modes":["agent"],"seen":"never","address":"n4.example.org:9446"},
    {"name":"n5 bad","member":false,"modes":[],"seen":"live","address":"10.77.0.15"}]})",
                    {.bytes = 1 << 16, .depth = 16})
      .value();
}

}  // namespace

TEST_CASE("a hosts file has a line for each node whose address is known", "[inventory]") {
  CHECK(hosts_text(inventory_of(peers())) == "10.77.0.11 n1\n10.77.0.12 n2\n");
}

TEST_CASE("an Ansible inventory has a group for each mode, and no text that could be a template",
          "[inventory]") {
  CHECK(ansible_text(inventory_of(peers())) ==
        "[klubster]\n"
        "n1 ansible_host=10.77.0.11 klubster_label_rack='a_1__x__'\n"
        "n2 ansible_host=10.77.0.12\n"
        "n4\n"
        "\n[agent]\nn4\n"
        "\n[server]\nn1\n"
        "\n[single_node]\nn2\n"
        "\n[stack]\nn1\n");
}

TEST_CASE("the JSON inventory says what each node is and whether it is ready", "[inventory]") {
  const Json json = inventory_json(inventory_of(peers()));

  CHECK(json.items("nodes").size() == 3);
  const Json& first = json.items("nodes")[0];
  CHECK(first.text_or("name") == "n1");
  CHECK(first.bool_or("ready"));
  CHECK(first.integer_or("generation") == 4);
  CHECK(first.items("addresses").size() == 2);
  CHECK_FALSE(json.items("nodes")[1].bool_or("ready"));
}
