// Opening packages for the worker and for the command line's verbs.
#include "unpack/open_package.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "linux/files.h"
#include "unpack/extract.h"
#include "unpack/manifest.h"

namespace klubster {

namespace {

constexpr std::size_t kMaxManifestBytes = 256 * 1024;

Result<Profile> manifest_in(const std::string& directory, const PackageFiles& files) {
  ManifestSource source;
  if (files.count("profile.yaml") == 0) {
    return Error(ErrorKind::kInvalid, "ManifestInvalid",
                 "profile.yaml: expected a file at the root of the package, found nothing");
  }
  auto yaml = read_file(directory + "/profile.yaml", kMaxManifestBytes);
  if (!yaml) return yaml.error();
  source.yaml = std::move(*yaml);
  if (files.count("profile.env") > 0) {
    auto env = read_file(directory + "/profile.env", kMaxManifestBytes);
    if (!env) return env.error();
    source.env = std::move(*env);
  }
  return read_manifest(source, files);
}

// A directory below TMPDIR that goes away.
class TemporaryDirectory {
 public:
  static Result<TemporaryDirectory> create() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "klubster-package-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
      return system_error("making a temporary directory", errno);
    }
    return TemporaryDirectory(std::move(pattern));
  }
  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::exchange(other.path_, "")) {}
  TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;
  ~TemporaryDirectory() {
    if (path_.empty()) return;
    std::error_code ignored;  // what stays behind is in a temporary directory
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace

Result<OpenedPackage> unpack_into(int blob, const std::string& path, const PackageLimits& limits,
                                  const std::string& proven_sha256) {
  const auto staging = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!staging) return staging.error();
  auto extracted = extract_package(blob, staging->get(), limits);
  if (!extracted) return extracted.error();
  if (!proven_sha256.empty() && extracted->blob_sha256 != proven_sha256) {
    return Error(ErrorKind::kUntrusted, "DigestMismatch",
                 "the package changed after it was proven to be " + proven_sha256);
  }
  auto profile = manifest_in(path, extracted->files);
  if (!profile) return profile.error();
  return OpenedPackage{std::move(*profile), std::move(extracted->files), extracted->entries};
}

Result<OpenedPackage> open_package_directory(const std::string& path, const PackageLimits& limits) {
  auto files = list_package_directory(path, limits);
  if (!files) return files.error();
  auto profile = manifest_in(path, *files);
  if (!profile) return profile.error();
  const std::uint64_t entries = files->size();
  return OpenedPackage{std::move(*profile), std::move(*files), entries};
}

Result<OpenedPackage> open_archive(int blob, const PackageLimits& limits,
                                   const std::string& proven_sha256) {
  auto directory = TemporaryDirectory::create();
  if (!directory) return directory.error();
  return unpack_into(blob, directory->path(), limits, proven_sha256);
}

Result<OpenedPackage> open_package(const std::string& path, const PackageLimits& limits) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) return system_error("opening " + path, errno);
  if (S_ISDIR(status.st_mode)) return open_package_directory(path, limits);
  const auto blob = open_file(path, O_RDONLY | O_NONBLOCK);
  if (!blob) return blob.error();
  return open_archive(blob->get(), limits).in(path);
}

}  // namespace klubster
