// Reading arguments, environment, credentials and members.
#include "core/call.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "base/json.h"
#include "base/text.h"
#include "linux/files.h"
#include "linux/notify.h"
#include "model/schema.h"

namespace klubster {

namespace {

constexpr std::size_t kMembersBytes = 4 * 1024 * 1024;
constexpr std::size_t kSecretBytes = 64 * 1024;
constexpr const char* kFlags[] = {"--check", "--remove"};
constexpr const char* kValued[] = {"--core",   "--prefix",      "--path",          "--url",
                                   "--sha256", "--min-version", "--below-version", "--bundle"};

std::string variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
  return value == nullptr ? "" : value;
}

bool is_one_of(const auto& list, const std::string& word) {
  return std::any_of(std::begin(list), std::end(list),
                     [&](const char* one) { return word == one; });
}

Result<std::vector<ClusterMember>> read_members(const std::string& file) {
  std::vector<ClusterMember> members;
  if (file.empty()) return members;
  auto text = read_file(file, kMembersBytes);
  if (!text) return text.error();
  const auto json = parse_json(*text, {.bytes = kMembersBytes, .depth = 8});
  if (!json || json->as_array() == nullptr) {
    return Error(ErrorKind::kInvalid, "BadJson", file + ": expected a list of members");
  }
  for (const auto& item : *json->as_array()) {
    ClusterMember member;
    member.name = item.text_or("name");
    member.self = item.bool_or("self");
    for (const auto& mode : item.items("modes"))
      member.modes.push_back(mode.as_string() == nullptr ? "" : *mode.as_string());
    if (const auto endpoint = parse_endpoint(item.text_or("address"))) {
      member.addresses.push_back(endpoint->host);
    }
    for (const auto& address : item.items("addresses")) {
      if (address.as_string() != nullptr) member.addresses.push_back(*address.as_string());
    }
    members.push_back(std::move(member));
  }
  return members;
}

}  // namespace

bool ClusterMember::has_mode(std::string_view mode) const {
  return std::find(modes.begin(), modes.end(), mode) != modes.end();
}

std::string Call::option(std::string_view name) const {
  const auto found = options.find(name);
  return found == options.end() ? "" : found->second;
}

std::string Call::input(const std::string& name) const {
  const std::string file = credentials_dir + "/" + name;
  if (!credentials_dir.empty() && exists(file)) return read_file(file, kSecretBytes).value_or("");
  return variable(name);
}

std::string Call::setting(const std::string& name) const {
  return std::string(trim(input(option("--prefix") + "_" + name)));
}

Result<std::string> Call::server_host() const {
  if (const auto given = setting("SERVER_IP"); !given.empty()) return given;
  for (const auto& member : members) {
    const bool serves = member.has_mode("server") || member.has_mode("single-node");
    if (serves && !member.addresses.empty()) return member.addresses.front();
  }
  return Error(ErrorKind::kInvalid, "InputMissing",
               "expected the server's address in members/<name>/address or in inputs/" +
                   option("--prefix") + "_SERVER_IP, found neither");
}

std::string Call::rancher_host() const {
  const auto given = setting("RANCHER_HOST");
  return given.empty() ? "rancher." + setting("BASE_DOMAIN") : given;
}

std::string Call::registry_host() const {
  const auto given = setting("REGISTRY_HOST");
  return given.empty() ? "registry." + setting("BASE_DOMAIN") : given;
}

Result<Call> read_call(const std::vector<std::string>& arguments) {
  Call call;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (is_one_of(kFlags, word)) {
      call.options[word] = "yes";
    } else if (is_one_of(kValued, word) && i + 1 < arguments.size()) {
      call.options[word] = arguments[++i];
    } else if (word.starts_with("--")) {
      return Error(ErrorKind::kInvalid, "Usage", "unknown option " + printable(word, 40));
    } else if (call.verb.empty()) {
      call.verb = word;
    } else {
      call.modes.push_back(word);
    }
  }
  call.state_dir = variable("STATE_DIRECTORY");
  call.outputs_file = variable("KLUBSTER_OUTPUTS");
  call.credentials_dir = variable("CREDENTIALS_DIRECTORY");
  call.node = variable("KLUBSTER_NODE");
  call.unit = variable("KLUBSTER_UNIT");
  auto members = read_members(variable("KLUBSTER_MEMBERS"));
  if (!members) return members.error();
  call.members = std::move(*members);
  return call;
}

void say(const std::string& line) {
  std::cout << line << std::endl;  // at once: the journal keeps the order with what Core prints
  notify("STATUS=" + printable(line, 400));
}

}  // namespace klubster
