// Walks the roots of the config tree without ever opening what is not a regular file.
#include "linux/config_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "base/names.h"
#include "base/text.h"
#include "linux/files.h"
#include "linux/tree_file.h"
#include "model/dotted_layer.h"
#include "model/schema.h"

namespace klubster {

namespace {

constexpr std::size_t kEntries = 10'000;  // files and directories of one root
constexpr std::size_t kDepth = 16;
constexpr int kReadings = 8;  // before a tree counts as one that never rests

bool is_ignored(std::string_view name) {
  return name.starts_with(".") || name.starts_with("README") || name.ends_with("~") ||
         name.ends_with(".bak") || name.ends_with(".tmp");
}

// The key without its overlay: "overlays/node=n1/profile/url" is "profile/url".
std::string_view without_overlay(std::string_view key) {
  if (!key.starts_with("overlays/")) return key;
  const auto slash = key.find('/', std::strlen("overlays/"));
  return slash == std::string_view::npos ? "" : key.substr(slash + 1);
}

// Labels are left out: a prefix such as topology.kubernetes.io is a directory and could be a label.
bool must_be_file(std::string_view key) {
  const KeySpec* spec = find_key(key);
  return spec != nullptr && !key.starts_with("node/labels/");
}

std::string below(const std::string& key, const std::string& name) {
  return key.empty() ? name : key + "/" + name;
}

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};
using UniqueDir = std::unique_ptr<DIR, CloseDir>;

// Reads one root into a layer.
class Walker {
 public:
  explicit Walker(const ConfigRoot& root) : foreign_(root.foreign) {
    layer_.layer = root.layer;
    layer_.root = root.path;
  }

  TreeLayer run() {
    const int flags = foreign_ ? O_NOFOLLOW : 0;
    UniqueFd fd(
        ::open(layer_.root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | flags));
    if (fd) {
      read_directory(std::move(fd), "");
    } else if (errno != ENOENT) {
      problem("", errno == ENOTDIR ? "expected a directory, found something else"
                                   : "expected a readable directory, found: " +
                                         std::string(std::strerror(errno)));
    }
    return std::move(layer_);
  }

 private:
  void problem(const std::string& key, std::string message) {
    const std::string file = key.empty() ? layer_.root : layer_.root + "/" + key;
    layer_.problems.push_back({file, key, std::move(message), "ConfigInvalid"});
  }

  void read_directory(UniqueFd fd, const std::string& key) {
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) return problem(key, cannot_read(errno));
    const std::pair identity(info.st_dev, info.st_ino);
    if (std::ranges::count(ancestors_, identity) != 0) {
      return problem(key, "expected a tree, found a link that leads back to a directory above it");
    }
    if (ancestors_.size() >= kDepth) {
      return problem(key, "expected at most " + std::to_string(kDepth) +
                              " directories inside one another, found more");
    }
    ancestors_.push_back(identity);
    for (const auto& [name, is_regular] : names_in(fd, key)) {
      if (is_ignored(name)) continue;
      if (++entries_ > kEntries) {
        if (entries_ == kEntries + 1) {
          problem("", "expected at most " + std::to_string(kEntries) + " entries, found more");
        }
        break;
      }
      read_entry(fd.get(), name, is_regular, below(key, name));
    }
    ancestors_.pop_back();
  }

  struct Name {
    std::string text;
    bool is_regular;  // the directory says so; false where it does not know, or it is a link
    auto operator<=>(const Name&) const = default;
  };

