// Taking the config out of an export.
#include "unpack/export.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>

#include <map>
#include <memory>
#include <optional>

#include "base/text.h"
#include "linux/files.h"

namespace klubster {

namespace {

constexpr std::string_view kTop = "klubster-export/";
constexpr std::string_view kConfig = "klubster-export/config/";
constexpr std::string_view kAbout = "klubster-export/about.json";
constexpr std::size_t kValueBytes = 64 * 1024 + 1;  // and the newline at its end
constexpr std::size_t kAboutBytes = 64 * 1024;
constexpr std::size_t kConfigBytes = 16 << 20;
constexpr std::size_t kMembers = 200'000;
constexpr std::size_t kReadBytes = 64 * 1024;

struct FreeReader {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
using Reader = std::unique_ptr<archive, FreeReader>;

Error refuse(std::string why) {
  return Error(ErrorKind::kInvalid, "ArchiveRefused", std::move(why));
}

Error failed(archive* reader) {
  const char* text = archive_error_string(reader);
  return refuse("expected a tar, found: " + printable(text == nullptr ? "nothing" : text, 200));
}

bool is_plain_path(std::string_view path) {
  if (path.empty()) return false;
  for (const auto& part : split(path, '/')) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return path.find('\0') == std::string_view::npos;
}

Result<std::string> content_of(archive* reader, std::size_t limit) {
  std::string content;
  std::string buffer(kReadBytes, '\0');
  while (true) {
    const la_ssize_t count = archive_read_data(reader, buffer.data(), buffer.size());
    if (count < 0) return failed(reader);
    if (count == 0) return content;
    content.append(buffer, 0, static_cast<std::size_t>(count));
    if (content.size() > limit) {
      return refuse("expected at most " + std::to_string(limit) + " bytes, found more");
    }
  }
}

class Export {
 public:
  // One member; what is not the config's is passed over by who calls.
  Status take(archive* reader, archive_entry* entry, const std::string& path) {
    if (archive_entry_hardlink(entry) != nullptr || archive_entry_filetype(entry) != AE_IFREG) {
      return refuse("expected a regular file").in(printable(path, 200));
    }
    if (path == kAbout) return take_about(reader);
    const std::string key = path.substr(kConfig.size());
    if (!is_plain_path(key)) return refuse("expected a key").in(printable(path, 200));
    auto value = content_of(reader, kValueBytes);
    if (!value) return std::move(value.error()).in(printable(path, 200));
    bytes_ += value->size();
    if (bytes_ > kConfigBytes) return refuse("its config has more bytes than a config may have");
    if (!value->empty() && value->back() == '\n') value->pop_back();
    if (!is_utf8(*value)) return refuse("expected UTF-8").in(printable(path, 200));
    if (!values_.emplace(key, std::move(*value)).second) {
      return refuse("it is there twice").in(printable(path, 200));
    }
    return {};
  }

  Result<Json> finish() && {
    if (!hash_) return refuse("expected " + std::string(kAbout) + ", found none");
    Json json = Json::object();
    json["v"] = 1;
    json["hash"] = *hash_;
    json["values"] = Json::object();
    for (auto& [key, value] : values_)
      json["values"][key] = std::move(value);
    return json;
  }

 private:
  Status take_about(archive* reader) {
    auto text = content_of(reader, kAboutBytes);
    if (!text) return std::move(text.error()).in(std::string(kAbout));
    const auto json = parse_json(*text);
    if (!json) return Error(json.error()).in(std::string(kAbout));
    if (json->integer_or("v") != 1) {
      return refuse("expected v 1; was it made by a newer klubster?").in(std::string(kAbout));
    }
    hash_ = json->text_or("configHash");
    return {};
  }

  std::map<std::string, std::string> values_;
  std::optional<std::string> hash_;
  std::size_t bytes_ = 0;
};

}  // namespace

Result<Json> read_export(const std::string& file) {
  const auto fd = open_file(file, O_RDONLY | O_NONBLOCK);
  if (!fd) return fd.error();
  Reader reader(archive_read_new());
  archive_read_support_format_tar(reader.get());
  if (archive_read_open_fd(reader.get(), fd->get(), kReadBytes) != ARCHIVE_OK) {
    return failed(reader.get()).in(file);
  }
  Export found;
  std::size_t members = 0;
  archive_entry* entry = nullptr;
  while (true) {
    const int code = archive_read_next_header(reader.get(), &entry);
    if (code == ARCHIVE_EOF) break;
    if (code != ARCHIVE_OK) return failed(reader.get()).in(file);
    if (++members > kMembers) {
      return Error(ErrorKind::kInvalid, "TooLarge", "it has too many members").in(file);
    }
    const char* name = archive_entry_pathname(entry);
    const std::string path = name == nullptr ? "" : name;
    if (!path.starts_with(kTop)) return refuse("expected an export of klubster").in(file);
    const bool directory = archive_entry_filetype(entry) == AE_IFDIR;
    if (directory || (!path.starts_with(kConfig) && path != kAbout)) continue;
    if (auto taken = found.take(reader.get(), entry, path); !taken) {
      return std::move(taken.error()).in(file);
    }
  }
  return std::move(found).finish().in(file);
}

}  // namespace klubster
