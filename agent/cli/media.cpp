// Blobs first, the config that names them last.
#include "cli/media.h"

#include <sys/statvfs.h>

#include <cerrno>

#include "base/names.h"
#include "base/utc_time.h"
#include "cli/media_contents.h"
#include "cli/media_copy.h"
#include "linux/config_write.h"
#include "linux/event_loop.h"
#include "linux/files.h"

namespace klubster {

namespace {

constexpr std::uint64_t kSpareBytes = 16ULL * 1024 * 1024;  // left for what the agent itself writes

Status demand_space(const std::string& directory, std::uint64_t needed) {
  struct statvfs info {};
  if (::statvfs(directory.c_str(), &info) != 0) return system_error("asking " + directory, errno);
  const std::uint64_t free = std::uint64_t{info.f_bavail} * info.f_frsize;
  if (needed + kSpareBytes <= free) return {};
  return Error(ErrorKind::kIo, "DiskFull",
               "expected " + std::to_string(needed + kSpareBytes) + " free bytes, found " +
                   std::to_string(free))
      .in(directory);
}

Status import_blobs(const MediaContents& contents, const std::string& directory) {
  if (auto made = make_directory(directory, 0755); !made) return made;
  const auto there = list_directory(directory);
  if (!there) return there.error();
  for (const auto& name : *there) {
    // Of an import that was cut off.
    if (!name.starts_with(".")) continue;
    if (auto removed = remove_file(directory + "/" + name); !removed) return removed;
  }
  if (auto fits = demand_space(directory, contents.blob_bytes()); !fits) return fits;
  for (const auto& blob : contents.blobs) {
    const std::string temporary = directory + "/." + blob.name;
    Status copied = copy_blob(blob, temporary, 0644, true);
    if (!copied) {
      (void)remove_file(temporary);  // the first error is the one to tell
      return copied;
    }
    if (auto renamed = rename_durably(temporary, directory + "/" + blob.name); !renamed) {
      return renamed;
    }
  }
  return {};
}

}  // namespace

Status import_media(const std::string& mounted, const std::string& state) {
  const MediaFolders folders{mounted + "/" + kMediaConfig, mounted + "/" + kMediaCredentials,
                             mounted + "/" + kMediaBlobs, true};
  const auto contents = read_media(folders);
  if (!contents) return contents.error();
  if (contents->empty()) {
    return Error(ErrorKind::kInvalid, "MediaRefused",
                 "expected files in config/, credentials/ or blobs/, found none");
  }
  if (!contents->blobs.empty()) {
    if (auto imported = import_blobs(*contents, state + "/" + std::string(names::kMediaDir));
        !imported)
      return imported;
  }
  return change_tree(state + "/config", contents->changes);
}

Json to_json(const MediaRecord& record) {
  Json json;
  json["v"] = 1;
  json["uuid"] = record.uuid;
  json["device"] = record.device;
  json["at"] = utc_text(now_wall_usec());
  json["ok"] = record.outcome.has_value();
  json["reason"] = record.outcome ? "" : record.outcome.error().reason();
  json["message"] = record.outcome ? "" : record.outcome.error().message();
  return json;
}

}  // namespace klubster
