// Reading EFI variables.
#include "linux/boot_loader.h"

#include "linux/files.h"

namespace klubster {

namespace {

constexpr const char* kEfiVariables = "/sys/firmware/efi/efivars";
// Of systemd's loader variables (https://systemd.io/BOOT_LOADER_INTERFACE).
constexpr const char* kVendor = "-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
constexpr std::size_t kVariableBytes = 4096;
constexpr std::size_t kAttributeBytes = 4;  // before the value, in each file of efivarfs

// UTF-16, of which a path that klubster looks at has ASCII alone.
std::string ascii_of(std::string_view utf16) {
  std::string text;
  for (std::size_t i = 0; i + 1 < utf16.size(); i += 2) {
    if (utf16[i] == '\0' && utf16[i + 1] == '\0') break;
    text += utf16[i + 1] == '\0' ? utf16[i] : '?';
  }
  return text;
}

}  // namespace

LoaderVerdict loader_verdict_in(const std::string& efivars) {
  if (!exists(efivars + "/LoaderInfo" + kVendor)) return LoaderVerdict::kUnknown;
  const std::string counted = efivars + "/LoaderBootCountPath" + kVendor;
  if (!exists(counted)) return LoaderVerdict::kGood;
  // Only an entry whose tries are counted has the variable, whatever can be read of it.
  const auto bytes = read_file(counted, kVariableBytes);
  if (!bytes || bytes->size() < kAttributeBytes) return LoaderVerdict::kCounting;
  const auto verdict =
      loader_verdict_of(ascii_of(std::string_view(*bytes).substr(kAttributeBytes)));
  return verdict == LoaderVerdict::kGood ? LoaderVerdict::kCounting : verdict;
}

LoaderVerdict loader_verdict() {
  if (exists("/run/systemd/container")) return LoaderVerdict::kUnknown;
  return loader_verdict_in(kEfiVariables);
}

}  // namespace klubster
