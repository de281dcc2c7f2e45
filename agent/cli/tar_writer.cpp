// Headers of 512 bytes (pax(1), "ustar Interchange Format").
#include "cli/tar_writer.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

#include "linux/files.h"

namespace klubster {

namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kNameBytes = 100;
constexpr std::size_t kMemberBytes = 64U << 20;

using Header = std::array<char, kBlock>;

void put(Header& header, std::size_t at, std::string_view text) {
  std::memcpy(header.data() + at, text.data(), text.size());
}

// `digits` octal ones and the NUL that ends them.
void put_octal(Header& header, std::size_t at, int digits, std::uint64_t number) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "%0*llo", digits,
                static_cast<unsigned long long>(number));
  put(header, at, text.data());
}

std::string header_of(std::string_view name, std::size_t bytes, unsigned mode, char type) {
  Header header{};
  put(header, 0, name.substr(0, kNameBytes));
  put_octal(header, 100, 7, mode);
  put_octal(header, 108, 7, 0);  // user
  put_octal(header, 116, 7, 0);  // group
  put_octal(header, 124, 11, bytes);
  put_octal(header, 136, 11, 0);  // time
  put(header, 148, "        ");   // what the sum is made over
  header[156] = type;
  put(header, 257,
      std::string_view("ustar\0"
                       "00",
                       8));
  put(header, 265, "root");
  put(header, 297, "root");
  unsigned sum = 0;
  for (const char byte : header)
    sum += static_cast<unsigned char>(byte);
  put_octal(header, 148, 6, sum);
  header[155] = ' ';
  return {header.data(), header.size()};
}

std::string filling(std::size_t bytes) {
  return std::string((kBlock - bytes % kBlock) % kBlock, '\0');
}

// "LENGTH path=PATH\n", whose length counts its own digits.
std::string pax_path(const std::string& path) {
  const std::string rest = " path=" + path + "\n";
  std::size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() != length)
    ++length;
  return std::to_string(length) + rest;
}

Status write_member(int fd, const TarMember& member) {
  std::string content = member.content;
  if (!member.file.empty()) {
    auto read = read_file(member.file, kMemberBytes);
    if (!read) return read.error();
    content = std::move(*read);
  }
  std::string bytes;
  if (member.path.size() > kNameBytes) {
    const std::string pax = pax_path(member.path);
    bytes += header_of("long-path", pax.size(), 0644, 'x') + pax + filling(pax.size());
  }
  bytes += header_of(member.path, content.size(), member.mode, '0');
  bytes += content + filling(content.size());
  return write_all(fd, bytes);
}

}  // namespace

Status write_tar(int fd, std::vector<TarMember> members) {
  std::ranges::sort(members, {}, &TarMember::path);
  for (const auto& member : members) {
    if (auto written = write_member(fd, member); !written) return written;
  }
  return write_all(fd, std::string(2 * kBlock, '\0'));
}

}  // namespace klubster
