// The only home of libarchive: one filter, one format, nothing but files and directories.
#include "unpack/extract.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <memory>

#include "base/digest.h"
#include "base/text.h"
#include "linux/files.h"

namespace klubster {

namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::uint64_t kBlockBytes = 512;
// A tar ends with two blocks of zeros; without them it was cut between two members.
constexpr std::uint64_t kEndMarkBytes = 2 * kBlockBytes;
// Small packages may compress very well; a bomb of this size is none.
constexpr std::uint64_t kRatioFreeBytes = 1024 * 1024;

struct FreeArchive {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
using ArchivePtr = std::unique_ptr<archive, FreeArchive>;

// libarchive turns names into the locale's character set, and refuses what does not fit there.
class Utf8Locale {
 public:
  Utf8Locale() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_ != nullptr) previous_ = ::uselocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;
  ~Utf8Locale() {
    if (locale_ == nullptr) return;
    ::uselocale(previous_);
    ::freelocale(locale_);
  }

 private:
  locale_t locale_;
  locale_t previous_ = nullptr;
};

Error refuse(std::string why) {
  return {ErrorKind::kUntrusted, "ArchiveRefused", std::move(why)};
}

Error over(const std::string& what) {
  return {ErrorKind::kUntrusted, "TooLarge", what};
}

const char* type_name(mode_t type) {
  switch (type) {
    case AE_IFLNK:
      return "a symbolic link";
    case AE_IFCHR:
    case AE_IFBLK:
      return "a device";
    case AE_IFIFO:
      return "a FIFO";
    case AE_IFSOCK:
      return "a socket";
    default:
      return "a member of unknown type";
  }
}

// The same by hand, one component after another, none of them through a link. RestrictSUIDSGID=,
// which DynamicUser= brings along, lets openat2 fail with ENOSYS since it cannot look into its
// argument. The staging directory is the worker's alone, so nobody can change it between two
// components.
UniqueFd walk_beneath(int directory, const std::string& path, std::uint64_t flags, mode_t mode) {
  UniqueFd at;
  std::size_t from = 0;
  for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', from)) {
    const std::string part = path.substr(from, slash - from);
    at = UniqueFd(::openat(at ? at.get() : directory, part.c_str(),
                           O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!at) return at;
    from = slash + 1;
  }
  return UniqueFd(::openat(at ? at.get() : directory, path.substr(from).c_str(),
                           static_cast<int>(flags) | O_NOFOLLOW | O_CLOEXEC, mode));
}

// Rule 8: the kernel resolves the path, and refuses every way out.
UniqueFd open_beneath(int directory, const std::string& path, std::uint64_t flags, mode_t mode) {
  open_how how = {};
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  const long fd = ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how);
  if (fd < 0 && errno == ENOSYS) return walk_beneath(directory, path, flags, mode);
  return UniqueFd(static_cast<int>(fd));
}

Status make_directory_beneath(int root, const std::string& path) {
  const auto slash = path.rfind('/');
  UniqueFd parent;
  if (slash != std::string::npos) {
    parent = open_beneath(root, path.substr(0, slash), O_PATH | O_DIRECTORY, 0);
    if (!parent) return system_error("opening the directory above", errno);
  }
  const int at = parent ? parent.get() : root;
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (::mkdirat(at, name.c_str(), 0755) != 0 && errno != EEXIST) {
    return system_error("making the directory", errno);
  }
  return {};
}

class Extraction {
 public:
  Extraction(int blob, int staging, const PackageLimits& limits)
      : blob_(blob), staging_(staging), limits_(limits), reader_(archive_read_new()) {
    if (reader_ == nullptr) throw std::bad_alloc();
  }

  Status open();
  // False at the end.
  Result<bool> next();
  ExtractedPackage take() { return std::move(package_); }

