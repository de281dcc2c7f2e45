// What a plan says of keys, inputs and the path.
#include "daemon/config_changes.h"

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

Json stored(const std::map<std::string, std::string>& values,
            const std::map<std::string, std::string>& secrets = {},
            const std::string& salt = "salt") {
  Json json = Json::Object{{"v", 1}, {"salt", salt}};
  json["values"] = Json::object();
  for (const auto& [key, value] : values) {
    json["values"][key] =
        Json::Object{{"value", value}, {"layer", 3}, {"file", "/etc/klubster/" + key}};
  }
  for (const auto& [key, digest] : secrets) {
    json["values"][key] =
        Json::Object{{"secret", digest}, {"layer", 3}, {"file", "/etc/klubster/" + key}};
  }
  return json;
}

Profile profile_with(const std::string& name, const std::string& fallback, bool sensitive = false) {
  Profile profile;
  InputSpec input;
  input.name = name;
  input.sensitive = sensitive;
  if (!fallback.empty()) input.default_value = fallback;
  profile.inputs = {input};
  return profile;
}

std::string told(const Json& change) {
  const auto side = [&](const char* which) {
    const Json& held = change.get(which);
    return held.is_null() ? "none" : held.text_or("value", "?") + "@" + held.text_or("layer");
  };
  return change.text_or("change") + " " + change.text_or("what") + " " + change.text_or("name") +
         " " + side("before") + " " + side("after");
}
std::vector<std::string> told_of(const Json& changes) {
  std::vector<std::string> lines;
  for (const auto& change : *changes.as_array())
    lines.push_back(told(change));
  return lines;
}
using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("the same config has no changes, wherever its values stand", "[changes]") {
  const Json before = stored({{"inputs/A", "1"}}, {{"secrets/B", "d"}});
  Json after = before;
  after["values"]["inputs/A"]["layer"] = 5;
  CHECK(config_changes({before}, {after}).as_array()->empty());
}

TEST_CASE("keys, inputs and directories of the path are told with value and layer", "[changes]") {
  const Profile profile = profile_with("GREETING", "");
  const Json before = stored({{"inputs/GREETING", "good morning"},
                              {"node/labels/rack", "1"},
                              {"steps/path.d/10-tools", "/opt/bin"},
                              {"apply/auto", "false"}});
  const Json after = stored({{"inputs/GREETING", "good evening"},
                             {"inputs/UNKNOWN", "x"},
                             {"node/labels/rack", "2"},
                             {"steps/path.d/20-more", "/srv/bin"}});
  const Json changes = config_changes({before, &profile}, {after, &profile});
  CHECK(told_of(changes) == Lines{"changed input GREETING good morning@system good evening@system",
                                  "removed key apply/auto false@system none",
                                  "added key inputs/UNKNOWN none x@system",
                                  "changed key node/labels/rack 1@system 2@system",
                                  "removed path steps/path.d/10-tools /opt/bin@system none",
                                  "added path steps/path.d/20-more none /srv/bin@system"});
  CHECK((*changes.as_array())[1].text_or("default") == "true");
}

TEST_CASE("an input falls back to the package's default, and a new package may bring another",
          "[changes]") {
  const Profile one = profile_with("COLOUR", "red"), two = profile_with("COLOUR", "blue");
  const Json given = stored({{"inputs/COLOUR", "green"}}), bare = stored({});
  CHECK(told_of(config_changes({given, &one}, {bare, &one})) ==
        Lines{"changed input COLOUR green@system red@package"});
  CHECK(told_of(config_changes({bare, &one}, {bare, &two})) ==
        Lines{"changed input COLOUR red@package blue@package"});
  CHECK(told_of(config_changes({given, &one}, {given, &two})).empty());
}

TEST_CASE("of secrets and sensitive inputs only the change is told", "[changes]") {
  const Profile profile = profile_with("PASSWORD", "", true);
  const Json changes = config_changes(
      {stored({{"inputs/PASSWORD", "hunter2"}}, {{"cluster/token", "digest-one"}}), &profile},
      {stored({}, {{"secrets/PASSWORD", "digest-two"}, {"cluster/token", "digest-three"}}),
       &profile});
  CHECK(told_of(changes) == Lines{"changed input PASSWORD ?@system ?@system",
                                  "changed key cluster/token ?@system ?@system"});
  for (const char* text : {"hunter2", "digest-one", "digest-two", "digest-three"})
    CHECK(changes.dump().find(text) == std::string::npos);
}

TEST_CASE("digests under different salts are not compared", "[changes]") {
  const Json before = stored({}, {{"secrets/B", "one"}}, "salt");
  const Json after = stored({}, {{"secrets/B", "two"}}, "another");
  CHECK(config_changes({before}, {after}).as_array()->empty());
}
