// An operator's word that a node's name now belongs to another machine (`klubster peers replace`):
// signed by the member on which it was said, passed on by all, kept for good.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/ed25519.h"
#include "base/json.h"
#include "base/result.h"

namespace klubster {

struct Replacement {
  std::string cluster_name;
  std::string node;
  std::string machine, key;       // who has the name from now on; the key is raw
  std::uint64_t incarnation = 0;  // the last one known of who had it before
  std::string by;                 // the member on which it was said
  std::string time;               // by its clock: for people only
  std::string by_key, signature;  // raw

  bool operator==(const Replacement&) const = default;
  // Of two about one name the later one counts; two at once are told apart by chance, but
  // everywhere alike.
  bool is_after(const Replacement& other) const;
};

Json to_json(const Replacement& replacement);
// Remembers mistakes in `reader`.
Replacement read_replacement(JsonReader& reader);
void sign_replacement(Replacement& replacement, const Ed25519Key& key);
// That the signature is by `by_key`, over this content.
bool verify_replacement(const Replacement& replacement);

class Replacements {
 public:
  // replacements.json in `state_dir`; a damaged one is set aside with a warning: peers give them
  // again. kIo.
  static Result<Replacements> load(const std::string& state_dir);

  const Replacement* find(std::string_view node) const;
  std::vector<Replacement> all() const;
  // On disk when it returns. kIo: remembered in memory only; kConflict TooLarge: there are too
  // many.
  Status set(Replacement replacement);
  // The same for the same set, whoever made it.
  const std::string& digest() const { return digest_; }

 private:
  explicit Replacements(std::string path);
  void renew_digest();
  std::string path_, digest_;
  std::map<std::string, Replacement, std::less<>> by_node_;
};

}  // namespace klubster
