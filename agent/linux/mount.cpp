// The mount calls that work on descriptors (Linux 5.2; the flag against links 5.14).
#include "linux/mount.h"

#include <sys/mount.h>

#include <cerrno>

#include "base/text.h"

namespace klubster {

namespace {

constexpr unsigned kAttributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID |
                                 MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW;

// What the kernel wrote about the failure: "e EXT4-fs: …", one message a read.
std::string kernel_story(int fd) {
  std::string text;
  char buffer[512];
  for (int i = 0; i < 8; ++i) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got <= 0) break;
    if (!text.empty()) text += "; ";
    text += printable(trim(std::string_view(buffer, static_cast<std::size_t>(got))), 200);
  }
  return text;
}

Status configure(int fd, const std::string& device, const std::string& type) {
  if (::fsconfig(fd, FSCONFIG_SET_STRING, "source", device.c_str(), 0) != 0 ||
      ::fsconfig(fd, FSCONFIG_SET_FLAG, "ro", nullptr, 0) != 0) {
    return system_error("setting up", errno);
  }
  const char* flag = type == "ext4" ? "noload" : type == "vfat" ? "utf8" : nullptr;
  if (flag != nullptr && ::fsconfig(fd, FSCONFIG_SET_FLAG, flag, nullptr, 0) != 0) {
    return system_error(std::string("setting ") + flag, errno);
  }
  if (::fsconfig(fd, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    const int why = errno;
    const std::string words = kernel_story(fd);
    return system_error("reading it" + (words.empty() ? "" : " (" + words + ")"), why);
  }
  return {};
}

}  // namespace

Result<UniqueFd> mount_detached(const std::string& device, const std::string& type) {
  const std::string what = "mounting " + device + " (" + printable(type, 40) + ")";
  if (type != "ext4" && type != "vfat" && type != "iso9660") {
    return Error(
               ErrorKind::kInvalid, "BadValue",
               "expected a file system of type ext4, iso9660 or vfat, found " + printable(type, 40))
        .in(printable(device));
  }
  const UniqueFd context(::fsopen(type.c_str(), FSOPEN_CLOEXEC));
  if (!context) return system_error(what, errno);
  if (auto done = configure(context.get(), device, type); !done) {
    return std::move(done.error()).in(what);
  }
  UniqueFd mounted(::fsmount(context.get(), FSMOUNT_CLOEXEC, kAttributes));
  if (!mounted) return system_error(what, errno);
  return mounted;
}

}  // namespace klubster
