// The workers' requests, files and results: the engine's WorkerHost.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/json.h"
#include "daemon/medium_files.h"
#include "daemon/places.h"
#include "daemon/worker_units.h"
#include "engine/garbage.h"
#include "engine/ports.h"
#include "linux/files.h"
#include "model/node_config.h"

namespace klubster {

// How long a worker's `failure` asks to wait: nothing, or as long as the server may say.
std::uint64_t retry_after_sec(const Json& failure);

// Writes a worker's request, and an empty result that it can write into. kIo.
Status write_request(const WorkerFiles& files, const Json& request);

// What unpack proved about a package.
struct UnpackedProfile {
  std::string sha256;
  std::string signer;  // key id, empty without a signature
  std::uint64_t seq = 0;
  Json manifest;  // canonical, not yet checked by the daemon
};

class ProfileWorkers : public WorkerHost {
 public:
  explicit ProfileWorkers(Places places) : places_(std::move(places)) {}

  // Whose profile to bring; `key_seq` is the ratchet. Returns the origin for the engine; an error
  // (kIo) when a local package cannot be looked at.
  Result<ProfileOrigin> assign(const NodeConfig& config,
                               const std::map<std::string, std::uint64_t>& key_seq);

  // While the clock is behind, that is the cause when TLS fails.
  void set_clock_trouble(std::optional<Error> trouble) { clock_trouble_ = std::move(trouble); }
  // Another ratchet, of the same origin.
  void set_ratchet(std::map<std::string, std::uint64_t> key_seq) { key_seq_ = std::move(key_seq); }

  Result<TransientUnit> prepare(const StartWorker& start) override;
  WorkerVerdict read_result(WorkerStage stage) override;
  // The sealed profile there does not count any more; the next seal exchanges it.
  void distrust(const std::string& profile_dir) { distrusted_.insert(profile_dir); }
  // Whether there is one that no seal has exchanged yet.
  bool distrusts() const { return !distrusted_.empty(); }
  std::set<WorkerStage> present() override;
  std::set<WorkerStage> at_hand() override;
  void refuse_medium() override;
  void drop_downloads() override;

  // The unit that removes what is not kept, or only says what that would be.
  Result<TransientUnit> prepare_collect(const Keep& keep, bool dry_run) const;
  // What it said; its own error, or WorkerFailed when that is not what was agreed.
  Result<Json> collected() const;

  // From unpack's result file, which outlives a reboot.
  Result<UnpackedProfile> unpacked() const;

 private:
  bool is_sealed(const std::string& profile_dir) const;
  std::string blob(WorkerStage stage) const;
  std::string result_file(WorkerStage stage) const;
  std::string collect_result_file() const;
  std::string staging_name() const;
  std::string staging_tree() const;
  // Of the package that unpack has proven; empty when there is no result that can be used.
  std::string unpacked_sha256();
  Json fetch_request(const StartWorker& start) const;
  std::string url_for(std::uint64_t attempt, const Json& resume) const;
  Result<Json> unpack_request(bool medium) const;
  Result<Json> store_request() const;
  Result<UniqueFd> open_package(bool medium);
  Status clear_staging() const;
  Status make_staging() const;
  std::string request_file(WorkerStage stage) const;
  std::string resume_file(WorkerStage stage) const { return blob(stage) + ".resume"; }
  Json resume_point(WorkerStage stage) const;
  void keep_resume_point(WorkerStage stage, const Json& result) const;
  void keep_cut_download() const;

  Places places_;
  std::string fingerprint_;
  ProfileSource source_;
  std::string cluster_;
  std::map<std::string, std::uint64_t> key_seq_;
  MediumFiles medium_;
  std::optional<Error> clock_trouble_;
  std::set<std::string> distrusted_;
  std::string judged_result_, judged_sha256_;  // digest of unpack's result, and what it says
  UniqueFd handed_;                            // stays open until systemd has duplicated it
};

}  // namespace klubster