  // Sorted, so that messages come in the same order everywhere.
  std::vector<Name> names_in(const UniqueFd& fd, const std::string& key) {
    std::vector<Name> names;
    const int copy = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3);
    UniqueDir dir(copy < 0 ? nullptr : ::fdopendir(copy));
    if (!dir) {
      if (copy >= 0) ::close(copy);
      problem(key, cannot_read(errno));
      return names;
    }
    errno = 0;
    while (const dirent* entry = ::readdir(dir.get())) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..")
        names.push_back({std::string(name), entry->d_type == DT_REG});
      if (names.size() > kEntries) break;
      errno = 0;
    }
    if (errno != 0) problem(key, cannot_read(errno));
    std::ranges::sort(names);
    return names;
  }

  void read_entry(int parent, const std::string& name, bool is_regular, const std::string& key) {
    if (!is_utf8(name)) return problem(key, "expected a name in UTF-8, found other bytes");
    // What a directory of a medium says about its entries may be a lie.
    struct stat info {};
    if (foreign_ && ::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(info.st_mode)) {
      return problem(key, "expected a file or a directory, found a symbolic link");
    }
    auto read = read_tree_file(parent, name, is_regular && !foreign_);
    if (S_ISDIR(read.mode)) {
      if (must_be_file(without_overlay(key))) {
        return problem(key, "expected a file, found a directory");
      }
      UniqueFd fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      return fd ? read_directory(std::move(fd), key) : problem(key, cannot_read(errno));
    }
    if (!read.value) return problem(key, read.value.error().message());
    auto exposed = exposed_secret(without_overlay(key), read.mode);
    if (exposed && !foreign_) {
      problem(key, std::move(*exposed));
    }
    layer_.files.push_back({key, std::move(*read.value), layer_.root + "/" + key});
  }

  bool foreign_;
  TreeLayer layer_;
  std::size_t entries_ = 0;
  std::vector<std::pair<dev_t, ino_t>> ancestors_;  // of the directory being read
};

std::vector<TreeLayer> read_layers(const ConfigSources& sources) {
  std::vector<TreeLayer> layers;
  layers.reserve(sources.roots.size() + 3);
  for (const auto& root : sources.roots)
    layers.push_back(read_config_root(root));
  layers.push_back(credential_layer(sources.credentials));
  layers.push_back(kernel_layer(sources.kernel_words));
  layers.push_back(location_layer(sources.locations));
  return layers;
}

bool same(const TreeLayer& a, const TreeLayer& b) {
  const auto same_file = [](const TreeFile& x, const TreeFile& y) {
    return x.key == y.key && x.value == y.value;
  };
  const auto same_problem = [](const TreeProblem& x, const TreeProblem& y) {
    return x.key == y.key && x.message == y.message;
  };
  return std::ranges::equal(a.files, b.files, same_file) &&
         std::ranges::equal(a.problems, b.problems, same_problem);
}

}  // namespace

TreeLayer read_config_root(const ConfigRoot& root) {
  return Walker(root).run();
}

ConfigLayers read_config_layers(const ConfigSources& sources) {
  ConfigLayers read{read_layers(sources), false};
  for (int reading = 1; reading < kReadings && !read.at_rest; ++reading) {
    auto again = read_layers(sources);
    read.at_rest = std::ranges::equal(read.layers, again, same);
    read.layers = std::move(again);
  }
  return read;
}

MergedTree merge_config(const ConfigLayers& read, const ConfigSources& sources) {
  auto tree = merge_tree({read.layers, sources.hostname, sources.node, sources.hardware});
  tree.elsewhere = sources.elsewhere;
  if (!read.at_rest) {
    tree.errors.push_back({"", "",
                           "expected a tree that is at rest, found one that changed in each of " +
                               std::to_string(kReadings) + " readings",
                           "ConfigInvalid"});
  }
  return tree;
}

MergedTree read_config_tree(const ConfigSources& sources) {
  return merge_config(read_config_layers(sources), sources);
}

Result<NodeConfig> resolve_config(const ConfigSources& sources) {
  return make_node_config(read_config_tree(sources));
}

Result<NodeConfig> restore_config(const Json& stored, const ConfigSources& sources) {
  ConfigSources same_node = sources;
  same_node.node = stored.text_or("node");
  return node_config_from_json(stored, read_config_tree(same_node).settings);
}

}  // namespace klubster
