// Fetching through klubster-fetch, unpacking through klubster-unpack.
#include "core/bundle.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include "base/digest.h"
#include "base/json.h"
#include "base/names.h"
#include "base/text.h"
#include "linux/files.h"
#include "linux/program.h"

namespace klubster {

namespace {

constexpr std::uint64_t kMaxBundleBytes = 512ULL << 20;
constexpr std::size_t kInfoBytes = 64 * 1024;
constexpr const char* kInfo = "bundle-info.json";

constexpr std::array kCommon = {"productive-k3s-core.sh",        "scripts/productive-k3s-core.sh",
                                "scripts/component-versions.sh", "scripts/preflight-host.sh",
                                "scripts/send-telemetry.sh",     "scripts/send-telemetry-event.sh"};
constexpr std::array kApplyMembers = {"bundle-info.json",          "scripts/apply.sh",
                                      "scripts/addons-runtime.sh", "scripts/runtime-contract.sh",
                                      "scripts/backup.sh",         "scripts/validate.sh",
                                      "scripts/cleanup.sh",        "scripts/rollback.sh"};
constexpr std::array kBootstrapMembers = {"scripts/bootstrap-k3s-stack.sh",
                                          "scripts/backup-k3s-stack.sh",
                                          "scripts/validate-k3s-stack.sh"};
// Packaged add-ons source it; releases of Core up to now are built without it.
constexpr const char* kAddonRuntime = "scripts/addon-host-runtime.sh";

bool has_file(const std::string& path) {
  struct stat entry {};
  return ::stat(path.c_str(), &entry) == 0 && S_ISREG(entry.st_mode);
}

Error incomplete(const std::string& message) {
  return {ErrorKind::kInvalid, "CoreIncomplete", message};
}

std::string version_of(const std::string& directory) {
  const auto text = read_file(directory + "/" + kInfo, kInfoBytes);
  const auto json = text ? parse_json(*text) : Result<Json>(text.error());
  return json ? json->text_or("bundle_version") : "";
}

// SHA-256 of a file of any size.
Result<std::string> digest_of(const std::string& path) {
  auto file = open_regular(path, O_RDONLY);
  if (!file) return file.error();
  Hasher hasher(HashKind::kSha256);
  std::array<char, 65536> bytes{};
  for (;;) {
    const auto count = ::read(file->get(), bytes.data(), bytes.size());
    if (count < 0) return system_error("reading " + path, errno);
    if (count == 0) return to_hex(hasher.finish());
    hasher.update({bytes.data(), static_cast<std::size_t>(count)});
  }
}

Status prove(const std::string& file, const std::string& wanted) {
  auto found = digest_of(file);
  if (!found) return found.error();
  if (wanted.empty() || *found == wanted) return {};
  return Error(ErrorKind::kUntrusted, "DigestMismatch",
               "expected SHA-256 " + wanted + ", found " + *found)
      .in(file);
}

// A `.sha256` file beside a local archive, as productive-k3s publishes it: only its first word
// counts.
Result<std::string> wanted_digest(const Call& call) {
  if (const auto given = call.option("--sha256"); !given.empty()) return given;
  const std::string beside = call.option("--path") + ".sha256";
  if (call.option("--path").empty() || !exists(beside)) return std::string();
  auto text = read_file(beside, kInfoBytes);
  if (!text) return text.error();
  const auto parts = words(*text);
  if (!parts.empty() && is_sha256_hex(parts[0])) return parts[0];
  return Error(ErrorKind::kInvalid, "BadValue", beside + ": expected a SHA-256 digest");
}

// klubster-fetch writes to its standard output: the only program here that has one to give it.
Result<int> run_fetch(const std::string& request, const std::string& result,
                      const std::string& file) {
  auto out = open_file(file, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (!out) return out.error();
  const std::string program = std::string(names::kProgramDir) + "/klubster-fetch";
  const pid_t child = ::fork();
  if (child < 0) return system_error("starting klubster-fetch", errno);
  if (child == 0) {
    ::dup2(out->get(), STDOUT_FILENO);
    ::execl(program.c_str(), program.c_str(), "--request", request.c_str(), "--result",
            result.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

// The one directory that an archive of Core has at its root, else the place itself.
Result<std::string> root_of(const std::string& place) {
  auto names = list_directory(place);
  if (!names) return names.error();
  const bool one = names->size() == 1 && std::filesystem::is_directory(place + "/" + names->at(0));
  return one ? place + "/" + names->at(0) : place;
}

Status point_to(const Call& call, const std::string& directory) {
  const std::string link = call.state_dir + "/current", next = link + ".new";
  (void)::unlink(next.c_str());  // of a try that was cut off
  if (::symlink(directory.c_str(), next.c_str()) < 0) {
    return system_error("making " + next, errno);
  }
  return rename_durably(next, link);
}

// Others than `keep` are of bundles that nobody asks for any more.
void forget_others(const std::string& state_dir, const std::string& keep) {
  const auto names = list_directory(state_dir);
  for (const auto& name : names ? *names : std::vector<std::string>()) {
    if (name == keep || !name.starts_with("bundle-")) continue;
    std::error_code ignored;  // the next run tries again
    std::filesystem::remove_all(state_dir + "/" + name, ignored);
  }
}

Status unpack(const std::string& archive, const std::string& place) {
  std::error_code failed;
  std::filesystem::remove_all(place, failed);
  if (auto made = make_directory(place, 0700); !made) return made;
  const auto ran = run_program(
      {std::string(names::kProgramDir) + "/klubster-unpack", "bundle", archive, place}, kInfoBytes);
  if (!ran) return ran.error();
  if (ran->code == 0) return {};
  return Error(ErrorKind::kUntrusted, "ArchiveRefused", "the archive was refused: see above")
      .in(archive);
}

}  // namespace

std::string CoreBundle::apply_script() const {
  return script(generation == CoreGeneration::kApply ? "apply.sh" : "bootstrap-k3s-stack.sh");
}
std::string CoreBundle::validate_script() const {
  return script(generation == CoreGeneration::kApply ? "validate.sh" : "validate-k3s-stack.sh");
}
std::string CoreBundle::backup_script() const {
  return script(generation == CoreGeneration::kApply ? "backup.sh" : "backup-k3s-stack.sh");
}
std::string CoreBundle::cleanup_script() const {
  for (const char* name : {"cleanup.sh", "clean-k3s-stack.sh"}) {
    if (has_file(script(name))) return script(name);
  }
  return "";
}

Result<CoreBundle> look_at_bundle(const std::string& directory, bool for_stack) {
  CoreBundle bundle{directory, version_of(directory), CoreGeneration::kApply};
  const bool old =
      !has_file(bundle.script("apply.sh")) && has_file(bundle.script("bootstrap-k3s-stack.sh"));
  std::vector<std::string> missing;
  const auto need = [&](const auto& members) {
    for (const char* member : members) {
      if (!has_file(directory + "/" + member)) missing.emplace_back(member);
    }
  };
  need(kCommon);
  if (old) bundle.generation = CoreGeneration::kBootstrap;
  old ? need(kBootstrapMembers) : need(kApplyMembers);
  const std::string what = "the productive-k3s Core bundle " + bundle.version;
  if (!missing.empty()) return incomplete(what + " lacks " + join(missing, ", "));
  if (for_stack && !old && !has_file(directory + "/" + kAddonRuntime)) {
    return incomplete(what + " lacks " + kAddonRuntime +
                      ", without which no packaged add-on can be installed")
        .hint("use a bundle that was built with it; released ones up to now are not");
  }
  return bundle;
}

Status download(const std::string& url, const std::string& sha256, const std::string& ca,
                const std::string& file) {
  Json request = Json::object();
  request["v"] = 1;
  request["url"] = url;
  request["maxBytes"] = kMaxBundleBytes;
  request["allowHttp"] = !sha256.empty();
  if (!ca.empty()) request["ca"] = ca;
  const std::string asked = file + ".request", answered = file + ".result";
  if (auto written = write_file(asked, request.dump(), 0600); !written) return written;
  if (auto written = write_file(answered, "", 0600); !written) return written;
  auto code = run_fetch(asked, answered, file);
  if (!code) return code.error();
  const auto text = read_file(answered, names::kResultJsonBytes);
  const auto json = text ? parse_json(*text) : Result<Json>(text.error());
  (void)remove_file(asked);  // leftovers say nothing to anybody
  (void)remove_file(answered);
  if (*code == 0 && json && json->bool_or("ok")) return prove(file, sha256);
  const Json failure = json ? json->get("failure") : Json();
  return Error(ErrorKind::kUnavailable, failure.text_or("reason", "ConnectFailed"),
               failure.text_or("message", "klubster-fetch did not do it"))
      .in("fetching " + printable(url, 200));
}

Status obtain_bundle(const Call& call) {
  auto wanted = wanted_digest(call);
  if (!wanted) return wanted.error();
  std::string source = call.option("--path");
  if (!source.empty() && std::filesystem::is_directory(source)) {
    auto bundle = look_at_bundle(source, false);
    if (!bundle) return bundle.error();
    return point_to(call, source);
  }
  if (source.empty()) {
    source = call.state_dir + "/download";
    const auto got = download(call.option("--url"), *wanted, call.input("CORE_CA"), source);
    if (!got) return got;
  } else if (auto proven = prove(source, *wanted); !proven) {
    return proven;
  }
  auto digest = digest_of(source);
  if (!digest) return digest.error();
  const std::string name = "bundle-" + *digest, place = call.state_dir + "/" + name;
  if (auto unpacked = unpack(source, place); !unpacked) return unpacked;
  auto root = root_of(place);
  if (!root) return root.error();
  auto bundle = look_at_bundle(*root, false);
  if (!bundle) return bundle.error();
  if (auto linked = point_to(call, *root); !linked) return linked;
  forget_others(call.state_dir, name);
  (void)remove_file(call.state_dir + "/download");
  say("productive-k3s Core " + bundle->version + " is here");
  return {};
}

Status check_bundle(const Call& call) {
  const std::string link = call.state_dir + "/current";
  std::error_code failed;
  const std::string target = std::filesystem::read_symlink(link, failed);
  if (failed) return incomplete("there is no bundle yet");
  const std::string path = call.option("--path");
  auto wanted = wanted_digest(call);
  if (!wanted) return wanted.error();
  std::string expected = *wanted;
  if (!path.empty() && !std::filesystem::is_directory(path)) {
    auto digest = digest_of(path);
    if (!digest) return digest.error();
    expected = *digest;
  }
  const bool same =
      expected.empty() ? target == path : target.find("/bundle-" + expected) != std::string::npos;
  if (!same) return incomplete("the bundle is another one now");
  auto bundle = look_at_bundle(link, false);
  return bundle ? Status() : bundle.error();
}

}  // namespace klubster
