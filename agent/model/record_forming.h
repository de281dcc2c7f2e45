// What a node says of the forming of its cluster: part of its record (peers.md, "Forming a
// cluster").
#pragma once

#include <string>

#include "base/json.h"

namespace klubster {

// Of one server to another: it knows of no cluster, and lets that one form it.
struct RecordPromise {
  std::string to;       // empty: nobody
  std::string seeks;    // what was asked for: a number of the asker's own, new when it was wiped
  std::string servers;  // digest of the list of servers that it is made against
  bool operator==(const RecordPromise&) const = default;
};

struct RecordForming {
  std::string id;       // of the cluster that it belongs to; empty: it knows of none
  std::string servers;  // digest of the list that it goes by; empty: it is no server
  std::string seeks;    // it asks for promises; empty: it does not
  RecordPromise promise;
  std::string turn;    // "waits" to join, or "joins"; empty: neither
  std::string admits;  // whom this server, which is ready, lets join now; empty: nobody
  bool operator==(const RecordForming&) const = default;
};

inline constexpr const char* kTurnWaits = "waits";
inline constexpr const char* kTurnJoins = "joins";

// Empty texts are left out.
Json to_json(const RecordForming& forming);
// A mistake is noted in the reader.
RecordForming read_forming(JsonReader& reader);

}  // namespace klubster
