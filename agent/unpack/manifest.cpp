// Reading a manifest: shape, rules, files, defaults; all mistakes in one pass.
#include "unpack/manifest.h"

#include <algorithm>
#include <regex>

#include "base/text.h"
#include "model/environment.h"
#include "model/input_value.h"
#include "model/profile_names.h"
#include "model/profile_rules.h"
#include "unpack/profile_env.h"

namespace klubster {

namespace {

constexpr std::size_t kShownProblems = 50;
constexpr std::size_t kMaxWarnings = 50;

// Reads one manifest; the order of its parts is the order in which they depend on one another.
class Manifest {
 public:
  Manifest(const ManifestSource& source, const PackageFiles& files)
      : source_(source), files_(files) {}

  Result<Profile> read() {
    const auto tree = parse_yaml(source_.yaml);
    if (!tree) return refuse({"profile.yaml:" + tree.error().message()});
    if (auto fits = check_version(*tree); !fits) return fits.error();
    MapReader root(*tree, "", problems_);
    if (tree->kind == YamlNode::Kind::kMapping) {
      head(root);
      root.finish();
    }
    defaults();
    for (const auto& problem : check_profile(profile_)) {
      const std::string path = as_written(problem.path);
      if (!problems_.concerns(path)) problems_.add_at_path(path, problem.message);
    }
    other_engines();
    environment();
    package_files();
    return conclude();
  }

 private:
  static Error refuse(std::vector<std::string> lines) {
    if (lines.size() > kShownProblems) {
      const std::size_t more = lines.size() - kShownProblems;
      lines.resize(kShownProblems);
      lines.push_back("and " + std::to_string(more) + " more");
    }
    return {ErrorKind::kInvalid, "ManifestInvalid", join(lines, "\n")};
  }

  Status check_version(const YamlNode& tree);
  void head(MapReader& root);
  void spec(MapReader& spec);
  void requirements(MapReader& versions);
  void inputs(MapReader& reader);
  InputSpec input(MapReader& reader);
  void modes(MapReader& modes);
  void defaults();
  std::string as_written(const std::string& path) const;
  void other_engines();
  void warn(std::string warning);
  void environment();
  void default_value(const ProfileEnvLine& line);
  void package_files();
  void program(const std::string& path, const std::vector<std::string>& argv);
  void step_files(const std::string& path, StepSpec& step);
  Result<Profile> conclude();

