// The reference pages in docs/ and nix/ are what the tables say.
#include "cli/reference.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

std::string page(const std::string& name, const std::string& folder = "docs") {
  const auto root = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
  std::ifstream file(root.parent_path() / folder / name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("docs/config.md is what `klubster config keys --format markdown` prints", "[docs]") {
  CHECK(page("config.md") == keys_markdown());
}

TEST_CASE("docs/reasons.md is what `klubster explain --all --format markdown` prints", "[docs]") {
  CHECK(page("reasons.md") == reasons_markdown());
}

TEST_CASE("the drop-in of credentials is what `klubster config keys --format systemd` prints",
          "[docs]") {
  CHECK(page("klubster-credentials.conf", "units") == keys_systemd());
}

TEST_CASE("nix/schema.json is what `klubster config keys --format json` prints", "[docs]") {
  CHECK(page("schema.json", "nix") == keys_json().pretty() + "\n");
}

TEST_CASE("the JSON forms list every row", "[docs]") {
  CHECK(keys_json().as_array()->size() > 20);
  CHECK(reasons_json().as_array()->size() > 40);
}