 private:
  archive* reader() const { return reader_.get(); }
  Error format_error() const;
  Status check_format() const;
  Status check_end() const;
  Status check_ratio() const;
  Status member(archive_entry* entry, const std::string& path);
  Status file(archive_entry* entry, const std::string& path);
  Result<PackageFile> write_data(int fd, std::uint64_t promised);

  int blob_;
  int staging_;
  PackageLimits limits_;
  ArchivePtr reader_;
  std::uint64_t blob_bytes_ = 0;
  PackageNames names_;
  ExtractedPackage package_;
  std::uint64_t bytes_ = 0;
  std::uint64_t last_member_end_ = 0;
};

Error Extraction::format_error() const {
  const char* text = archive_error_string(reader());
  return refuse("it is not a gzip-compressed tar that can be read to its end: " +
                printable(text == nullptr ? "unknown" : text));
}

Status Extraction::open() {
  struct stat status = {};
  if (::fstat(blob_, &status) != 0) return system_error("looking at the package", errno);
  blob_bytes_ = static_cast<std::uint64_t>(status.st_size);
  if (blob_bytes_ == 0) return refuse("the file is empty");
  if (::lseek(blob_, 0, SEEK_SET) < 0) return system_error("rewinding the package", errno);
  if (archive_read_support_filter_gzip(reader()) != ARCHIVE_OK ||
      archive_read_support_format_tar(reader()) != ARCHIVE_OK ||
      archive_read_open_fd(reader(), blob_, kReadBytes) != ARCHIVE_OK) {
    return format_error();
  }
  return {};
}

// Rule 2: gzip around tar, once.
Status Extraction::check_format() const {
  if (archive_filter_count(reader()) != 2 ||
      archive_filter_code(reader(), 0) != ARCHIVE_FILTER_GZIP) {
    return refuse("it is not compressed with gzip exactly once");
  }
  if ((archive_format(reader()) & ARCHIVE_FORMAT_BASE_MASK) != ARCHIVE_FORMAT_TAR) {
    return refuse("it is not a tar");
  }
  return {};
}

Status Extraction::check_ratio() const {
  const auto unpacked = static_cast<std::uint64_t>(archive_filter_bytes(reader(), 0));
  if (unpacked > kRatioFreeBytes && unpacked / limits_.ratio > blob_bytes_) {
    return over("it unpacks to more than " + std::to_string(limits_.ratio) + " times its size");
  }
  return {};
}

// Rule 10.
Status Extraction::check_end() const {
  if (package_.entries == 0) return refuse("the archive is empty");
  const auto end = static_cast<std::uint64_t>(archive_filter_bytes(reader(), 0));
  if (end < last_member_end_ + kEndMarkBytes) {
    return refuse("the archive is cut: its end mark is missing");
  }
  return {};
}

Result<bool> Extraction::next() {
  archive_entry* entry = nullptr;
  const int code = archive_read_next_header(reader(), &entry);
  if (code == ARCHIVE_EOF) {
    if (auto ended = check_end(); !ended) return ended.error();
    return false;
  }
  if (code != ARCHIVE_OK) return format_error();  // rule 3: a warning is a refusal in disguise
  if (package_.entries == 0) {
    if (auto format = check_format(); !format) return format.error();
  }
  if (++package_.entries > limits_.entries) {
    return over("it has more than " + std::to_string(limits_.entries) + " members");
  }
  if (auto ratio = check_ratio(); !ratio) return ratio.error();
  const char* raw = archive_entry_pathname(entry);
  if (raw == nullptr) return refuse("a member's name is not UTF-8");
  const std::string path = raw;
  if (auto done = member(entry, path); !done) {
    return std::move(done.error()).in(printable(path, 128));
  }
  return true;
}

