// Finding a package among what `klubster media import` copied.
#include "daemon/medium_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "model/blob_name.h"

namespace klubster {

namespace {

// What tells this file from one that takes its place; empty when there is no regular file.
std::string identity_of(const std::string& path) {
  struct stat info = {};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return "";
  return path + ":" + std::to_string(info.st_size) + ":" + std::to_string(info.st_ino) + ":" +
         std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec);
}

// With its signature: a mended .minisig makes it another offer.
std::string offer(const std::string& path) {
  const std::string package = identity_of(path);
  return package.empty() ? "" : package + "|" + identity_of(path + ".minisig");
}

}  // namespace

std::string last_segment(const std::string& url) {
  const auto scheme = url.find("://");
  const std::string rest = scheme == std::string::npos ? url : url.substr(scheme + 3);
  const std::string path = rest.substr(0, rest.find_first_of("?#"));
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return "";
  const std::string name = path.substr(slash + 1);
  return is_blob_name(name) ? name : "";
}

MediumFiles::MediumFiles(const std::string& directory, const std::string& url,
                         const std::string& sha256) {
  for (const auto& name : {sha256, last_segment(url)}) {
    if (!name.empty()) candidates_.push_back(directory + "/" + name);
  }
}

std::string MediumFiles::package() const {
  for (const auto& path : candidates_) {
    const std::string offered = offer(path);
    if (!offered.empty() && refused_.count(offered) == 0) return path;
  }
  return "";
}

std::string MediumFiles::signature() const {
  const std::string path = package();
  return !path.empty() && !identity_of(path + ".minisig").empty() ? path + ".minisig" : "";
}

Result<UniqueFd> MediumFiles::open() const {
  auto fd = open_file(package(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (!fd) return fd.error();
  struct stat info = {};
  if (::fstat(fd->get(), &info) == 0 && S_ISREG(info.st_mode)) return fd;
  return Error(ErrorKind::kIo, "SystemCallFailed", "expected a regular file").in(package());
}

void MediumFiles::refuse() {
  if (const std::string path = package(); !path.empty()) refused_.insert(offer(path));
}

}  // namespace klubster
