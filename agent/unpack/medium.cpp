// ISO 9660 by libarchive.
#include "unpack/medium.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <vector>

#include "base/text.h"
#include "linux/files.h"
#include "unpack/archive_writer.h"

namespace klubster {

namespace {

namespace fs = std::filesystem;

// Joliet would cut long names; level 3 allows files of 4 GiB; strict keeps the modes.
constexpr const char* kOptions =
    "iso9660:volume-id=KLUBSTER,iso9660:!joliet,iso9660:iso-level=3,iso9660:rockridge=strict";

// Paths below `directory`, sorted, so that a directory comes before what is in it.
Result<std::vector<std::string>> paths_below(const std::string& directory) {
  std::vector<std::string> paths;
  std::error_code failed;
  for (auto at = fs::recursive_directory_iterator(directory, failed);
       !failed && at != fs::recursive_directory_iterator(); at.increment(failed)) {
    paths.push_back(at->path().lexically_relative(directory).string());
  }
  if (failed) return system_error("reading " + directory, failed.value());
  std::ranges::sort(paths);
  return paths;
}

Status write_content(archive* writer, int fd) {
  std::array<char, 256 * 1024> buffer;
  while (true) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("reading", errno);
    if (got == 0) return demand(writer, archive_write_finish_entry(writer));
    if (archive_write_data(writer, buffer.data(), static_cast<std::size_t>(got)) != got) {
      return demand(writer, ARCHIVE_FATAL);
    }
  }
}

Status write_entry(archive* writer, const std::string& directory, const std::string& path) {
  const auto fd = open_file(directory + "/" + path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!fd) return fd.error();
  struct stat info {};
  if (::fstat(fd->get(), &info) != 0) return system_error("reading " + path, errno);
  const bool regular = S_ISREG(info.st_mode);
  if (!regular && !S_ISDIR(info.st_mode)) {
    return Error(ErrorKind::kInvalid, "BadValue", "expected a regular file, found something else")
        .in(printable(path));
  }
  const EntryPtr entry(archive_entry_new());
  archive_entry_copy_pathname(entry.get(), path.c_str());
  archive_entry_set_filetype(entry.get(), regular ? AE_IFREG : AE_IFDIR);
  archive_entry_set_perm(entry.get(), info.st_mode & 0777);
  archive_entry_set_size(entry.get(), regular ? info.st_size : 0);
  archive_entry_set_nlink(entry.get(), 1);
  archive_entry_set_uid(entry.get(), 0);
  archive_entry_set_gid(entry.get(), 0);
  archive_entry_set_mtime(entry.get(), 0, 0);
  if (auto done = demand(writer, archive_write_header(writer, entry.get())); !done) return done;
  return regular ? write_content(writer, fd->get()) : Status();
}

Status write_image(int fd, const std::string& directory) {
  const auto paths = paths_below(directory);
  if (!paths) return paths.error();
  const ArchivePtr writer(archive_write_new());
  if (writer == nullptr) throw std::bad_alloc();
  for (const int code : {archive_write_set_format_iso9660(writer.get()),
                         archive_write_set_options(writer.get(), kOptions),
                         archive_write_open_fd(writer.get(), fd)}) {
    if (auto done = demand(writer.get(), code); !done) return done;
  }
  for (const auto& path : *paths) {
    auto written = write_entry(writer.get(), directory, path);
    if (!written) return std::move(written).in(printable(path));
  }
  return demand(writer.get(), archive_write_close(writer.get()));
}

}  // namespace

Status write_medium(const std::string& directory, const std::string& output) {
  const auto file = open_file(output, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!file) return file.error();
  auto written = write_image(file->get(), directory);
  if (written && ::fsync(file->get()) != 0) written = system_error("syncing " + output, errno);
  if (!written) (void)remove_file(output);  // the first error is the one to tell
  return written;
}

}  // namespace klubster
