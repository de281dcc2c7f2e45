// Writes the workers' transient units as unit files, for `systemd-analyze security` (check-units).
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>

#include "daemon/worker_units.h"

namespace {

using namespace klubster;  // NOLINT(google-build-using-namespace): the program's own names

constexpr const char* kCapabilities[] = {"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH",
                                         "CAP_FOWNER"};

std::string joined(const Texts& words) {
  std::string all;
  for (const auto& word : words)
    all += (all.empty() ? "" : " ") + word;
  return all;
}

std::string capability_names(std::uint64_t set) {
  Texts names;
  for (std::size_t bit = 0; bit < std::size(kCapabilities); ++bit) {
    if ((set & (1ULL << bit)) != 0) names.emplace_back(kCapabilities[bit]);
  }
  return joined(names);
}

// The value as a unit file writes it; properties that only exist on the bus give nothing.
struct Writer {
  const std::string& name;

  std::string operator()(bool value) const { return value ? "yes" : "no"; }
  std::string operator()(std::int32_t value) const { return std::to_string(value); }
  std::string operator()(std::uint32_t value) const {
    std::ostringstream octal;
    octal << "0" << std::oct << value;
    return octal.str();
  }
  std::string operator()(std::uint64_t value) const {
    if (name == "RestrictNamespaces") return value == 0 ? "yes" : "no";
    if (name.find("Capabilit") != std::string::npos) return capability_names(value);
    return std::to_string(value);
  }
  std::string operator()(const std::string& value) const { return value; }
  std::string operator()(const Texts& value) const { return joined(value); }
  std::string operator()(const ExecCommand& value) const { return joined(value.argv); }
  std::string operator()(const std::vector<std::pair<std::string, std::string>>& pairs) const {
    Texts words;
    for (const auto& [left, right] : pairs)
      words.push_back(left + ":" + right);
    return joined(words);
  }
  std::string operator()(const std::vector<Bind>& binds) const {
    Texts words;
    for (const auto& bind : binds)
      words.push_back(bind.from + ":" + bind.to);
    return joined(words);
  }
  std::string operator()(const FilterList& filter) const {
    return (filter.allow ? "" : "~") + joined(filter.names);
  }
  std::string operator()(const JournalFields& value) const { return joined(value.fields); }
  std::string operator()(const ExitCodes&) const { return ""; }
  std::string operator()(const BlobDescriptor&) const { return ""; }
};

std::string file_key(const std::string& bus_name) {
  if (bus_name == "TimeoutStartUSec" || bus_name == "Description") return "";
  return bus_name;
}

bool write_unit(const std::string& path, const TransientUnit& unit) {
  std::ofstream out(path);
  out << "[Service]\n";
  for (const auto& [name, value] : unit.properties) {
    const std::string key = file_key(name);
    if (key.empty() || std::holds_alternative<BlobDescriptor>(value)) continue;
    out << key << "=" << std::visit(Writer{name}, value) << "\n";
  }
  return out.good();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: print-worker-units DIRECTORY\n";
    return 64;
  }
  const WorkerFiles files{"/run/klubster/credentials/request",
                          "/var/lib/klubster/results/1/result",
                          "/var/lib/klubster/staging/1",
                          "/var/lib/klubster",
                          {},
                          {}};
  const std::pair<WorkerStage, const char*> stages[] = {{WorkerStage::kPackage, "fetch"},
                                                        {WorkerStage::kUnpack, "unpack"},
                                                        {WorkerStage::kSeal, "store"}};
  for (const auto& [stage, name] : stages) {
    const std::string unit = std::string("klubster-") + name + ".service";
    if (!write_unit(std::string(argv[1]) + "/" + unit,
                    make_worker_unit(StartWorker{stage, unit, 1}, files))) {
      std::cerr << "cannot write " << unit << " into " << argv[1] << "\n";
      return 1;
    }
  }
  const std::string sender = "klubster-telemetry.service";
  return write_unit(std::string(argv[1]) + "/" + sender, make_sender_unit(sender, files)) ? 0 : 1;
}
