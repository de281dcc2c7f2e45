// Packing and signing.
#include "unpack/pack.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>

#include "base/digest.h"
#include "base/text.h"
#include "linux/files.h"
#include "unpack/archive_writer.h"
#include "unpack/judge.h"

namespace klubster {

namespace {

constexpr std::size_t kPackedBytesAtOnce = 64 * 1024;

// True when `inner` would be packed with `outer` the next time.
bool lies_within(const std::string& inner, const std::string& outer) {
  std::error_code ignored;
  const auto root = std::filesystem::weakly_canonical(outer, ignored);
  const auto path = std::filesystem::weakly_canonical(inner, ignored);
  const auto relative = path.lexically_relative(root).string();
  return !relative.empty() && !relative.starts_with("..");
}

Status write_header(archive* writer, const std::string& path, const PackageFile& file) {
  const EntryPtr entry(archive_entry_new());
  archive_entry_set_pathname_utf8(entry.get(), path.c_str());
  archive_entry_copy_pathname(entry.get(), path.c_str());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), file.executable ? 0755 : 0644);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(file.bytes));
  archive_entry_set_mtime(entry.get(), 0, 0);
  archive_entry_set_uid(entry.get(), 0);
  archive_entry_set_gid(entry.get(), 0);
  return demand(writer, archive_write_header(writer, entry.get()));
}

Status write_member(archive* writer, const std::string& directory, const std::string& path,
                    const PackageFile& file) {
  if (auto written = write_header(writer, path, file); !written) return written;
  auto fd = open_file(directory + "/" + path, O_RDONLY | O_NOFOLLOW);
  if (!fd) return fd.error();
  Hasher hasher(HashKind::kSha256);
  std::string buffer(kPackedBytesAtOnce, '\0');
  while (true) {
    const ssize_t count = ::read(fd->get(), buffer.data(), buffer.size());
    if (count < 0) return system_error("reading", errno);
    if (count == 0) break;
    const auto size = static_cast<std::size_t>(count);
    hasher.update({buffer.data(), size});
    if (archive_write_data(writer, buffer.data(), size) != count) {
      return demand(writer, ARCHIVE_FATAL);
    }
  }
  if (to_hex(hasher.finish()) != file.sha256) {
    return Error(ErrorKind::kConflict, "SystemCallFailed", "the file changed while it was packed");
  }
  return {};
}

Status write_archive(int fd, const std::string& directory, const PackageFiles& files) {
  const ArchivePtr writer(archive_write_new());
  if (writer == nullptr) throw std::bad_alloc();
  for (const int code :
       {archive_write_add_filter_gzip(writer.get()),
        archive_write_set_format_pax_restricted(writer.get()),
        // The time of packing must not be in the bytes.
        archive_write_set_options(writer.get(), "gzip:!timestamp,gzip:compression-level=9"),
        archive_write_open_fd(writer.get(), fd)}) {
    if (auto done = demand(writer.get(), code); !done) return done;
  }
  for (const auto& [path, file] : files) {
    auto written = write_member(writer.get(), directory, path, file);
    if (!written) return std::move(written).in(printable(path));
  }
  return demand(writer.get(), archive_write_close(writer.get()));
}

}  // namespace

Status write_package(const std::string& directory, const PackageFiles& files,
                     const std::string& output) {
  if (lies_within(output, directory)) {
    return Error(ErrorKind::kInvalid, "Usage",
                 output + " lies within " + directory + ": it would be packed the next time")
        .hint("give another place with -o FILE");
  }
  const std::string temporary = output + ".new";
  auto file = open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);
  if (!file) return file.error();
  auto written = write_archive(file->get(), directory, files);
  if (written && ::fsync(file->get()) != 0) written = system_error("syncing " + temporary, errno);
  if (!written) {
    (void)remove_file(temporary);  // the first error is the one to tell
    return written;
  }
  return rename_durably(temporary, output);
}

Result<MinisignSecretKey> read_secret_key(const std::string& key_file,
                                          const std::function<Result<std::string>()>& ask) {
  const auto text = read_file(key_file, kMinisignKeyBytes);
  if (!text) return text.error();
  if (!has_passphrase(*text)) return parse_secret_key(*text).in(key_file);
  const auto passphrase = ask();
  if (!passphrase) return passphrase.error();
  return parse_secret_key(*text, *passphrase).in(key_file);
}

Status sign_package(const std::string& file, const MinisignSecretKey& key,
                    const SigningRequest& request) {
  const auto blob = open_file(file, O_RDONLY);
  if (!blob) return blob.error();
  const auto hashes = hash_blob(blob->get(), HashesFor::kSignature);
  if (!hashes) return hashes.error();
  TrustedComment comment;
  comment.name = request.name;
  comment.version = request.version;
  comment.seq = request.seq;
  comment.size = hashes->bytes;
  comment.sha256 = hashes->sha256_hex;
  comment.cluster = request.cluster;
  return write_file_durably(file + ".minisig", sign_hash(key, hashes->blake2b512, to_text(comment)),
                            0644);
}

}  // namespace klubster
