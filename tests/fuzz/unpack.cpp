// Fuzz target: an archive's bytes into a staging directory with tiny budgets.
//
// What does not begin as gzip is taken for a tar and compressed first, so that checksums do not
// keep the input from the reader.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <string>

#include "linux/files.h"
#include "unpack/extract.h"

using namespace klubster;

namespace {

namespace fs = std::filesystem;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

// Around the staging nothing may appear.
struct Place {
  std::string path = "/dev/shm/klubster-fuzz-XXXXXX";
  std::string staging;

  Place() {
    require(::mkdtemp(path.data()) != nullptr);
    staging = path + "/staging";
  }
  ~Place() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

std::string gzipped(std::string_view plain) {
  z_stream stream = {};
  require(deflateInit2(&stream, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(deflateBound(&stream, plain.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  require(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

void check_staging(const std::string& staging, const PackageLimits& limits,
                   const ExtractedPackage* package) {
  std::uint64_t bytes = 0, files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(staging)) {
    struct stat status = {};
    require(::lstat(entry.path().c_str(), &status) == 0);
    require(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
    if (S_ISDIR(status.st_mode)) continue;
    require(status.st_nlink == 1);
    const auto size = static_cast<std::uint64_t>(status.st_size);
    require(size <= limits.file_bytes);
    bytes += size;
    ++files;
    if (package == nullptr) continue;
    const auto found =
        package->files.find(entry.path().lexically_relative(staging).generic_string());
    require(found != package->files.end() && found->second.bytes == size);
    require((status.st_mode & 07777) == (found->second.executable ? 0755u : 0644u));
  }
  require(bytes <= limits.bytes);
  require(files <= limits.entries);
  require(package == nullptr || files == package->files.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Place place;
  static const PackageLimits limits = {16, 4096, 2048, 50};
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string blob = input.starts_with("\x1f\x8b") ? std::string(input) : gzipped(input);
  const UniqueFd file(::memfd_create("package", MFD_CLOEXEC));
  require(file && write_all(file.get(), blob).has_value());
  require(::mkdir(place.staging.c_str(), 0755) == 0);
  const auto staging = open_file(place.staging, O_RDONLY | O_DIRECTORY);
  require(staging.has_value());

  const auto package = extract_package(file.get(), staging->get(), limits);

  check_staging(place.staging, limits, package ? &*package : nullptr);
  require(std::distance(fs::directory_iterator(place.path), {}) == 1);
  fs::remove_all(place.staging);
  return 0;
}
