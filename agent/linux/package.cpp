// Names and digests of a package's files.
#include "linux/package.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <cwctype>

#include "base/digest.h"
#include "base/text.h"
#include "linux/files.h"

namespace klubster {

namespace {

constexpr std::size_t kMaxPathBytes = 1024;
constexpr std::size_t kMaxPartBytes = 255;  // NAME_MAX
constexpr std::size_t kMaxDepth = 32;

Error refuse(std::string why) {
  return {ErrorKind::kUntrusted, "ArchiveRefused", std::move(why)};
}

Status check_name(const std::string& path) {
  if (path.empty()) return refuse("the name is empty");
  if (path.size() > kMaxPathBytes) return refuse("the name is longer than 1024 bytes");
  if (!is_utf8(path)) return refuse("the name is not UTF-8");
  const bool plain = printable(path, path.size() * 4 + 1) == path;
  if (!plain) return refuse("the name holds control characters");
  if (path[0] == '/') return refuse("the name is absolute");
  const auto parts = split(path, '/');
  if (parts.size() > kMaxDepth) return refuse("the name is more than 32 deep");
  for (const auto& part : parts) {
    if (part.empty() || part == "." || part == "..") {
      return refuse("the name has an empty part, . or ..");
    }
    if (part[0] == '-') return refuse("a part of the name begins with -");
    if (part.size() > kMaxPartBytes) return refuse("a part of the name is too long");
  }
  return {};
}

// The code points of valid UTF-8, in small letters: also beyond ASCII, since the file systems that
// do not tell large from small go by Unicode. Two normal forms of a letter stay two names.
std::wstring folded(const std::string& text) {
  static const locale_t unicode = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  std::wstring letters;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) == 0x80 && !letters.empty()) {
      letters.back() = static_cast<wchar_t>((letters.back() << 6) | (byte & 0x3F));
    } else {
      const int lead = byte < 0x80 ? 0x7F : byte < 0xE0 ? 0x1F : byte < 0xF0 ? 0x0F : 0x07;
      letters.push_back(static_cast<wchar_t>(byte & lead));
    }
  }
  for (wchar_t& letter : letters) {
    if (letter < 0x80) {
      if (letter >= L'A' && letter <= L'Z') letter += L'a' - L'A';
    } else if (unicode != nullptr) {
      letter = static_cast<wchar_t>(::towlower_l(static_cast<wint_t>(letter), unicode));
    }
  }
  return letters;
}

bool is_below(std::string_view path, std::string_view root) {
  return path == root ||
         (path.size() > root.size() && path.starts_with(root) && path[root.size()] == '/');
}

Result<std::string> digest_of(int fd) {
  Hasher hasher(HashKind::kSha256);
  std::string buffer(64 * 1024, '\0');
  while (true) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("reading", errno);
    if (count == 0) return to_hex(hasher.finish());
    hasher.update({buffer.data(), static_cast<std::size_t>(count)});
  }
}

// Walks one directory after the other; nothing of what it meets is followed.
class Walk {
 public:
  Walk(const PackageLimits& limits, const std::vector<std::string>& roots)
      : limits_(limits), roots_(roots) {}

  Status directory(UniqueFd fd, const std::string& prefix) {
    const UniqueDirectory entries = entries_of(fd.get());
    if (entries == nullptr) return system_error("listing " + prefix, errno);
    while (true) {
      errno = 0;
      const dirent* entry = ::readdir(entries.get());
      if (entry == nullptr && errno != 0) return system_error("listing " + prefix, errno);
      if (entry == nullptr) break;
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      std::string path = prefix;
      if (!path.empty()) path += '/';
      path += name;
      if (auto taken = member(fd.get(), name, path); !taken) return taken;
    }
    return {};
  }
  PackageFiles take() { return std::move(files_); }

 private:
  bool wanted(const std::string& path) const {
    return roots_.empty() ||
           std::any_of(roots_.begin(), roots_.end(), [&](const std::string& root) {
             return is_below(path, root) || is_below(root, path);
           });
  }

