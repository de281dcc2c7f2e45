// The store's request, and collecting.
#include "store/store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/digest.h"
#include "base/text.h"
#include "store/directory.h"

namespace klubster {

namespace {

class Collection {
 public:
  explicit Collection(std::vector<std::string> keep) : keep_(std::move(keep)) {}

  Status run(const std::string& state_dir) {
    const auto state = open_file(state_dir, O_RDONLY | O_DIRECTORY);
    if (!state) return state.error();
    for (const char* part : {"profiles", "staging", "blobs"}) {
      if (auto opened = open_part(state->get(), part); !opened) return opened;
    }
    if (auto retired = retire_profiles(); !retired) return retired;
    if (auto emptied = remove_all_but_kept(staging_.get(), false); !emptied) return emptied;
    if (auto emptied = remove_all_but_kept(blobs_.get(), true); !emptied) return emptied;
    return {};
  }
  const StoreReport& report() const { return report_; }

 private:
  Status open_part(int state, const std::string& part) {
    auto fd = open_or_make_directory(state, part, part == "profiles" ? 0755 : 0700);
    if (!fd) return fd.error();
    (part == "profiles" ? profiles_ : part == "staging" ? staging_ : blobs_) = std::move(*fd);
    return {};
  }

  bool kept(const std::string& name) const {
    return std::find(keep_.begin(), keep_.end(), name) != keep_.end();
  }

  // Half a profile under its sealed name would pass for a whole one after a crash.
  Status retire_profiles() {
    const auto names = entries_of(profiles_.get());
    if (!names) return names.error();
    for (const auto& name : *names) {
      if (kept(name)) continue;
      const std::string retired = "retired-" + name;
      if (auto gone = remove(staging_.get(), retired); !gone) return gone;
      if (::renameat(profiles_.get(), name.c_str(), staging_.get(), retired.c_str()) != 0) {
        return system_error("retiring " + printable(name), errno);
      }
    }
    if (::fsync(profiles_.get()) != 0) return system_error("syncing profiles", errno);
    return {};
  }

  Status remove_all_but_kept(int directory, bool keep_some) {
    const auto names = entries_of(directory);
    if (!names) return names.error();
    for (const auto& name : *names) {
      if (keep_some && kept(name)) continue;
      if (auto gone = remove(directory, name); !gone) return gone;
    }
    return {};
  }

  Status remove(int directory, const std::string& name) {
    const auto removed = remove_tree(directory, name);
    if (!removed) return removed.error();
    report_.files += removed->files;
    report_.bytes += removed->bytes;
    return {};
  }

  std::vector<std::string> keep_;
  UniqueFd profiles_, staging_, blobs_;
  StoreReport report_;
};

}  // namespace

Result<StoreRequest> store_request_from_json(const Json& json) {
  StoreRequest request;
  JsonReader reader(json, "store request");
  if (reader.number("v") != 1) reader.refuse("v", "expected 1");
  const std::string kind = reader.text("op", 16);
  if (kind == "seal") {
    request.staging = reader.text("staging", 255);
    request.sha256 = reader.text("sha256", 64);
    if (!is_plain_name(request.staging)) reader.refuse("staging", "expected a plain name");
    if (!is_sha256_hex(request.sha256)) reader.refuse("sha256", "expected 64 hex digits");
  } else if (kind == "collect") {
    request.kind = StoreRequest::Kind::kCollect;
    if (!reader.has("keep")) reader.refuse("keep", "expected a list, found nothing");
    request.keep = reader.texts("keep");
    for (const auto& name : request.keep) {
      if (!is_sha256_hex(name)) reader.refuse("keep", "expected digests of 64 hex digits");
    }
  } else {
    reader.refuse("op", "expected seal or collect");
  }
  if (auto read = reader.finish(); !read) return read.error();
  return request;
}

Result<StoreReport> collect(const std::string& state_dir, const StoreRequest& request) {
  Collection collection(request.keep);
  if (auto done = collection.run(state_dir); !done) {
    return std::move(done.error()).in("collecting");
  }
  return collection.report();
}

}  // namespace klubster
