// klubster media import: run at boot by klubster-media.service.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "base/names.h"
#include "base/text.h"
#include "cli/exit_code.h"
#include "cli/media.h"
#include "cli/media_contents.h"
#include "cli/verbs.h"
#include "linux/config_sources.h"
#include "linux/mount.h"
#include "linux/program.h"
#include "model/dotted_layer.h"

namespace klubster {

namespace {

constexpr std::size_t kAnswerBytes = 64 * 1024;  // of udevadm, of blkid
constexpr int kBlkidFoundNothing = 2;

std::string state_file(std::string_view name) {
  return std::string(names::kStateDir) + "/" + std::string(name);
}

enum class LastImport { kNone, kRefused, kDone };

LastImport last_import() {
  const auto text = read_file(state_file(names::kMediaRecord), names::kSmallJsonBytes);
  if (!text) return LastImport::kNone;
  const auto record = parse_json(*text);
  return record && record->bool_or("ok") ? LastImport::kDone : LastImport::kRefused;
}

// The record of a refused medium goes once nothing asks for that medium any more.
int nothing_to_do(LastImport last) {
  if (last != LastImport::kRefused) return kExitDone;
  const auto removed = remove_file(state_file(names::kMediaRecord));
  return removed ? kExitDone : report(removed.error());
}

bool has_generation() {
  const auto names = list_directory(state_file("generations"));
  return names && !names->empty();
}

// Devices are there when udev has seen them; a container has no udev and all of its devices.
void wait_for_devices() {
  if (!exists("/run/udev/control")) return;
  if (!run_program({"udevadm", "settle", "--timeout=10"}, kAnswerBytes)) {
    std::cerr << "klubster: udevadm settle failed; looking for a medium nevertheless\n";
  }
}

// blkid looks at the devices themselves: what was remembered of them does not count.
Result<std::string> ask_blkid(std::vector<std::string> words) {
  words.insert(words.begin(), {"blkid", "-c", "/dev/null"});
  const auto answer = run_program(words, kAnswerBytes);
  if (!answer) return answer.error();
  if (answer->code != 0 && answer->code != kBlkidFoundNothing) {
    return Error(ErrorKind::kIo, "SystemCallFailed",
                 join(words, " ") + " ended with status " + std::to_string(answer->code));
  }
  return std::string(trim(answer->text));
}

Result<std::vector<std::string>> find_devices() {
  const auto text = ask_blkid({"-t", std::string("LABEL=") + kMediaLabel, "-o", "device"});
  if (!text) return text.error();
  auto devices = words(*text);
  std::ranges::sort(devices);
  return devices;
}

Result<std::string> fact_of(const std::string& device, const std::string& name) {
  return ask_blkid({"-s", name, "-o", "value", device});
}

// Paths of the mount mean nothing to anybody: they are told as they are on the medium.
Error as_on_medium(Error error, const std::string& mounted) {
  std::string message = error.message();
  for (auto at = message.find(mounted + "/"); at != std::string::npos;
       at = message.find(mounted + "/", at)) {
    message.erase(at, mounted.size() + 1);
  }
  return Error(error.kind(), error.reason(), std::move(message)).hint(error.hint());
}

Status import_device(const std::string& device, MediaRecord* record) {
  const auto uuid = fact_of(device, "UUID");
  if (!uuid) return uuid.error();
  record->uuid = printable(*uuid, 80);
  const auto type = fact_of(device, "TYPE");
  if (!type) return type.error();
  const auto medium = mount_detached(device, *type);
  if (!medium) return medium.error();
  const std::string mounted = "/proc/self/fd/" + std::to_string(medium->get());
  auto imported = import_media(mounted, std::string(names::kStateDir));
  if (!imported) return as_on_medium(imported.error(), mounted);
  return {};
}

Status import_one_of(const std::vector<std::string>& devices, MediaRecord* record) {
  record->device = join(devices, " ");
  if (devices.empty()) {
    return Error(ErrorKind::kInvalid, "MediaMissing",
                 std::string("expected a block device with a file system labelled ") + kMediaLabel +
                     ", found none");
  }
  if (devices.size() > 1) {
    return Error(ErrorKind::kInvalid, "MediaRefused",
                 std::string("expected one file system labelled ") + kMediaLabel + ", found " +
                     std::to_string(devices.size()) + ": " + join(devices, ", "));
  }
  return import_device(devices[0], record).in(devices[0]);
}

int run(bool force) {
  if (::geteuid() != 0) {
    return report(Error(ErrorKind::kInvalid, "AccessDenied", "only root may do this")
                      .in("importing a medium"));
  }
  const bool forced = force || kernel_flag(kernel_command_line(), "klubster.media");
  const LastImport last = last_import();
  if (!forced && (last == LastImport::kDone || has_generation())) {
    std::cout
        << "nothing was imported: this node has imported a medium or applied a profile before "
           "(--force imports nevertheless)\n";
    return nothing_to_do(last);
  }
  wait_for_devices();
  const auto devices = find_devices();
  if (!devices) return report(devices.error());
  if (devices->empty() && !forced) {
    std::cout << "nothing was imported: no file system is labelled " << kMediaLabel << "\n";
    return nothing_to_do(last);
  }
  MediaRecord record;
  record.outcome = import_one_of(*devices, &record);
  const auto written =
      write_file_durably(state_file(names::kMediaRecord), to_json(record).pretty() + "\n", 0600);
  if (!record.outcome) return report(record.outcome.error());
  if (!written) return report(written.error());
  std::cout << "imported " << record.device << ", UUID " << record.uuid << "\n";
  return kExitDone;
}

}  // namespace

Action declare_media_import(Arguments& arguments) {
  const auto force = std::make_shared<bool>(false);
  arguments.flag("--force", force.get(),
                 "Also on a node that has imported a medium or applied a profile before");
  return [force] { return run(*force); };
}

}  // namespace klubster