Status Extraction::member(archive_entry* entry, const std::string& raw) {
  // The position after the header: the data follows, filled up to whole blocks.
  const auto size = static_cast<std::uint64_t>(std::max<la_int64_t>(0, archive_entry_size(entry)));
  const auto header_end = static_cast<std::uint64_t>(archive_filter_bytes(reader(), 0));

  if (archive_entry_hardlink(entry) != nullptr)
    return refuse("a hard link may not be in a package");
  const mode_t type = archive_entry_filetype(entry);
  if (type != AE_IFREG && type != AE_IFDIR) {
    return refuse(std::string(type_name(type)) + " may not be in a package");
  }
  if (archive_entry_sparse_count(entry) > 0) return refuse("a sparse file may not be in a package");
  if (archive_entry_is_encrypted(entry) != 0) return refuse("an encrypted member");

  std::string path = raw;
  while (path.starts_with("./"))
    path.erase(0, 2);
  if (type == AE_IFDIR) {
    while (path.ends_with('/'))
      path.pop_back();
    if (path.empty() || path == ".") {  // the package's root itself
      last_member_end_ = header_end;
      return {};
    }
  }
  const bool is_file = type == AE_IFREG;
  auto added =
      names_.add(path, is_file ? PackageNames::Kind::kFile : PackageNames::Kind::kDirectory);
  if (!added) return added;
  last_member_end_ =
      header_end + (is_file ? (size + kBlockBytes - 1) / kBlockBytes * kBlockBytes : 0);

  // Directories that no member names are made on the way.
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    auto made = make_directory_beneath(staging_, path.substr(0, slash));
    if (!made) return made;
  }
  return is_file ? file(entry, path) : make_directory_beneath(staging_, path);
}

Status Extraction::file(archive_entry* entry, const std::string& path) {
  const la_int64_t size = archive_entry_size(entry);
  if (archive_entry_size_is_set(entry) == 0 || size < 0) return refuse("the size is missing");
  const auto promised = static_cast<std::uint64_t>(size);
  if (promised > limits_.file_bytes) {
    return over("the file is larger than " + std::to_string(limits_.file_bytes) + " bytes");
  }
  if (bytes_ + promised > limits_.bytes) {
    return over("the package unpacks to more than " + std::to_string(limits_.bytes) + " bytes");
  }
  UniqueFd fd = open_beneath(staging_, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!fd) return system_error("making the file", errno);
  auto written = write_data(fd.get(), promised);
  if (!written) return written.error();
  written->executable = (archive_entry_perm(entry) & S_IXUSR) != 0;
  // Rule 5: these two modes, whatever the archive says; set on the descriptor, past the umask.
  if (::fchmod(fd.get(), written->executable ? 0755 : 0644) != 0) {
    return system_error("setting the mode", errno);
  }
  package_.files.emplace(path, std::move(*written));
  return {};
}

Result<PackageFile> Extraction::write_data(int fd, std::uint64_t promised) {
  Hasher hasher(HashKind::kSha256);
  PackageFile file;
  while (true) {
    const void* data = nullptr;
    std::size_t count = 0;
    la_int64_t offset = 0;
    const int code = archive_read_data_block(reader(), &data, &count, &offset);
    if (code == ARCHIVE_EOF) break;
    if (code != ARCHIVE_OK) return format_error();
    if (static_cast<std::uint64_t>(offset) != file.bytes) return refuse("the file has holes");
    if (count > promised - file.bytes) return refuse("the file is larger than its header says");
    const std::string_view piece(static_cast<const char*>(data), count);
    if (auto ratio = check_ratio(); !ratio) return ratio.error();
    if (auto written = write_all(fd, piece); !written) return written.error();
    hasher.update(piece);
    file.bytes += count;
  }
  if (file.bytes != promised) return refuse("the file is shorter than its header says");
  bytes_ += file.bytes;
  file.sha256 = to_hex(hasher.finish());
  return file;
}

}  // namespace

Result<ExtractedPackage> extract_package(int blob, int staging, const PackageLimits& limits) {
  const Utf8Locale locale;
  Extraction extraction(blob, staging, limits);
  if (auto opened = extraction.open(); !opened) return opened.error();
  while (true) {
    const auto more = extraction.next();
    if (!more) return more.error();
    if (!*more) return extraction.take();
  }
}

}  // namespace klubster
