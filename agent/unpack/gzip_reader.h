// Reads one gzip member from a file: its header, its checksum and its length are proven, and
// nothing may follow it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"

struct z_stream_s;

namespace klubster {

// What is wrong with an archive, here and further inside: kUntrusted.
Error archive_refused(std::string why);
Error too_large(std::string what);

// What the decompressed bytes may come to.
struct GzipLimits {
  std::uint64_t ratio = 200;  // times the size of the file; the first MiB is free
  std::uint64_t bytes = UINT64_MAX;
};

class GzipReader {
 public:
  // Reads `file`, a regular file, from its start. kUntrusted, reason "ArchiveRefused", when it is
  // empty; kIo.
  static Result<GzipReader> create(int file, const GzipLimits& limits);

  // The next decompressed bytes: a full buffer, a multiple of 512 bytes, but for the last one.
  // Empty at the end, when checksum, length and end of file are proven (RFC 1952). Valid until the
  // next call. kUntrusted: ArchiveRefused when it is no gzip, damaged, cut or followed by anything;
  // TooLarge over a limit. kIo.
  Result<std::string_view> next();
  // Decompressed bytes that next() gave out so far.
  std::uint64_t unpacked() const { return unpacked_; }
  // SHA-256 (hex) of the whole file as it was read here: what is unpacked is what this names, also
  // when somebody wrote into the file meanwhile. Only after next() has given out the end; once.
  std::string file_sha256() { return to_hex(hasher_.finish()); }

 private:
  struct EndStream {
    void operator()(z_stream_s* stream) const;
  };

  GzipReader(int file, std::uint64_t file_bytes, const GzipLimits& limits);
  // One more piece of the file; false at its end.
  Result<bool> refill();
  Status inflate_some();
  Status check_limits() const;
  Status check_end();

  int file_;
  std::uint64_t file_bytes_;
  GzipLimits limits_;
  std::unique_ptr<z_stream_s, EndStream> stream_;
  std::string packed_;
  std::string plain_;
  std::uint64_t offset_ = 0;  // read of the file
  Hasher hasher_{HashKind::kSha256};
  std::uint64_t unpacked_ = 0;
  bool ended_ = false;
};

}  // namespace klubster
