// The ISO image of a medium, read back.
#include "unpack/medium.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>

#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;
namespace fs = std::filesystem;

namespace {

struct Found {
  unsigned mode = 0;
  std::string text;
  bool operator==(const Found&) const = default;
};

// Every regular file of the image.
std::map<std::string, Found> files_in(const std::string& image) {
  const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), archive_read_free);
  archive_read_support_format_iso9660(reader.get());
  REQUIRE(archive_read_open_filename(reader.get(), image.c_str(), 10240) == ARCHIVE_OK);
  std::map<std::string, Found> found;
  archive_entry* entry = nullptr;
  while (archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) {
    if (archive_entry_filetype(entry) != AE_IFREG) continue;
    std::string text(static_cast<std::size_t>(archive_entry_size(entry)), '\0');
    REQUIRE(archive_read_data(reader.get(), text.data(), text.size()) ==
            static_cast<la_ssize_t>(text.size()));
    found[archive_entry_pathname(entry)] = {archive_entry_perm(entry), text};
    CHECK(archive_entry_uid(entry) == 0);
  }
  return found;
}

void write(const fs::path& file, const std::string& text, mode_t mode) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
  REQUIRE(::chmod(file.c_str(), mode) == 0);
}

}  // namespace

TEST_CASE("an image keeps names, modes and bytes, and carries the label", "[medium]") {
  const TemporaryDirectory work;
  const fs::path tree = fs::path(work.path()) / "tree";
  const std::string deep = "config/overlays/node=n1/node/labels/topology.kubernetes.io/zone";
  const std::string name(100, 'A');
  write(tree / deep, "z1\n", 0644);
  write(tree / "credentials" / ("klubster.secrets." + name), "hidden\n", 0600);
  write(tree / "blobs" / "a_b+c-1.0.tar.gz", std::string(5'000'000, 'x'), 0644);
  const std::string image = work.path() + "/image";

  REQUIRE(write_medium(tree.string(), image));

  CHECK(files_in(image) == std::map<std::string, Found>{
                               {deep, {0644, "z1\n"}},
                               {"credentials/klubster.secrets." + name, {0600, "hidden\n"}},
                               {"blobs/a_b+c-1.0.tar.gz", {0644, std::string(5'000'000, 'x')}},
                           });
  // ECMA-119 8.4: the volume identifier stands at byte 40 of the descriptor in sector 16.
  const auto bytes = read_file(image, 16 << 20);
  REQUIRE(bytes);
  CHECK(bytes->substr(16 * 2048 + 1, 5) == "CD001");
  CHECK(bytes->substr(16 * 2048 + 40, 9) == "KLUBSTER ");
}

TEST_CASE("an image is never written over, nor made of links", "[medium]") {
  const TemporaryDirectory work;
  const fs::path tree = fs::path(work.path()) / "tree";
  write(tree / "config" / "node" / "modes", "agent\n", 0644);
  const std::string image = work.path() + "/image";
  write(image, "somebody's", 0644);
  CHECK_FALSE(write_medium(tree.string(), image));
  CHECK(read_file(image, 100).value_or("") == "somebody's");

  fs::create_symlink("/etc/passwd", tree / "config" / "link");
  CHECK_FALSE(write_medium(tree.string(), work.path() + "/other"));
  CHECK_FALSE(fs::exists(work.path() + "/other"));
}
