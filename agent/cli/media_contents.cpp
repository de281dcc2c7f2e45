// Reading and checking a medium's directories.
#include "cli/media_contents.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "base/text.h"
#include "linux/config_root.h"
#include "linux/files.h"
#include "linux/tree_file.h"
#include "model/blob_name.h"
#include "model/dotted_layer.h"
#include "model/hardware.h"
#include "model/key_names.h"
#include "model/schema.h"
#include "model/tree_entry.h"

namespace klubster {

namespace {

constexpr std::size_t kEntries = 10'000;

class MediaReader {
 public:
  explicit MediaReader(const MediaFolders& folders) : folders_(folders) {}

  Result<MediaContents> run() {
    if (!folders_.config.empty()) read_config();
    if (!folders_.credentials.empty()) read_credentials();
    if (!folders_.blobs.empty()) read_blobs();
    if (problems_.empty()) return std::move(contents_);
    return Error(ErrorKind::kInvalid, "MediaRefused", join(problems_, "\n"));
  }

 private:
  // Layer 3 is the strict one: in layer 4 an unknown key is let pass.
  void read_config() {
    const TreeLayer layer = read_config_root({kLayerSystem, folders_.config, folders_.foreign});
    take(layer, false);
  }

  void read_credentials() {
    TreeLayer layer{kLayerSystem, folders_.credentials, {}, {}};
    for (const auto& name : names_in(folders_.credentials)) {
      const std::string file = folders_.credentials + "/" + name;
      struct stat info {};
      if (folders_.foreign && ::lstat(file.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
        refuse(file, "expected a regular file, found something else");
        continue;
      }
      auto read = read_tree_file(AT_FDCWD, file);
      add_dotted(layer, name, std::move(read.value), file);
      const std::string key = key_of_credential(name).value_or("");
      const auto exposed = exposed_secret(key, read.info.st_mode);
      if (exposed && !folders_.foreign) refuse(file, *exposed);
    }
    take(layer, true);
  }

  void read_blobs() {
    for (const auto& name : names_in(folders_.blobs)) {
      const std::string path = folders_.blobs + "/" + name;
      struct stat info {};
      const int follow = folders_.foreign ? AT_SYMLINK_NOFOLLOW : 0;
      if (!is_blob_name(name)) {
        refuse(path, "expected a name of letters, digits and . _ + - with at most 200 of them");
      } else if (::fstatat(AT_FDCWD, path.c_str(), &info, follow) != 0) {
        refuse(path, cannot_read(errno));
      } else if (!S_ISREG(info.st_mode)) {
        refuse(path, "expected a regular file, found something else");
      } else {
        contents_.blobs.push_back({name, path, static_cast<std::uint64_t>(info.st_size)});
      }
    }
  }

  // Names that count, sorted; a directory that is not there has none.
  std::vector<std::string> names_in(const std::string& directory) {
    struct stat info {};
    if (::lstat(directory.c_str(), &info) != 0 && errno == ENOENT) return {};
    if (!S_ISDIR(info.st_mode) && (folders_.foreign || !S_ISLNK(info.st_mode))) {
      refuse(directory, "expected a directory, found something else");
      return {};
    }
    auto names = list_directory(directory);
    if (!names) {
      problems_.push_back(names.error().message());
      return {};
    }
    if (names->size() > kEntries) {
      refuse(directory, "expected at most " + std::to_string(kEntries) + " entries, found more");
      return {};
    }
    std::erase_if(*names, [](const std::string& name) {
      return name.starts_with(".") || name.starts_with("README") || name.ends_with("~");
    });
    return *names;
  }

  void take(const TreeLayer& layer, bool secret) {
    for (const auto& problem : layer.problems)
      problems_.push_back(problem.text());
    for (const auto& file : layer.files) {
      const TreeEntry entry = tree_entry(file, layer.layer);
      const auto [before, is_new] = taken_.emplace(file.key, file.file);
      if (entry.problem) {
        problems_.push_back(entry.problem->text());
      } else if (const auto wrong = match_mistake(entry)) {
        problems_.push_back(TreeProblem{file.file, file.key, *wrong}.text());
      } else if (!is_new) {
        problems_.push_back(TreeProblem{
            file.file,
            file.key,
            "expected it once, found it in " + before->second,
            {}}.text());
      } else {
        contents_.changes.push_back({file.key, file.value, secret});
      }
    }
  }

  static std::optional<std::string> match_mistake(const TreeEntry& entry) {
    if (entry.action != EntryAction::kMatch) return std::nullopt;
    MachineMatches matches;
    return matches.add(entry.overlay, entry.key, entry.source->value, {});
  }

  void refuse(const std::string& file, const std::string& message) {
    problems_.push_back(printable(file, 400) + ": " + message);
  }

  const MediaFolders& folders_;
  MediaContents contents_;
  std::map<std::string, std::string> taken_;  // key -> file
  std::vector<std::string> problems_;
};

}  // namespace

std::uint64_t MediaContents::blob_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& blob : blobs)
    sum += blob.bytes;
  return sum;
}

bool MediaContents::holds_secrets() const {
  return std::ranges::any_of(changes, [](const TreeChange& change) {
    const KeySpec* spec = find_key(overlay_path(change.key).rest);
    return change.secret || (spec != nullptr && spec->secret);
  });
}

Result<MediaContents> read_media(const MediaFolders& folders) {
  return MediaReader(folders).run();
}

}  // namespace klubster