  Status member(int parent, const std::string& name, const std::string& path) {
    if (!wanted(path)) return {};
    struct stat status = {};
    if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      return system_error(printable(path), errno);
    }
    const bool is_directory = S_ISDIR(status.st_mode);
    if (!is_directory && !S_ISREG(status.st_mode)) {
      return refuse("only regular files and directories may be in a package")
          .in(printable(path, 128));
    }
    using Kind = PackageNames::Kind;
    auto added = names_.add(path, is_directory ? Kind::kDirectory : Kind::kFile);
    if (!added) return std::move(added).in(printable(path, 128));
    if (++entries_ > limits_.entries) return over(path, "files", limits_.entries);
    const int flags =
        O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (is_directory ? O_DIRECTORY : 0);
    UniqueFd fd(::openat(parent, name.c_str(), flags));
    if (!fd) return system_error("opening " + printable(path), errno);
    if (is_directory) return directory(std::move(fd), path);
    return file(fd.get(), status, path);
  }

  Status file(int fd, const struct stat& status, const std::string& path) {
    PackageFile file;
    file.bytes = static_cast<std::uint64_t>(status.st_size);
    file.executable = (status.st_mode & S_IXUSR) != 0;
    bytes_ += file.bytes;
    if (file.bytes > limits_.file_bytes) return over(path, "bytes in a file", limits_.file_bytes);
    if (bytes_ > limits_.bytes) return over(path, "bytes in all", limits_.bytes);
    auto digest = digest_of(fd);
    if (!digest) return std::move(digest.error()).in(printable(path));
    file.sha256 = *digest;
    files_.emplace(path, std::move(file));
    return {};
  }

  static Error over(const std::string& path, const std::string& what, std::uint64_t limit) {
    return Error(ErrorKind::kUntrusted, "TooLarge",
                 "more than " + std::to_string(limit) + " " + what)
        .in(printable(path, 128));
  }

  const PackageLimits& limits_;
  const std::vector<std::string>& roots_;
  PackageNames names_;
  PackageFiles files_;
  std::uint64_t entries_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace

Status PackageNames::add(const std::string& path, Kind kind) {
  if (auto checked = check_name(path); !checked) return checked;
  // Every directory on the way is a name too.
  for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
    const std::string prefix = path.substr(0, end);
    const bool last = end == std::string::npos;
    const Kind wanted = last ? kind : Kind::kDirectory;
    auto [found, is_new] = by_folded_.try_emplace(folded(prefix), Known{prefix, wanted, last});
    Known& known = found->second;
    if (!is_new) {
      if (known.path != prefix) {
        return refuse("the name differs from " + printable(known.path, 128) + " in case only");
      }
      if (known.kind != wanted) return refuse("the name is both a file and a directory");
      if (last && known.named) return refuse("the name stands twice");
      known.named = known.named || last;
    }
    if (last) return {};
  }
}

Result<PackageFiles> list_package_directory(const std::string& path, const PackageLimits& limits,
                                            const std::vector<std::string>& roots) {
  auto root = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!root) return root.error();
  Walk walk(limits, roots);
  if (auto walked = walk.directory(std::move(*root), ""); !walked) {
    return std::move(walked.error()).in(printable(path));
  }
  return walk.take();
}

std::string files_digest(const PackageFiles& files, const std::vector<std::string>& roots) {
  Hasher hasher(HashKind::kSha256);
  for (const auto& [name, file] : files) {
    const std::string& path = name;  // clang 14 captures no structured binding
    const bool counts = std::any_of(roots.begin(), roots.end(),
                                    [&](const std::string& root) { return is_below(path, root); });
    if (!counts) continue;
    hasher.update(path);
    hasher.update(std::string_view("\0", 1));
    hasher.update(file.executable ? "0755 " : "0644 ");
    hasher.update(file.sha256);
    hasher.update("\n");
  }
  return to_hex(hasher.finish());
}

bool package_has(const PackageFiles& files, const std::string& path) {
  const auto found = files.lower_bound(path);
  if (found != files.end() && found->first == path) return true;
  const auto below = files.lower_bound(path + "/");
  return below != files.end() && is_below(below->first, path);
}

}  // namespace klubster
