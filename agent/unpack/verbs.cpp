// validate, inspect, verify, graph, diff, pack, sign.
#include "unpack/verbs.h"

#include <fcntl.h>
#include <unistd.h>

#include <ctime>
#include <functional>
#include <iostream>
#include <map>

#include "base/exit_code.h"
#include "base/reason.h"
#include "base/text.h"
#include "linux/files.h"
#include "linux/worker.h"
#include "unpack/export.h"
#include "unpack/extract.h"
#include "unpack/graph.h"
#include "unpack/inspect.h"
#include "unpack/medium.h"
#include "unpack/open_package.h"
#include "unpack/pack.h"
#include "unpack/package_diff.h"
#include "unpack/passphrase.h"
#include "unpack/verify.h"

namespace klubster {

namespace {

// Words and options of one call. An option that takes a value has all of them in `values`.
struct Call {
  std::vector<std::string> words;
  std::map<std::string, std::vector<std::string>> values;
  bool json = false;
};

struct Verb {
  const char* name;
  const char* usage;                 // nullptr: not for people
  std::vector<std::string> options;  // with a value
  std::size_t words;
  bool json;  // takes --json
  Status (*run)(const Call&);
};

std::optional<std::string> value_of(const Call& call, const std::string& option) {
  const auto found = call.values.find(option);
  if (found == call.values.end()) return std::nullopt;
  return found->second.back();
}

std::string usage_of(const Verb& verb) {
  return verb.usage == nullptr ? "klubster media create --help"
                               : std::string("klubster profile ") + verb.usage;
}

Error wrong_usage(std::string why, const Verb& verb) {
  return Error(ErrorKind::kInvalid, "Usage", std::move(why)).hint(usage_of(verb));
}

void show_warnings(const Profile& profile) {
  for (const auto& warning : profile.warnings)
    std::cerr << "warning: " << printable(warning, 400) << '\n';
}

// Shows its warnings, too.
Result<OpenedPackage> open_shown(const std::string& path) {
  auto package = open_package(path);
  if (package) show_warnings(package->profile);
  return package;
}

Status validate(const Call& call) {
  const auto package = open_shown(call.words[0]);
  if (!package && package.error().reason() == "ManifestInvalid") {
    return Error(package.error()).hint("mend them and validate again");  // these are all of them
  }
  if (!package) return package.error();
  std::cout << call.words[0] << ": " << package->profile.name << ' ' << package->profile.version
            << " is a valid profile\n";
  return {};
}

Status inspect(const Call& call) {
  const auto package = open_shown(call.words[0]);
  if (!package) return package.error();
  std::cout << (call.json ? package_to_json(*package).pretty() + "\n" : describe_package(*package));
  return {};
}

// "file-bytes=64M": a budget of profile/limits by its name there. The last one of a name counts.
Status set_limit(const std::string& given, PackageLimits& limits) {
  const auto equals = given.find('=');
  const std::string name = given.substr(0, equals);
  const std::string text = equals == std::string::npos ? "" : given.substr(equals + 1);
  std::uint64_t* const budget = name == "entries"      ? &limits.entries
                                : name == "bytes"      ? &limits.bytes
                                : name == "file-bytes" ? &limits.file_bytes
                                : name == "ratio"      ? &limits.ratio
                                                       : nullptr;
  const auto value = name.ends_with("bytes") ? parse_size(text) : parse_number(text, INT64_MAX);
  if (budget == nullptr || !value || *value == 0) {
    return Error(ErrorKind::kInvalid, "Usage",
                 "--limit: expected entries=N, bytes=SIZE, file-bytes=SIZE or ratio=N, found `" +
                     printable(given, 80) + "`");
  }
  *budget = *value;
  return {};
}

// A refusal names its reason, by which scripts and `klubster explain` know it.
Status verify(const Call& call) {
  VerifyQuestion question;
  question.file = call.words[0];
  question.signature = value_of(call, "--signature").value_or("");
  if (const auto keys = call.values.find("--key"); keys != call.values.end()) {
    question.keys = keys->second;
  }
  question.sha256 = value_of(call, "--sha256").value_or("");
  question.cluster = value_of(call, "--cluster");
  if (const auto limits = call.values.find("--limit"); limits != call.values.end()) {
    for (const auto& given : limits->second) {
      if (auto set = set_limit(given, question.limits); !set) return set;
    }
  }
  const auto verified = verify_package(question);
  if (verified) {
    std::cout << (call.json ? to_json(*verified).pretty() + "\n" : describe_verified(*verified));
    return {};
  }
  Error error = verified.error();
  if (call.json) std::cout << failed_result(error).pretty() << "\n";
  if (error.kind() != ErrorKind::kUntrusted) return error;
  const std::string reason = error.reason();
  return std::move(error).in(call.words[0] + ": refused: " + reason);
}

Status graph(const Call& call) {
  const auto package = open_shown(call.words[0]);
  if (!package) return package.error();
  std::cout << profile_graph(package->profile);
  return {};
}

Status diff(const Call& call) {
  const auto before = open_package(call.words[0]);
  if (!before) return before.error();
  const auto after = open_package(call.words[1]);
  if (!after) return after.error();
  const auto difference = compare_packages(*before, *after);
  std::cout << (call.json ? to_json(difference).pretty() + "\n" : describe(difference));
  return {};
}

// Seconds since 1970 unless --seq says otherwise: it grows by itself, as the ratchet demands.
Result<std::uint64_t> seq_of(const Call& call) {
  const auto given = value_of(call, "--seq");
  if (!given) return static_cast<std::uint64_t>(std::time(nullptr));
  const auto seq = parse_number(*given, INT64_MAX);
  if (!seq) {
    return Error(ErrorKind::kInvalid, "Usage",
                 "--seq: expected a whole number, found " + printable(*given, 40));
  }
  return *seq;
}

Status sign_file(const Call& call, const std::string& file, const std::string& key,
                 const Profile& profile) {
  const auto seq = seq_of(call);
  if (!seq) return seq.error();
  const auto secret = read_secret_key(key, [] { return read_passphrase(STDIN_FILENO); });
  if (!secret) return secret.error();
  const SigningRequest request = {profile.name, profile.version, *seq,
                                  value_of(call, "--cluster").value_or("")};
  if (words(request.cluster).size() > 1 || trim(request.cluster) != request.cluster) {
    return Error(ErrorKind::kInvalid, "Usage", "--cluster: expected a name without spaces");
  }
  if (auto done = sign_package(file, *secret, request); !done) return done;
  std::cout << file << ".minisig\n";
  return {};
}

Status pack(const Call& call) {
  const auto package = open_package_directory(call.words[0], {});
  if (!package) return package.error();
  show_warnings(package->profile);
  const std::string output =
      value_of(call, "-o")
          .value_or(package->profile.name + "-" + package->profile.version + ".tgz");
  if (auto written = write_package(call.words[0], package->files, output); !written) {
    return written;
  }
  std::cout << output << '\n';
  const auto key = value_of(call, "--sign");
  return key ? sign_file(call, output, *key, package->profile) : Status{};
}

Status sign(const Call& call) {
  const auto package = open_package(call.words[0]);  // what is signed must be a profile
  if (!package) return package.error();
  return sign_file(call, call.words[0], call.words[1], package->profile);
}

// Called by `klubster media create`.
Status make_medium(const Call& call) {
  return write_medium(call.words[0], call.words[1]);
}

// Called by `klubster import`.
Status show_export(const Call& call) {
  const auto config = read_export(call.words[0]);
  if (!config) return config.error();
  std::cout << config->dump() << '\n';
  return {};
}

// Called by klubster-core, which has proven the digest: what is no profile is unpacked by the same
// policy. The directory is empty.
Status unpack_bundle(const Call& call) {
  const auto file = open_regular(call.words[0], O_RDONLY);
  if (!file) return file.error();
  const auto directory = open_file(call.words[1], O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory) return directory.error();
  const auto unpacked = extract_package(file->get(), directory->get(), {});
  return unpacked ? Status() : Error(unpacked.error()).in(call.words[0]);
}

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> all = {
      {"validate", "validate FILE|DIR", {}, 1, false, validate},
      {"inspect", "inspect FILE|DIR [--json]", {}, 1, true, inspect},
      {"verify",
       "verify FILE [--signature FILE] [--key PUBFILE|LINE]... [--sha256 HEX] [--cluster NAME] "
       "[--limit NAME=NUMBER]... [--json]",
       {"--signature", "--key", "--sha256", "--cluster", "--limit"},
       1,
       true,
       verify},
      {"graph", "graph FILE|DIR", {}, 1, false, graph},
      {"diff", "diff A B [--json]", {}, 2, true, diff},
      {"pack",
       "pack DIR [-o FILE] [--sign KEYFILE] [--seq N] [--cluster NAME]",
       {"-o", "--sign", "--seq", "--cluster"},
       1,
       false,
       pack},
      {"sign",
       "sign FILE KEYFILE [--seq N] [--cluster NAME]",
       {"--seq", "--cluster"},
       2,
       false,
       sign},
      {"medium", nullptr, {}, 2, false, make_medium},
      {"export", nullptr, {}, 1, false, show_export},
      {"bundle", nullptr, {}, 2, false, unpack_bundle},
  };
  return all;
}

Result<Call> parse(const Verb& verb, const std::vector<std::string>& arguments) {
  Call call;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "--json" && verb.json) {
      call.json = true;
    } else if (!word.starts_with("-") || word == "-") {
      call.words.push_back(word);
    } else if (std::find(verb.options.begin(), verb.options.end(), word) == verb.options.end()) {
      return wrong_usage("unknown option " + printable(word, 40), verb);
    } else if (i + 1 == arguments.size()) {
      return wrong_usage("expected a value after " + word, verb);
    } else {
      call.values[word].push_back(arguments[++i]);
    }
  }
  if (call.words.size() != verb.words) {
    return wrong_usage("expected " + std::to_string(verb.words) +
                           (verb.words == 1 ? " word" : " words") + " after " + verb.name +
                           ", found " + std::to_string(call.words.size()),
                       verb);
  }
  return call;
}

