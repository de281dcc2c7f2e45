// Everybody that this node knows of: members of the config tree and who else showed the cluster's
// certificate; what they said, when, and what is wrong with them. No clock, no network.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "model/node_record.h"
#include "peer/config.h"
#include "peer/pins.h"

namespace klubster {

// Something wrong that people should see: a reason of base/reason.h and the story.
struct Problem {
  std::string reason, message;
  explicit operator bool() const { return !reason.empty(); }
  bool operator==(const Problem&) const = default;
};

// Who is at the other end of a connection, as its certificate of this cluster says.
struct Caller {
  std::string address;  // "10.9.0.12"
  std::string name;
  std::string public_key;  // raw Ed25519
};

struct Peer {
  Member member;  // only the name when it is not in the config tree
  bool is_member = false;
  std::shared_ptr<const NodeRecord> record;  // the newest, whoever brought it
  std::shared_ptr<const NodeRecord>
      direct;                     // the newest that the node itself gave, since our start
  std::uint64_t heard_usec = 0;   // last word from the node itself; 0: never
  std::uint64_t failed_usec = 0;  // last call of ours that failed; 0: none
  std::string heard_from;         // address
  Problem contact;                // why that call failed; none after a success
  Problem standing;               // PeerConflict, PeerKeyChanged
  std::uint64_t standing_usec = 0;

  // What the node itself said since our start, if nobody knows a later start of it; else nullptr.
  const NodeRecord* said() const;
};

// A caller that was turned away.
struct Refusal {
  std::string address;
  Problem problem;
  std::uint64_t count = 0;
  std::uint64_t last_usec = 0;
};

enum class Taken {
  kNews,      // the roster changed
  kKnown,     // nothing new
  kStale,     // the sender's record is older than what we know of it: it should be told
  kOwn,       // a record of this very node: see Roster::accept_relayed
  kUnproven,  // by a key that is not the pinned one: left alone
};

class Roster {
 public:
  Roster(const PeerConfig& config, Pins pins);

  // The node's own record, given over a connection with its own certificate. Errors, all to be
  // remembered by refuse(): kUntrusted PeerCertificate (certificate of another name or key),
  // RecordForged, PeerKeyDiffers (not the key of members/<name>/key); kConflict PeerConflict
  // (another machine, or another content under the same version), ClusterDiffers.
  Result<Taken> accept_direct(const Caller& caller, NodeRecord record, std::uint64_t now_usec);
  // A record that `from` passed on. kOwn when it is about this node: nothing is remembered.
  Result<Taken> accept_relayed(const std::string& from, NodeRecord record, std::uint64_t now_usec);

  // Whether the certificate's key is one that may act as this node name.
  Status check_key(const Caller& caller) const;

  void heard(const Caller& caller, std::uint64_t now_usec);
  // Returns whether that is news.
  bool contact_failed(const std::string& name, Problem problem, std::uint64_t now_usec);
  bool refuse(const std::string& address, Problem problem, std::uint64_t now_usec);
  // Somebody else uses this node's name.
  void note_conflict(const std::string& name, std::string message, std::uint64_t now_usec);

  void set_own(NodeRecord record);
  const std::shared_ptr<const NodeRecord>& own() const { return own_; }
  const std::map<std::string, Peer, std::less<>>& peers() const { return peers_; }
  const Peer* find(std::string_view name) const;
  const std::string& self() const { return self_; }

  // What `klubster peers` shows (contract of GetPeers).
  Json to_json(std::uint64_t now_usec) const;

 private:
  Status check_cluster(const NodeRecord& record) const;
  Status admit_key(Peer& peer, const Caller& caller, const NodeRecord& record,
                   std::uint64_t now_usec);
  void pin(const std::string& name, const NodeRecord& record);
  Json peer_json(const Peer& peer, std::uint64_t now_usec) const;

  std::string self_, own_address_, cluster_name_, cluster_id_;
  Pins pins_;
  std::shared_ptr<const NodeRecord> own_;
  Problem own_standing_;
  std::uint64_t own_standing_usec_ = 0;
  std::map<std::string, Peer, std::less<>> peers_;
  std::vector<Refusal> refusals_;
};

}  // namespace klubster
