// The way of a profile onto the disk, as a pure decision: signature, package, unpack, seal.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "engine/progress.h"
#include "engine/reconcile.h"

namespace klubster {

// Each is a worker in a transient unit; its result is a small JSON that says "ok" or why not.
// kCollect is no part of the way: it removes what nobody needs (engine/garbage.h).
enum class WorkerStage { kSignature, kPackage, kUnpack, kSeal, kCollect };
std::string_view to_string(WorkerStage stage);
// "profile/package"
std::string subject_of(WorkerStage stage);

// Where a profile comes from. The fingerprint covers everything that decides what is accepted.
struct ProfileOrigin {
  std::string fingerprint;
  bool signature = false;    // there are trusted keys: the .minisig is needed
  bool local = false;        // signature and package are files of this machine
  std::uint64_t places = 1;  // the URL and its mirrors: each try takes the next one
};

struct WorkerVerdict {
  bool ok = false;
  bool retry = true;
  std::uint64_t retry_after_sec = 0;
  std::string reason, message;
};

struct StartWorker {
  WorkerStage stage;
  std::string unit;
  std::uint64_t attempt;
  bool medium = false;  // of unpack: the package is the one at hand, not a download
};
// Reads the worker's result file and puts the verdict into `verdicts`.
struct ReadResult {
  WorkerStage stage;
};
// What was downloaded is not what was promised: the next try begins from zero.
struct DropDownloads {};
// What was at hand is of no use: the next one at hand, or else the network.
struct RefuseMedium {};
using AcquireAction =
    std::variant<WatchUnit, StartWorker, ReleaseUnit, ReadResult, DropDownloads, RefuseMedium>;

struct AcquireDecision {
  std::vector<Event> events;
  std::vector<AcquireAction> actions;
  std::optional<std::uint64_t> wake_mono_usec;
  bool acquired = false;                  // the sealed profile is on the disk
  std::string doing;                      // "fetching the package", for people
  std::string reason, message;            // of the last failure, while it lasts
  std::optional<FetchProgress> progress;  // of a running download
};

struct AcquireWorld {
  const World& world;
  std::set<WorkerStage> present;                  // whose product is on the disk
  std::map<WorkerStage, WorkerVerdict> verdicts;  // of the present run
  // Package, perhaps with its signature, that a medium brought: tried before the network.
  std::set<WorkerStage> at_hand = {};
};

AcquireDecision acquire(const ProfileOrigin& origin, const NodeState& state,
                        const AcquireWorld& seen);

}  // namespace klubster
