// The only home of libarchive: one format, nothing but files and directories.
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
#include <optional>

#include "base/digest.h"
#include "base/text.h"
#include "linux/files.h"
#include "unpack/gzip_reader.h"

namespace klubster {

namespace {

constexpr std::uint64_t kBlockBytes = 512;
// A tar ends with two blocks of zeros; without them it was cut between two members.
constexpr std::uint64_t kEndMarkBytes = 2 * kBlockBytes;
// What a tar may need beside its files: headers of a member, pax ones included, and filling.
constexpr std::uint64_t kMemberOverheadBytes = 4096;
constexpr std::uint64_t kTarOverheadBytes = 1024 * 1024;

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

// All that a package of these limits can come to, as a tar.
std::uint64_t tar_bytes(const PackageLimits& limits) {
  const std::uint64_t overhead = kTarOverheadBytes + limits.entries * kMemberOverheadBytes;
  return limits.bytes > UINT64_MAX - overhead ? UINT64_MAX : limits.bytes + overhead;
}

class Extraction {
 public:
  Extraction(GzipReader source, int staging, const PackageLimits& limits)
      : source_(std::move(source)),
        staging_(staging),
        limits_(limits),
        reader_(archive_read_new()) {
    if (reader_ == nullptr) throw std::bad_alloc();
  }

  Status open();
  // False at the end.
  Result<bool> next();
  ExtractedPackage take() { return std::move(package_); }

 private:
  static la_ssize_t read(archive* reader, void* self, const void** data);
  archive* reader() const { return reader_.get(); }
  std::uint64_t position() const;
  Error format_error() const;
  Status check_end();
  Status member(archive_entry* entry, const std::string& path);
  Status file(archive_entry* entry, const std::string& path);
  Result<PackageFile> write_data(int fd, std::uint64_t promised);

  GzipReader source_;
  std::string_view piece_;             // the last one that libarchive was given
  std::optional<Error> source_error_;  // why it was given no other
  int staging_;
  PackageLimits limits_;
  ArchivePtr reader_;
  PackageNames names_;
  std::string last_name_;
  ExtractedPackage package_;
  std::uint64_t bytes_ = 0;
  std::uint64_t last_member_end_ = 0;
};

// Called from C: no exception is thrown below but for want of memory, which ends the program.
la_ssize_t Extraction::read(archive* reader, void* self, const void** data) {
  auto& extraction = *static_cast<Extraction*>(self);
  const auto piece = extraction.source_.next();
  if (!piece) {
    extraction.source_error_ = piece.error();
    archive_set_error(reader, EIO, "the source failed");
    return -1;
  }
  extraction.piece_ = *piece;
  *data = piece->data();
  return static_cast<la_ssize_t>(piece->size());
}

// How much of the tar libarchive has consumed.
std::uint64_t Extraction::position() const {
  return static_cast<std::uint64_t>(archive_filter_bytes(reader(), 0));
}

Error Extraction::format_error() const {
  const char* text = archive_error_string(reader());
  Error error = source_error_ ? *source_error_
                              : archive_refused("it is not a tar that can be read to its end: " +
                                                printable(text == nullptr ? "unknown" : text));
  return last_name_.empty() ? error : std::move(error).in("after " + printable(last_name_, 128));
}

// Rule 2: gzip once, which is ours, around tar, which is libarchive's. No other filter is known to
// it.
Status Extraction::open() {
  if (archive_read_support_format_tar(reader()) != ARCHIVE_OK ||
      archive_read_open(reader(), this, nullptr, read, nullptr) != ARCHIVE_OK) {
    return format_error();
  }
  return {};
}

// Rule 10. The rest is read too: filling is zeros, and at its end the checksum is proven.
Status Extraction::check_end() {
  const std::uint64_t end = position();
  const std::uint64_t before_piece = source_.unpacked() - piece_.size();
  std::string_view rest = piece_.substr(end < before_piece ? 0 : end - before_piece);
  while (!piece_.empty()) {
    if (rest.find_first_not_of('\0') != std::string_view::npos) {
      return archive_refused("something follows the end mark");
    }
    const auto next = source_.next();
    if (!next) return next.error();
    rest = piece_ = *next;
  }
  if (package_.entries == 0) return archive_refused("the archive is empty");
  if (end < last_member_end_ + kEndMarkBytes) {
    return archive_refused("the archive is cut: its end mark is missing");
  }
  package_.blob_sha256 = source_.file_sha256();
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
  if (++package_.entries > limits_.entries) {
    return too_large("it has more than " + std::to_string(limits_.entries) + " members");
  }
  const char* raw = archive_entry_pathname(entry);
  if (raw == nullptr) return archive_refused("a member's name is not UTF-8");
  const std::string path = raw;
  if (auto done = member(entry, path); !done) {
    return std::move(done.error()).in(printable(path, 128));
  }
  last_name_ = path;
  return true;
}

Status Extraction::member(archive_entry* entry, const std::string& raw) {
  // The position after the header: the data follows, filled up to whole blocks.
  const auto size = static_cast<std::uint64_t>(std::max<la_int64_t>(0, archive_entry_size(entry)));
  const std::uint64_t header_end = position();

  if (archive_entry_hardlink(entry) != nullptr)
    return archive_refused("a hard link may not be in a package");
  const mode_t type = archive_entry_filetype(entry);
  if (type != AE_IFREG && type != AE_IFDIR) {
    return archive_refused(std::string(type_name(type)) + " may not be in a package");
  }
  if (archive_entry_sparse_count(entry) > 0)
    return archive_refused("a sparse file may not be in a package");
  if (archive_entry_is_encrypted(entry) != 0) return archive_refused("an encrypted member");

  std::string path = raw;
  while (path.starts_with("./"))
    path.erase(0, 2);
  if (type == AE_IFDIR) {
    if (size > 0) return archive_refused("a directory may not have data");
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
  if (archive_entry_size_is_set(entry) == 0 || size < 0)
    return archive_refused("the size is missing");
  const auto promised = static_cast<std::uint64_t>(size);
  if (promised > limits_.file_bytes) {
    return too_large("the file is larger than " + std::to_string(limits_.file_bytes) + " bytes");
  }
  if (bytes_ + promised > limits_.bytes) {
    return too_large("the package unpacks to more than " + std::to_string(limits_.bytes) +
                     " bytes");
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
    if (static_cast<std::uint64_t>(offset) != file.bytes)
      return archive_refused("the file has holes");
    if (count > promised - file.bytes)
      return archive_refused("the file is larger than its header says");
    const std::string_view piece(static_cast<const char*>(data), count);
    if (auto written = write_all(fd, piece); !written) return written.error();
    hasher.update(piece);
    file.bytes += count;
  }
  if (file.bytes != promised) return archive_refused("the file is shorter than its header says");
  bytes_ += file.bytes;
  file.sha256 = to_hex(hasher.finish());
  return file;
}

}  // namespace

Result<ExtractedPackage> extract_package(int blob, int staging, const PackageLimits& limits) {
  const Utf8Locale locale;
  auto source = GzipReader::create(blob, {limits.ratio, tar_bytes(limits)});
  if (!source) return source.error();
  Extraction extraction(std::move(*source), staging, limits);
  if (auto opened = extraction.open(); !opened) return opened.error();
  while (true) {
    const auto more = extraction.next();
    if (!more) return more.error();
    if (!*more) return extraction.take();
  }
}

}  // namespace klubster
