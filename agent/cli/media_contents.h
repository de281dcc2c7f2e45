// What a KLUBSTER medium holds: a part of the config tree, credentials, files to keep.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "linux/config_write.h"

namespace klubster {

// The label by which a medium is found, and its directories.
inline constexpr const char* kMediaLabel = "KLUBSTER";
inline constexpr const char* kMediaConfig = "config";
inline constexpr const char* kMediaCredentials = "credentials";
inline constexpr const char* kMediaBlobs = "blobs";

struct MediaFolders {
  std::string config, credentials, blobs;  // empty, or not there: nothing of that kind
  // Anybody may have made it: no link is followed, and modes say nothing.
  bool foreign = false;
};

struct MediaBlob {
  std::string name;
  std::string path;
  std::uint64_t bytes = 0;
};

struct MediaContents {
  std::vector<TreeChange> changes;  // config and credentials, as files of layer 4
  std::vector<MediaBlob> blobs;
  std::uint64_t blob_bytes() const;
  bool holds_secrets() const;
  bool empty() const { return changes.empty() && blobs.empty(); }
};

// Reads and checks everything but the blobs' bytes: form, known keys, form of the values, names.
// kInvalid, reason MediaRefused, with all that is wrong, one a line.
Result<MediaContents> read_media(const MediaFolders& folders);

}  // namespace klubster
