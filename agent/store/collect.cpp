// Collecting: what nobody needs goes, profiles and generations by a rename first.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <optional>
#include <utility>

#include "base/digest.h"
#include "base/text.h"
#include "store/directory.h"
#include "store/store.h"

namespace klubster {

namespace {

constexpr std::string_view kRetired = "retired-";
constexpr int kRetiredLimit = 1000;

bool is_number(const std::string& name) {
  return parse_number(name).has_value();
}

// "unpack-0123.json" is the result of 0123, "0123.part.resume" a download of it.
std::string stem_of(const std::string& name) {
  return name.substr(0, name.find('.'));
}
std::string result_of(const std::string& name) {
  const std::string stem = stem_of(name);
  return stem.substr(std::min(stem.find('-'), stem.size() - 1) + 1);
}

class Collection {
 public:
  explicit Collection(const StoreRequest& request) : request_(request) {}

  Status run(const std::string& state_dir) {
    const auto state = open_file(state_dir, O_RDONLY | O_DIRECTORY);
    if (!state) return state.error();
    // What is simply removed comes first: a rename may need space, too.
    auto done = sweep(state->get(), "blobs", "download", [&](const std::string& name) {
      return request_.downloads.count(stem_of(name)) > 0;
    });
    if (done) {
      done = sweep(state->get(), "results", "result", [&](const std::string& name) {
        return request_.results.count(result_of(name)) > 0;
      });
    }
    if (done) {
      done = sweep(state->get(), "staging", "staging",
                   [&](const std::string& name) { return request_.stagings.count(name) > 0; });
    }
    if (done) {
      done = retire(
          state->get(), "profiles", "profile",
          [&](const std::string& name) { return request_.profiles.count(name) > 0; },
          [](const std::string& name) { return is_sha256_hex(name); });
    }
    if (done) {
      done = retire(
          state->get(), "generations", "generation",
          [&](const std::string& name) { return keeps_generation(name); }, is_number);
    }
    if (done) remove_retired(state->get());
    return done;
  }
  StoreReport take() { return std::move(report_); }

 private:
  using IsKept = std::function<bool(const std::string&)>;

  // One that is newer than all that are to be kept is being made meanwhile, by a rollback: whoever
  // wrote the request could not know of it.
  bool keeps_generation(const std::string& name) const {
    std::uint64_t newest = 0;
    for (const auto& kept : request_.generations)
      newest = std::max(newest, parse_number(kept).value_or(0));
    const bool newer = newest > 0 && parse_number(name).value_or(0) > newest;
    return newer || request_.generations.count(name) > 0;
  }

  // One that is not there has nothing in it.
  static Result<std::optional<UniqueFd>> open_part(int state, const std::string& part) {
    auto opened = open_directory(state, part);
    if (opened) return std::optional<UniqueFd>(std::move(*opened));
    struct stat status = {};
    const bool there = ::fstatat(state, part.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (!there && errno == ENOENT) return std::optional<UniqueFd>();
    return opened.error();
  }

  Status sweep(int state, const char* part, const char* kind, const IsKept& kept) {
    const auto directory = open_part(state, part);
    if (!directory) return directory.error();
    if (!*directory) return {};
    const auto names = list_directory((*directory)->get());
    if (!names) return names.error();
    for (const auto& name : *names) {
      if (kept(name)) {
        report_.kept.push_back({kind, name, 0, 0, ""});
      } else {
        remove((*directory)->get(), name, kind, name);
      }
    }
    return {};
  }

  // Half a profile under its sealed name would pass for a whole one after a crash.
  Status retire(int state, const char* part, const char* kind, const IsKept& kept,
                const IsKept& ours) {
    const auto directory = open_part(state, part);
    if (!directory) return directory.error();
    if (!*directory) return {};
    const auto names = list_directory((*directory)->get());
    if (!names) return names.error();
    const std::size_t before = retired_.size();
    for (const auto& name : *names) {
      if (!ours(name)) {
        leave(kind, name, "klubster did not make it");
      } else if (kept(name)) {
        report_.kept.push_back({kind, name, 0, 0, ""});
      } else if (request_.dry_run) {
        count(measure_tree((*directory)->get(), name), kind, name);
      } else {
        retire_one(state, (*directory)->get(), kind, name);
      }
    }
    if (retired_.size() > before && ::fsync((*directory)->get()) != 0) {
      return system_error("syncing " + std::string(part), errno);
    }
    return {};
  }

  void retire_one(int state, int directory, const char* kind, const std::string& name) {
    const auto staging = open_or_make_directory(state, "staging", 0700);
    if (!staging) return leave(kind, name, staging.error().message());
    for (int i = 0; i < kRetiredLimit; ++i) {
      const std::string retired =
          std::string(kRetired) + name + (i == 0 ? "" : "-" + std::to_string(i));
      if (::renameat2(directory, name.c_str(), staging->get(), retired.c_str(), RENAME_NOREPLACE) ==
          0) {
        retired_.push_back({retired, {kind, name, 0, 0, ""}});
        return;
      }
      if (errno != EEXIST) break;
    }
    leave(kind, name, system_error("retiring it", errno).message());
  }

  void remove_retired(int state) {
    if (retired_.empty()) return;
    const auto staging = open_directory(state, "staging");
    for (const auto& [retired, entry] : retired_) {
      if (staging) {
        remove(staging->get(), retired, entry.kind, entry.name);
      } else {
        leave(entry.kind, entry.name, staging.error().message());
      }
    }
  }

  void remove(int directory, const std::string& name, const std::string& kind,
              const std::string& shown) {
    const Removed removed =
        request_.dry_run ? measure_tree(directory, name) : remove_tree(directory, name);
    count(removed, kind, shown);
  }

  void count(const Removed& removed, const std::string& kind, const std::string& name) {
    report_.files += removed.files;
    report_.bytes += removed.bytes;
    if (removed.left) return leave(kind, name, removed.left->message());
    report_.removed.push_back({kind, name, removed.files, removed.bytes, ""});
  }

  void leave(const std::string& kind, const std::string& name, const std::string& message) {
    report_.left.push_back({kind, name, 0, 0, message});
  }

  const StoreRequest& request_;
  std::vector<std::pair<std::string, StoreReport::Entry>> retired_;  // by their new names
  StoreReport report_;
};

}  // namespace

Result<StoreReport> collect(const std::string& state_dir, const StoreRequest& request) {
  Collection collection(request);
  if (auto done = collection.run(state_dir); !done) {
    return std::move(done.error()).in("collecting garbage");
  }
  return collection.take();
}

}  // namespace klubster