  const ManifestSource& source_;
  const PackageFiles& files_;
  ManifestProblems problems_;
  Profile profile_;
  std::size_t spec_inputs_ = 0;  // those below spec; the others stand at column 0
};

const YamlNode* member_of(const YamlNode* node, std::string_view key) {
  if (node == nullptr) return nullptr;
  for (const auto& member : node->members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

// First of all: a newer manifest has keys that this program would call unknown.
Status Manifest::check_version(const YamlNode& tree) {
  const YamlNode* node = &tree;
  for (const char* key : {"spec", "compatibility", "requires", "klubster"})
    node = member_of(node, key);
  if (node == nullptr || version_satisfies(kManifestVersion, node->text).value_or(true)) return {};
  return Error(ErrorKind::kInvalid, "KlubsterTooOld",
               "profile.yaml:" + std::to_string(node->place.line) + ":" +
                   std::to_string(node->place.column) +
                   ": spec.compatibility.requires.klubster: the profile needs manifest version " +
                   printable(node->text, 64) + ", this klubster understands " +
                   std::to_string(kManifestVersion));
}

void Manifest::head(MapReader& root) {
  const auto fixed = [&](const char* key, const char* value) {
    if (!root.word(key, {value}) && !root.has(key)) {
      root.refuse(key, std::string("expected ") + value + ", found nothing");
    }
  };
  fixed("apiVersion", "infra.productive-k3s.io/v1");
  fixed("kind", "Profile");
  if (!root.has("metadata")) root.refuse("metadata", "expected name and version, found nothing");
  root.map("metadata", [&](MapReader& metadata) {
    profile_.name = metadata.text("name", true);
    profile_.version = metadata.text("version", true);
    profile_.category = metadata.text("category");
  });
  if (!root.has("spec")) root.refuse("spec", "expected a mapping with modes, found nothing");
  root.map("spec", [&](MapReader& reader) { spec(reader); });
  inputs(root);  // at column 0, as the exporter of productive-k3s-infra writes it
}

void Manifest::spec(MapReader& spec) {
  spec.map("scenario", [&](MapReader& scenario) { profile_.scenario = scenario.text("type"); });
  spec.map("engine", [&](MapReader& engine) { profile_.engine = engine.text("type"); });
  spec.map("execution", [&](MapReader& execution) {
    profile_.install_script = execution.text("installScript");
  });
  spec.map("runtime", [&](MapReader& runtime) {
    profile_.os = runtime.texts("os");
    profile_.architectures = runtime.texts("architectures");
  });
  spec.map("compatibility", [&](MapReader& compatibility) {
    compatibility.map("requires", [&](MapReader& versions) { requirements(versions); });
  });
  inputs(spec);
  spec_inputs_ = profile_.inputs.size();
  spec.map("modes", [&](MapReader& reader) { modes(reader); });
  spec.map("commands", [&](MapReader& commands) {
    commands.each([&](const std::string& name, MapReader& command) {
      profile_.commands.insert_or_assign(name, read_command(name, command));
    });
  });
  // A package that klubster does not run by steps is run by its script.
  if (profile_.modes.empty() && profile_.install_script.empty()) {
    spec.refuse("", "expected modes, or execution.installScript, found neither");
  }
}

// A text, or what newer packages of productive-k3s have below infra and core: a mapping.
void Manifest::requirements(MapReader& versions) {
  for (const char* name : {"infra", "core", "klubster"}) {
    const YamlNode* found = versions.find(name);
    if (found == nullptr) continue;
    const auto keys = requirement_words(name);
    if (found->kind != YamlNode::Kind::kMapping || keys.empty()) {
      profile_.requires_versions[name] = versions.text(name);
      continue;
    }
    versions.map(name, [&](MapReader& bounds) {
      for (const auto& key : keys) {
        if (!bounds.has(key)) continue;
        profile_.requires_versions[join({name, key}, ".")] = bounds.text(key);
      }
    });
  }
}

void Manifest::inputs(MapReader& reader) {
  reader.maps(
      "inputs", [&](MapReader& item) { profile_.inputs.push_back(input(item)); },
      [&] { profile_.inputs.emplace_back(); });
}

// The rules count all inputs; a person counts those of one list.
std::string Manifest::as_written(const std::string& path) const {
  constexpr std::string_view kList = "spec.inputs[";
  if (!path.starts_with(kList)) return path;
  const auto end = path.find(']');
  const auto index = parse_number(path.substr(kList.size(), end - kList.size()), SIZE_MAX);
  if (!index || *index < spec_inputs_) return path;
  return "inputs[" + std::to_string(*index - spec_inputs_) + path.substr(end);
}

void Manifest::warn(std::string warning) {
  if (profile_.warnings.size() < kMaxWarnings) profile_.warnings.push_back(std::move(warning));
}

// Told, not refused: klubster runs steps, and neither engine nor scenario.
void Manifest::other_engines() {
  const auto tell = [&](const std::string& path, const std::string& found,
                        const std::vector<std::string>& known) {
    if (found.empty() || std::find(known.begin(), known.end(), found) != known.end()) return;
    const YamlPlace place = problems_.place_of(path);
    warn("profile.yaml:" + std::to_string(place.line) + ":" + std::to_string(place.column) + ": " +
         path + ": \"" + printable(found, 80) + "\" is none of " + join(known, ", ") +
         ": productive-k3s-infra does not run it, nor does klubster");
  };
  tell("spec.engine.type", profile_.engine, engine_words());
  // With modes the scenario is a free word.
  if (profile_.modes.empty()) tell("spec.scenario.type", profile_.scenario, scenario_words());
}

InputSpec Manifest::input(MapReader& reader) {
  InputSpec input;
  input.name = reader.text("name", true);
  input.required = reader.boolean("required", false);
  input.sensitive = reader.boolean("sensitive", false);
  if (const auto source = reader.word("source", input_source_words())) {
    input.source = *input_source_from(*source);
  }
  if (const auto type = reader.word("type", input_type_words())) {
    input.type = *input_type_from(*type);
  }
  input.multiline = reader.boolean("multiline", false);
  input.from_peer = reader.word("from", {"peer"}).has_value();
  input.description = reader.text("description");
  input.pattern = reader.text("pattern");
  if (!input.pattern.empty() && input.pattern.size() <= 1024) {
    try {
      (void)std::regex(input.pattern);
    } catch (const std::regex_error&) {  // the only way that std::regex says so
      reader.expected("pattern", "an ECMAScript regular expression", *reader.find("pattern"));
    }
  }
  input.values = reader.texts("values");
  input.min = reader.integer("min");
  input.max = reader.integer("max");
  return input;
}

void Manifest::modes(MapReader& modes) {
  for (const char* mode : kModeNames) {
    if (!modes.has(mode)) continue;
    auto& steps = profile_.modes[mode];
    modes.map(mode, [&](MapReader& phase) {
      if (!phase.has("steps")) phase.refuse("steps", "expected a list of steps, found nothing");
      const auto step = [&](MapReader& item) {
        const bool ordered =
            std::any_of(item.node().members.begin(), item.node().members.end(),
                        [](const YamlNode::Member& member) { return member.key == "after"; });
        steps.push_back(read_step(item));
        const bool has_previous = steps.size() > 1 && !steps[steps.size() - 2].id.empty();
        if (!ordered && has_previous) steps.back().after = {steps[steps.size() - 2].id};
      };
      phase.maps("steps", step, [&] { steps.emplace_back(); });
    });
  }
}

void Manifest::defaults() {
  for (auto& [mode, steps] : profile_.modes) {
    for (auto& step : steps)
      step.files = files_of_step(step, files_);
  }
  for (auto& [name, command] : profile_.commands)
    command.files = files_of_step(command, files_);
}

void Manifest::environment() {
  if (!source_.env) return;
  const ProfileEnv env = parse_profile_env(*source_.env);
  for (const auto& mistake : env.mistakes)
    problems_.add_in_file("profile.env", mistake.line, "", mistake.message);
  for (const auto& warning : env.warnings) {
    warn("profile.env:" + std::to_string(warning.line) + ": " + warning.message);
  }
  for (const auto& line : env.lines)
    default_value(line);
}

void Manifest::default_value(const ProfileEnvLine& line) {
  const auto found = std::find_if(profile_.inputs.begin(), profile_.inputs.end(),
                                  [&](const InputSpec& input) { return input.name == line.name; });
  const auto warn_of = [&](const std::string& why) {
    warn("profile.env:" + std::to_string(line.line) + ": " + line.name + ": " + why);
  };
  if (found == profile_.inputs.end()) {
    if (!profile_.modes.empty()) return warn_of("no input has this name");
    // Published packages have settings of their scenario there that their manifest does not list.
    if (!is_input_name(line.name) || is_denied_variable(line.name)) {
      return warn_of("no input can have this name");
    }
    if (const auto fits = check_variable_value(line.value, false); !fits) {
      return warn_of(fits.error().message());
    }
    InputSpec implied;
    implied.name = line.name;
    implied.default_value = line.value;
    profile_.inputs.push_back(std::move(implied));
    return;
  }
  if (found->source == InputSource::kLocalOverride) {
    return warn_of("ignored: the value of a local-override input comes from the config tree alone");
  }
  if (const auto checked = check_input(*found, line.value); !checked) {
    problems_.add_in_file("profile.env", line.line, line.name, checked.error().message());
    return;
  }
  found->default_value = line.value;
}

void Manifest::program(const std::string& path, const std::vector<std::string>& argv) {
  if (argv.empty() || argv[0].starts_with("/") || problems_.concerns(path)) return;
  const auto file = files_.find(argv[0]);
  if (file == files_.end()) {
    std::vector<std::string> known;
    for (const auto& [name, unused] : files_)
      known.push_back(name);
    const auto near = nearest(argv[0], known);
    problems_.add_at_path(path, "expected a file of the package or an absolute path, found \"" +
                                    printable(argv[0], 80) + "\"" +
                                    (near ? ", did you mean " + *near + "?" : ""));
  } else if (!file->second.executable) {
    problems_.add_at_path(
        path, "expected an executable file, found \"" + printable(argv[0], 80) + "\" without x");
  }
}

void Manifest::step_files(const std::string& path, StepSpec& step) {
  program(path + ".run[0]", step.run);
  program(path + ".ready.run[0]", step.ready.run);
  program(path + ".check", step.check.run);
  program(path + ".undo", step.undo.run);
  for (std::size_t i = 0; i < step.files.size(); ++i) {
    const std::string at = path + ".files[" + std::to_string(i) + "]";
    if (!package_has(files_, step.files[i]) && !problems_.concerns(path + ".run")) {
      problems_.add_at_path(at, "expected a file or directory of the package, found \"" +
                                    printable(step.files[i], 80) + "\"");
    }
  }
  step.files_digest = files_digest(files_, step.files);
}

void Manifest::package_files() {
  for (auto& [mode, steps] : profile_.modes) {
    for (std::size_t i = 0; i < steps.size(); ++i)
      step_files("spec.modes." + mode + ".steps[" + std::to_string(i) + "]", steps[i]);
  }
  for (auto& [name, command] : profile_.commands)
    step_files("spec.commands." + name, command);
  const std::string script = "spec.execution.installScript";
  if (!profile_.install_script.empty() && !problems_.concerns(script) &&
      files_.count(profile_.install_script) == 0) {
    problems_.add_at_path(script, "expected a file of the package, found \"" +
                                      printable(profile_.install_script, 80) + "\"");
  }
}

Result<Profile> Manifest::conclude() {
  if (problems_.empty()) return std::move(profile_);
  std::vector<std::string> lines;
  for (const auto& problem : problems_.take())
    lines.push_back(to_text(problem));
  return refuse(std::move(lines));
}

}  // namespace

Result<Profile> read_manifest(const ManifestSource& source, const PackageFiles& files) {
  return Manifest(source, files).read();
}

}  // namespace klubster