int report(const Error& error) {
  // The mistakes of a manifest are lines that editors can jump to: nothing stands before them.
  std::cerr << (error.reason() == "ManifestInvalid" ? "" : "error: ") << error.message() << '\n';
  if (const auto next = next_step(error); !next.empty()) std::cerr << "  " << next << '\n';
  return plain_exit_code(error);
}

}  // namespace

std::optional<int> run_package_verb(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return std::nullopt;
  if (arguments[0] == "--help") {
    std::cout << "Checks, shows, makes and signs profile packages.\n\n";
    for (const auto& verb : verbs()) {
      if (verb.usage != nullptr) std::cout << "  klubster profile " << verb.usage << '\n';
    }
    std::cout << "\nExit codes: 0 done, 1 failed, 64 wrong usage, 78 fix the input.\n";
    return kExitDone;
  }
  for (const auto& verb : verbs()) {
    if (arguments[0] != verb.name) continue;
    const bool help = std::find(arguments.begin(), arguments.end(), "--help") != arguments.end();
    if (help && verb.usage != nullptr) {
      std::cout << "klubster profile " << verb.usage << '\n';
      return kExitDone;
    }
    const auto call = parse(verb, arguments);
    if (!call) return report(call.error());
    const auto done = verb.run(*call);
    if (done) return kExitDone;
    const bool usage = done.error().reason() == "Usage" && done.error().hint().empty();
    return report(usage ? Error(done.error()).hint(usage_of(verb)) : done.error());
  }
  return std::nullopt;
}

}  // namespace klubster
