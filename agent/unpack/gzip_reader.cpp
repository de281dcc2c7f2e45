// Decompressing by zlib itself: libarchive does not look at the checksum, and joins members.
#include "unpack/gzip_reader.h"

#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <new>

#include "linux/files.h"

namespace klubster {

namespace {

constexpr std::size_t kPackedBytes = 64 * 1024;
constexpr std::size_t kPlainBytes = 256 * 1024;
constexpr int kGzipOnly = 16 + MAX_WBITS;  // zlib.h, inflateInit2()
// Small packages may compress very well; a bomb of this size is none.
constexpr std::uint64_t kRatioFreeBytes = 1024 * 1024;

}  // namespace

Error archive_refused(std::string why) {
  return {ErrorKind::kUntrusted, "ArchiveRefused", std::move(why)};
}

Error too_large(std::string what) {
  return {ErrorKind::kUntrusted, "TooLarge", std::move(what)};
}

void GzipReader::EndStream::operator()(z_stream_s* stream) const {
  (void)inflateEnd(stream);  // only says whether there was something to free
  delete stream;
}

GzipReader::GzipReader(int file, std::uint64_t file_bytes, const GzipLimits& limits)
    : file_(file),
      file_bytes_(file_bytes),
      limits_(limits),
      stream_(new z_stream_s{}),
      packed_(kPackedBytes, '\0'),
      plain_(kPlainBytes, '\0') {
  if (inflateInit2(stream_.get(), kGzipOnly) != Z_OK) throw std::bad_alloc();
}

Result<GzipReader> GzipReader::create(int file, const GzipLimits& limits) {
  struct stat status = {};
  if (::fstat(file, &status) != 0) return system_error("looking at the package", errno);
  if (!S_ISREG(status.st_mode)) return archive_refused("it is not a regular file");
  if (status.st_size == 0) return archive_refused("the file is empty");
  return GzipReader(file, static_cast<std::uint64_t>(status.st_size), limits);
}

Result<bool> GzipReader::refill() {
  ssize_t count = 0;
  do {
    count = ::pread(file_, packed_.data(), packed_.size(), static_cast<off_t>(offset_));
  } while (count < 0 && errno == EINTR);
  if (count < 0) return system_error("reading the package", errno);
  offset_ += static_cast<std::uint64_t>(count);
  hasher_.update({packed_.data(), static_cast<std::size_t>(count)});
  stream_->next_in = reinterpret_cast<Bytef*>(packed_.data());
  stream_->avail_in = static_cast<uInt>(count);
  return count > 0;
}

Status GzipReader::check_limits() const {
  if (unpacked_ > kRatioFreeBytes && unpacked_ / limits_.ratio > file_bytes_) {
    return too_large("it unpacks to more than " + std::to_string(limits_.ratio) +
                     " times its size");
  }
  if (unpacked_ > limits_.bytes) {
    return too_large("it unpacks to more than " + std::to_string(limits_.bytes) + " bytes");
  }
  return {};
}

Status GzipReader::check_end() {
  if (stream_->avail_in == 0) {
    const auto more = refill();
    if (!more) return more.error();
    if (!*more) return {};
  }
  return archive_refused("something follows the compressed data");
}

Status GzipReader::inflate_some() {
  if (stream_->avail_in == 0) {
    const auto more = refill();
    if (!more) return more.error();
    if (!*more) return archive_refused("the compressed data is cut");
  }
  const int code = inflate(stream_.get(), Z_NO_FLUSH);
  if (code == Z_STREAM_END) {
    ended_ = true;
    return check_end();
  }
  if (code == Z_MEM_ERROR) throw std::bad_alloc();
  if (code == Z_OK || code == Z_BUF_ERROR) return {};
  const std::string why = stream_->msg == nullptr ? "it is damaged" : stream_->msg;
  return archive_refused("it cannot be read as gzip: " + why);
}

Result<std::string_view> GzipReader::next() {
  stream_->next_out = reinterpret_cast<Bytef*>(plain_.data());
  stream_->avail_out = static_cast<uInt>(plain_.size());
  while (!ended_ && stream_->avail_out > 0) {
    if (auto done = inflate_some(); !done) return done.error();
  }
  const std::size_t count = plain_.size() - stream_->avail_out;
  unpacked_ += count;
  if (auto fits = check_limits(); !fits) return fits.error();
  return std::string_view(plain_.data(), count);
}

}  // namespace klubster
