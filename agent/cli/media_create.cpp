// klubster media create
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>

#include "base/text.h"
#include "cli/exit_code.h"
#include "cli/media_contents.h"
#include "cli/media_copy.h"
#include "cli/package_reader.h"
#include "cli/verbs.h"
#include "linux/files.h"
#include "linux/program.h"
#include "model/key_names.h"
#include "model/schema.h"
#include "model/tree_entry.h"

namespace klubster {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kOutputBytes = 64 * 1024;
constexpr std::uint64_t kBlockBytes = 4096;
constexpr std::uint64_t kSpareBlocks = 512;  // for what ext4 keeps for itself

struct MediaCreateOptions {
  MediaFolders folders;
  std::string format = "iso9660";
  std::string output;
};

Error wrong_usage(std::string message) {
  return Error(ErrorKind::kInvalid, "Usage", std::move(message))
      .hint("klubster media create --help");
}

Status check_options(const MediaCreateOptions& options) {
  const MediaFolders& folders = options.folders;
  if (options.output.empty()) return wrong_usage("expected -o FILE, found nothing");
  if (folders.config.empty() && folders.credentials.empty() && folders.blobs.empty()) {
    return wrong_usage("expected at least one of --root, --credentials and --blobs, found none");
  }
  for (const auto& folder : {folders.config, folders.credentials, folders.blobs}) {
    std::error_code ignored;
    if (!folder.empty() && !fs::is_directory(folder, ignored)) {
      return wrong_usage("there is no directory " + printable(folder));
    }
  }
  if (exists(options.output)) return wrong_usage(options.output + " is there already");
  return {};
}

// A directory beside the image, gone at the end: it is as large as the image and as secret.
class Staging {
 public:
  static Result<std::unique_ptr<Staging>> make(const std::string& output) {
    std::string name = output + ".XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) return system_error("making " + name, errno);
    return std::unique_ptr<Staging>(new Staging(std::move(name)));
  }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  std::string tree() const { return path_ + "/tree"; }
  std::string image() const { return path_ + "/image"; }

 private:
  explicit Staging(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

bool is_secret(const TreeChange& change) {
  const KeySpec* spec = find_key(overlay_path(change.key).rest);
  return change.secret || (spec != nullptr && spec->secret);
}

// The file of a credential keeps the name under which it was given.
Status stage_changes(const MediaContents& contents, const std::string& tree) {
  for (const auto& change : contents.changes) {
    const std::string file =
        change.secret ? std::string(kMediaCredentials) + "/" + credential_name(change.key)
                      : std::string(kMediaConfig) + "/" + change.key;
    const fs::path path = fs::path(tree) / file;
    std::error_code failed;
    fs::create_directories(path.parent_path(), failed);
    if (failed) return system_error("making " + path.parent_path().string(), failed.value());
    const mode_t mode = is_secret(change) ? 0600 : 0644;
    auto written = write_file(path.string(), *change.value + "\n", mode);
    if (!written) return written;
  }
  return {};
}

Status stage(const MediaContents& contents, const std::string& tree) {
  if (auto made = make_directory(tree, 0755); !made) return made;
  if (auto staged = stage_changes(contents, tree); !staged) return staged;
  if (contents.blobs.empty()) return {};
  const std::string directory = tree + "/" + kMediaBlobs;
  if (auto made = make_directory(directory, 0755); !made) return made;
  for (const auto& blob : contents.blobs) {
    if (auto copied = copy_blob(blob, directory + "/" + blob.name, 0644, false); !copied) {
      return copied;
    }
  }
  return {};
}

Status run_maker(const std::vector<std::string>& words) {
  const auto answer = run_program(words, kOutputBytes);
  if (!answer) return answer.error();
  if (answer->code == 0) return {};
  return Error(ErrorKind::kIo, "SystemCallFailed",
               words[0] + " ended with status " + std::to_string(answer->code));
}

std::uint64_t blocks_of(std::uint64_t bytes) {
  return (bytes + kBlockBytes - 1) / kBlockBytes;
}

// As small as its content allows: nothing is ever written to it again.
Status make_ext4(const MediaContents& contents, const Staging& staging) {
  std::uint64_t blocks = kSpareBlocks;
  std::uint64_t entries = 64;
  for (const auto& change : contents.changes) {
    blocks += 1 + blocks_of(change.value->size() + 1);
    entries += 1 + split(change.key, '/').size();
  }
  for (const auto& blob : contents.blobs) {
    blocks += 1 + blocks_of(blob.bytes);
    ++entries;
  }
  blocks += blocks / 64 + blocks_of(entries * 256) + entries;  // extents, inodes, directories
  return run_maker({"mke2fs",
                    "-q",
                    "-F",
                    "-t",
                    "ext4",
                    "-L",
                    kMediaLabel,
                    "-O",
                    "^has_journal",
                    "-m",
                    "0",
                    "-b",
                    std::to_string(kBlockBytes),
                    "-N",
                    std::to_string(entries),
                    "-E",
                    "root_owner=0:0,lazy_itable_init=0",
                    "-d",
                    staging.tree(),
                    staging.image(),
                    std::to_string(blocks)});
}

Status make_image(const MediaCreateOptions& options, const MediaContents& contents) {
  const auto staging = Staging::make(options.output);
  if (!staging) return staging.error();
  if (auto staged = stage(contents, (*staging)->tree()); !staged) return staged;
  const std::string image = (*staging)->image();
  auto made = options.format == "ext4" ? make_ext4(contents, **staging)
                                       : run_maker({program_directory() + "/klubster-unpack",
                                                    "medium", (*staging)->tree(), image});
  if (!made) return made;
  const mode_t mode = contents.holds_secrets() ? 0600 : 0644;
  if (::chmod(image.c_str(), mode) != 0) return system_error("setting the mode", errno);
  const auto fd = open_file(image, O_RDONLY);
  if (!fd) return fd.error();
  if (::fsync(fd->get()) != 0) return system_error("syncing " + image, errno);
  if (::renameat2(AT_FDCWD, image.c_str(), AT_FDCWD, options.output.c_str(), RENAME_NOREPLACE) !=
      0) {
    return system_error("renaming to " + options.output, errno);
  }
  return {};
}

int run(const MediaCreateOptions& options) {
  if (auto fine = check_options(options); !fine) return report(fine.error());
  const auto contents = read_media(options.folders);
  if (!contents) {
    return report(Error(contents.error()).hint("mend these files, then the same command"));
  }
  if (contents->empty()) return report(wrong_usage("the directories hold nothing"));
  if (auto made = make_image(options, *contents); !made) {
    return report(std::move(made.error()).in("making " + options.output));
  }
  std::cout << options.output << "\n";
  if (contents->holds_secrets()) {
    std::cerr << "it holds secrets: whoever has the medium has them\n";
  }
  return kExitDone;
}

}  // namespace

Action declare_media_create(Arguments& arguments) {
  const auto options = std::make_shared<MediaCreateOptions>();
  arguments.option("--root", &options->folders.config, "DIR", "A part of the config tree");
  arguments.option("--credentials", &options->folders.credentials, "DIR",
                   "Files named like credentials: klubster.cluster.token");
  arguments.option("--blobs", &options->folders.blobs, "DIR",
                   "Files to keep in /var/lib/klubster/media, such as profile packages");
  arguments.choice("--format", &options->format, {"ext4", "iso9660"},
                   "The file system (default iso9660; ext4 needs mke2fs)");
  arguments.option("-o", &options->output, "FILE", "The image; must not be there yet");
  return [options] { return run(*options); };
}

}  // namespace klubster
