// The workers' requests, files and results: the engine's WorkerHost.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "base/json.h"
#include "daemon/medium_files.h"
#include "daemon/places.h"
#include "engine/ports.h"
#include "linux/files.h"
#include "model/node_config.h"

namespace klubster {

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

  Result<TransientUnit> prepare(const StartWorker& start) override;
  WorkerVerdict read_result(WorkerStage stage) override;
  std::set<WorkerStage> present() override;
  std::set<WorkerStage> at_hand() override;
  void refuse_medium() override;
  void drop_downloads() override;

  // From unpack's result file, which outlives a reboot.
  Result<UnpackedProfile> unpacked() const;

 private:
  std::string blob(WorkerStage stage) const;
  std::string result_file(WorkerStage stage) const;
  std::string staging_name() const { return fingerprint_.substr(0, 16); }
  std::string staging_tree() const;
  Json fetch_request(const StartWorker& start) const;
  std::string url_for(std::uint64_t attempt, const Json& resume) const;
  Result<Json> unpack_request(bool medium) const;
  Result<Json> store_request() const;
  Result<UniqueFd> open_package(bool medium);
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
  UniqueFd handed_;  // stays open until systemd has duplicated it
};

}  // namespace klubster
