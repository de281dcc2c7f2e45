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
#include "peer/replacement.h"

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

// Who asked for a name that another machine has.
struct Claim {
  std::string key, machine, address;
};

// Whether the record is its node's goodbye: it says so under the condition Left. It stays as long
// as nobody else takes the name.
bool has_left(const NodeRecord& record);

struct Peer {
  Member member;  // only the name when it is not in the config tree
  bool is_member = false;
  std::shared_ptr<const NodeRecord> record;  // the newest, whoever brought it
  bool is_kept = false;  // it was on the disk, and nobody has brought it since our start
  std::shared_ptr<const NodeRecord>
      direct;  // the newest that the node itself gave, since our start
  // What was said last under the name by a key that is lost, or by the machine that left or was
  // replaced: the node must go beyond that.
  std::shared_ptr<const NodeRecord> former;
  std::uint64_t heard_usec = 0;   // last word from the node itself; 0: never
  std::uint64_t failed_usec = 0;  // last call of ours that failed; 0: none
  std::string heard_from;         // address
  unsigned failures = 0;          // calls of ours in a row that failed, since our start
  std::string told_cluster;       // id of its cluster, where it refuses this node
  Problem contact;                // why that call failed; none after a success
  Problem standing;               // PeerConflict, PeerKeyChanged
  std::uint64_t standing_usec = 0;
  std::optional<Claim> claim;  // of the last PeerConflict: what `peers replace` accepts

  // It said goodbye: nobody waits for it or calls it.
  bool has_left() const { return record != nullptr && klubster::has_left(*record); }
  // What the node itself said since our start, if nobody knows a later start of it; else nullptr.
  const NodeRecord* said() const;
  // The newest version that is known of it, under whatever key.
  RecordVersion last_version() const;
  // Our last call of it failed, and it has not been heard of since.
  bool is_silent() const { return contact && failed_usec >= heard_usec; }
};

// So many calls in a row that failed make a node one that cannot be reached.
inline constexpr unsigned kUnreachableFailures = 3;

// A conflict is shown this long after it was last met.
inline constexpr std::uint64_t kConflictShownUsec = 600'000'000;

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
  Roster(const PeerConfig& config, Pins pins, Replacements replacements);
  void show_conflicts_for(std::uint64_t usec) { conflict_shown_usec_ = usec; }

  // The node's own record, given over a connection with its own certificate. Errors, all to be
  // remembered by refuse(): kUntrusted PeerCertificate (certificate of another name or key),
  // RecordForged, PeerKeyDiffers (not the key of members/<name>/key); kConflict PeerConflict
  // (another machine, or another content under the same version), ClusterDiffers; kUnavailable
  // TooLarge (of a stranger).
  Result<Taken> accept_direct(const Caller& caller, NodeRecord record, std::uint64_t now_usec);
  // A record that `from` passed on. kOwn when it is about this node: nothing is remembered.
  Result<Taken> accept_relayed(const std::string& from, NodeRecord record, std::uint64_t now_usec);

  // An operator's word about a name, said here or passed on. kNews: it counts from now on;
  // kUnproven: it is of a member whose key is not known here yet. kUntrusted RecordForged,
  // PeerKeyDiffers; kConflict ClusterDiffers, TooLarge (no more can be remembered).
  Result<Taken> accept_replacement(Replacement replacement, std::uint64_t now_usec);
  // The unsigned words that give `name` to who asked for it last. kInvalid UnknownName: there is no
  // such peer, or nobody else asked for the name here.
  Result<Replacement> propose_replacement(const std::string& name) const;
  const Replacements& replacements() const { return replacements_; }

  // What was known of a member before our start: nothing older is taken from now on. False: it is
  // not to be believed, or of no member.
  bool remember(NodeRecord record);

  // Whether the certificate's key is one that may act as this node name.
  Status check_key(const Caller& caller) const;

  // These two return whether that is news.
  bool heard(const Caller& caller, std::uint64_t now_usec);
  bool contact_failed(const std::string& name, Problem problem, std::uint64_t now_usec);
  bool refuse(const std::string& address, Problem problem, std::uint64_t now_usec);
  // The peer refuses this node, and named its cluster all the same.
  void note_cluster(const std::string& name, std::string cluster_id);
  // Of the cluster that this node belongs to, once it does; records of another one are refused, and
  // forgotten where they came before.
  void set_cluster_id(const std::string& id);
  const std::string& cluster_id() const { return cluster_id_; }
  // Somebody else uses this node's name.
  void note_conflict(const std::string& name, std::string message, std::uint64_t now_usec);
  // Why this node is not alone under its name: another machine showed it, or a peer takes this one
  // for the other. None when nobody said so lately.
  Problem own_conflict(std::uint64_t now_usec) const;

  // Members and cluster id of a newer config of the same node; what was heard stays.
  void reconfigure(const PeerConfig& config);
  void set_own(NodeRecord record);
  const std::shared_ptr<const NodeRecord>& own() const { return own_; }
  const std::map<std::string, Peer, std::less<>>& peers() const { return peers_; }
  const Peer* find(std::string_view name) const;
  const std::string& self() const { return self_; }

  // What `klubster peers` shows (contract of GetPeers).
  Json to_json(std::uint64_t now_usec) const;

 private:
  void take_members(const PeerConfig& config);
  Status check_cluster(const NodeRecord& record) const;
  Status check_room(const NodeRecord& record) const;
  bool is_known_word(const NodeRecord& record) const;
  std::optional<std::uint64_t> freed_by(const Peer& peer) const;
  bool takes_freed_name(const Peer& peer, const NodeRecord& record) const;
  Status admit_key(Peer& peer, const Caller& caller, const NodeRecord& record,
                   std::uint64_t now_usec);
  void pin(const std::string& name, const NodeRecord& record);
  bool is_shown(const Problem& standing, std::uint64_t since_usec, std::uint64_t now_usec) const;
  Json peer_json(const Peer& peer, std::uint64_t now_usec) const;

  std::string self_, own_address_, cluster_name_, cluster_id_;
  Pins pins_;
  Replacements replacements_;
  std::shared_ptr<const NodeRecord> own_;
  Problem own_standing_;
  std::uint64_t own_standing_usec_ = 0;
  std::uint64_t conflict_shown_usec_ = kConflictShownUsec;
  std::map<std::string, Peer, std::less<>> peers_;
  std::vector<Refusal> refusals_;
};

}  // namespace klubster
