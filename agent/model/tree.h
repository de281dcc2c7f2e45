// The config tree as data: files of layers, what is wrong with them, where values come from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace klubster {

// Layers of config-tree.md, lowest first.
inline constexpr int kLayerDefault = 1;
inline constexpr int kLayerImage = 2;       // /usr/share/klubster
inline constexpr int kLayerSystem = 3;      // /etc/klubster
inline constexpr int kLayerMachine = 4;     // /var/lib/klubster/config
inline constexpr int kLayerRuntime = 5;     // /run/klubster/config
inline constexpr int kLayerCredential = 6;  // systemd credentials klubster.<key with dots>
inline constexpr int kLayerKernel = 7;      // kernel parameters klubster.<key with dots>=VALUE
inline constexpr int kLayerLocation = 8;    // files named by KLUBSTER_<KEY>_FILE
std::string_view layer_name(int layer);     // "image", "system", …

// Bytes that a value may have.
inline constexpr std::size_t kTreeValueBytes = 65'536;

// One file of a layer as it was read. Its key is its path below the root, overlays included:
// "overlays/node=n1/profile/url", "profile/ca.unset".
struct TreeFile {
  std::string key;
  std::string value;  // one trailing newline is already dropped
  std::string file;   // full path, for messages
};

// One thing that is wrong, or merely odd, in a tree.
struct TreeProblem {
  std::string file;  // empty: no single file is to blame
  std::string key;
  std::string message;                   // "expected …, found … (did you mean …?)"
  std::string reason = "ConfigInvalid";  // row of base/reason.h
  // "FILE: key KEY: MESSAGE"
  std::string text() const;
};

struct TreeLayer {
  int layer = 0;
  std::string root;
  std::vector<TreeFile> files;  // any order
  // What could not be read; the keys are paths below the root like those of files.
  std::vector<TreeProblem> problems;
};

struct Origin {
  int layer = kLayerDefault;
  std::string file;
  bool operator==(const Origin&) const = default;
};

// What stands in a file of these bytes: text without the one newline at its end. kInvalid, reason
// BadValue, with "expected …, found …" as message: too large, NUL, not UTF-8, CRLF.
Result<std::string> tree_value(std::string bytes);

}  // namespace klubster
