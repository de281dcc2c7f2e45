// Sealing and collecting.
#include "store/operations.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/digest.h"
#include "linux/files.h"
#include "store/tree.h"

namespace klubster {

namespace {

// [a-z0-9-]{1,64}: names of stagings, made by the daemon.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
}

Result<UniqueFd> open_directory(const std::string& path) {
  return open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

Json done(const TreeCount& count) {
  return Json::Object{{"v", 1}, {"ok", true}, {"files", count.files}, {"bytes", count.bytes}};
}

Status move_into_place(int staging, int profiles, const std::string& sha256) {
  // One sync of the file system instead of one per file (library-facts 5.7), then the name.
  if (::syncfs(staging) < 0) return system_error("syncing the staged profile", errno);
  if (::renameat(staging, "tree", profiles, sha256.c_str()) < 0) {
    return system_error("moving the profile into place", errno);
  }
  if (::fsync(profiles) < 0) return system_error("syncing profiles/", errno);
  return {};
}

}  // namespace

Result<StoreRequest> store_request_from_json(const Json& json) {
  JsonReader reader(json, "store request");
  StoreRequest request;
  reader.number("v", 1);
  const std::string operation = reader.text("op", 16);
  request.seal = operation == "seal";
  if (request.seal) {
    request.staging = reader.text("staging", 64);
    request.sha256 = reader.text("sha256", 64);
    if (!is_plain_name(request.staging)) reader.refuse("staging", "expected a plain name");
    if (!is_sha256_hex(request.sha256)) reader.refuse("sha256", "expected 64 hex digits");
  } else if (operation == "collect") {
    request.keep = reader.texts("keep");
    for (const auto& digest : request.keep) {
      if (!is_sha256_hex(digest)) reader.refuse("keep", "expected digests of 64 hex digits");
    }
  } else {
    reader.refuse("op", "expected seal or collect");
  }
  if (auto read = reader.finish(); !read) return read.error();
  return request;
}

Result<Json> seal(const std::string& state_dir, const StoreRequest& request) {
  auto profiles = open_directory(state_dir + "/profiles");
  if (!profiles) return profiles.error();
  auto stagings = open_directory(state_dir + "/staging");
  if (!stagings) return stagings.error();
  struct stat info = {};
  if (::fstatat(profiles->get(), request.sha256.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    // Sealed before, by the same digest: the new staging is superfluous.
    if (auto removed = remove_tree(stagings->get(), request.staging); !removed) {
      return removed.error();
    }
    return done({});
  }
  auto staging = open_directory(state_dir + "/staging/" + request.staging);
  if (!staging) return staging.error();
  auto count = take_over_tree(staging->get(), "tree");
  if (!count) {
    auto error = std::move(count.error()).in("sealing profile " + request.sha256);
    (void)remove_tree(stagings->get(), request.staging);  // the refusal is what matters
    return error;
  }
  if (auto moved = move_into_place(staging->get(), profiles->get(), request.sha256); !moved) {
    return moved.error();
  }
  if (auto removed = remove_tree(stagings->get(), request.staging); !removed) {
    return removed.error();
  }
  return done(*count);
}

Result<Json> collect(const std::string& state_dir, const StoreRequest& request) {
  TreeCount count;
  const auto sweep = [&](const std::string& folder, const auto& stays) -> Status {
    auto directory = open_directory(state_dir + "/" + folder);
    if (!directory) return directory.error();
    auto names = list_directory(state_dir + "/" + folder);
    if (!names) return names.error();
    for (const auto& name : *names) {
      if (stays(name)) continue;
      if (auto removed = remove_tree(directory->get(), name); !removed) return removed;
      ++count.files;
    }
    return {};
  };
  const auto is_kept = [&](const std::string& name) {
    return std::find(request.keep.begin(), request.keep.end(), name) != request.keep.end();
  };
  const auto nothing = [](const std::string&) { return false; };
  if (auto swept = sweep("profiles", is_kept); !swept) return swept.error();
  if (auto swept = sweep("staging", nothing); !swept) return swept.error();
  if (auto swept = sweep("blobs", is_kept); !swept) return swept.error();
  return done(count);
}

}  // namespace klubster
