// One list of fields per struct; a writer and a reader walk over the same.
#include "model/node_state_json.h"

#include <concepts>
#include <type_traits>

namespace klubster {

namespace {

template <typename Value, typename Struct>
concept SameAs = std::same_as<std::remove_const_t<Value>, Struct>;

// The lists. A structured binding names every field of a struct: it does not compile when one was
// added. Name the new one there, and list it below.

void list(auto& each, SameAs<OpenRun> auto& run) {
  auto& [unit, fingerprint, boot, started_mono_usec, attempt, seen, reason_before, message_before] =
      run;
  each("unit", unit);
  each("fingerprint", fingerprint);
  each("boot", boot);
  each("startedMonoUsec", started_mono_usec);
  each("attempt", attempt);
  each("seen", seen);
  each("reasonBefore", reason_before);
  each("messageBefore", message_before);
}

void list(auto& each, SameAs<SubjectState> auto& subject) {
  auto& [run, done_fingerprint, done_boot, done_mono_usec, outputs, done_parts, last_fingerprint,
         last_parts, last_unit, last_boot, starts, attempts, lost_by_reboot, ran, disturbed,
         excused, needs_person, owes_undo, undo_abandoned, generation, profile_sha256, drift,
         reason, message, failed_mono_usec, failed_boot, retry_after_usec, changed_time_usec, facts,
         cost] = subject;
  each("run", run);
  each("doneFingerprint", done_fingerprint);
  each("doneBoot", done_boot);
  each("doneMonoUsec", done_mono_usec);
  each("outputs", outputs);
  each("doneParts", done_parts);
  each("lastFingerprint", last_fingerprint);
  each("lastParts", last_parts);
  each("lastUnit", last_unit);
  each("lastBoot", last_boot);
  each("starts", starts);
  each("attempts", attempts);
  each("lostByReboot", lost_by_reboot);
  each("ran", ran);
  each("disturbed", disturbed);
  each("excused", excused);
  each("needsPerson", needs_person);
  each("owesUndo", owes_undo);
  each("undoAbandoned", undo_abandoned);
  each("generation", generation);
  each("profileSha256", profile_sha256);
  each("drift", drift);
  each("reason", reason);
  each("message", message);
  each("failedMonoUsec", failed_mono_usec);
  each("failedBoot", failed_boot);
  each("retryAfterUsec", retry_after_usec);
  each("changedTimeUsec", changed_time_usec);
  each("facts", facts);
  each("cost", cost);
}

void list(auto& each, SameAs<CommandRequest> auto& request) {
  auto& [seq, by, inputs] = request;
  each("seq", seq);
  each("by", by);
  each("inputs", inputs);
}

void list(auto& each, SameAs<OpenApply> auto& apply) {
  auto& [by, since_usec, made] = apply;
  each("by", by);
  each("sinceUsec", since_usec);
  each("made", made);
}

void list(auto& each, SameAs<AcceptedProfile> auto& profile) {
  auto& [source, sha256, name, version, signer, seq] = profile;
  each("source", source);
  each("sha256", sha256);
  each("name", name);
  each("version", version);
  each("signer", signer);
  each("seq", seq);
}

void list(auto& each, SameAs<GenerationFacts> auto& generation) {
  auto& [number, config_hash, source, profile_sha256, profile_name, profile_version, by,
         rollback_of] = generation;
  each("number", number);
  each("configHash", config_hash);
  each("source", source);
  each("profileSha256", profile_sha256);
  each("profileName", profile_name);
  each("profileVersion", profile_version);
  each("by", by);
  each("rollbackOf", rollback_of);
}

void list(auto& each, SameAs<RequestedLeave> auto& leave) {
  auto& [by, destroy, force, reset, identity] = leave;
  each("by", by);
  each("destroy", destroy);
  each("force", force);
  each("reset", reset);
  each("identity", identity);
}

void list(auto& each, SameAs<TreeMark> auto& tree) {
  auto& [config_hash, source] = tree;
  each("configHash", config_hash);
  each("source", source);
}

void list(auto& each, SameAs<LadderState> auto& ladder) {
  auto& [generation, reboots] = ladder;
  each("generation", generation);
  each("reboots", reboots);
}

void list(auto& each, SameAs<OpenRecovery> auto& recovery) {
  auto& [reason, message, by, since_usec, tree] = recovery;
  each("reason", reason);
  each("message", message);
  each("by", by);
  each("sinceUsec", since_usec);
  each("tree", tree);
}

void list(auto& each, SameAs<AvoidedTree> auto& avoided) {
  auto& [tree, generation, reason, message] = avoided;
  each("tree", tree);
  each("generation", generation);
  each("reason", reason);
  each("message", message);
}

void list(auto& each, SameAs<ClusterMembership> auto& cluster) {
  auto& [id, initiated, settled] = cluster;
  each("id", id);
  each("initiated", initiated);
  each("settled", settled);
}

void list(auto& each, SameAs<SoughtCluster> auto& sought) {
  auto& [seeks, servers] = sought;
  each("seeks", seeks);
  each("servers", servers);
}

void list(auto& each, SameAs<PromisedCluster> auto& promised) {
  auto& [to, machine, seeks, servers] = promised;
  each("to", to);
  each("machine", machine);
  each("seeks", seeks);
  each("servers", servers);
}

void list(auto& each, SameAs<NodeState> auto& state) {
  auto& [last_seq, last_time_usec, boot, boot_kind, boot_reason, booted_time_usec, short_boots,
         stopped_boot, blessed_boot, config_hash, config_reason, config_message,
         config_changed_usec, profile, key_seq, downgrade_source, generation, last_good_generation,
         good, good_before, collected, ready_changed_usec, reboot_owed_in_boot, reboot_by, ladder,
         trial_seq, recovery, avoided, cluster, sought, promised, has_left, applying, until,
         destroy_allowed, leaving, leave, gone, reset_owed, commands, subjects] = state;
  each("lastSeq", last_seq);
  each("lastTimeUsec", last_time_usec);
  each("boot", boot);
  each("bootKind", boot_kind);
  each("bootReason", boot_reason);
  each("bootedTimeUsec", booted_time_usec);
  each("shortBoots", short_boots);
  each("stoppedBoot", stopped_boot);
  each("blessedBoot", blessed_boot);
  each("configHash", config_hash);
  each("configReason", config_reason);
  each("configMessage", config_message);
  each("configChangedUsec", config_changed_usec);
  each("profile", profile);
  each("keySeq", key_seq);
  each("downgradeSource", downgrade_source);
  each("generation", generation);
  each("lastGoodGeneration", last_good_generation);
  each("good", good);
  each("goodBefore", good_before);
  each("collected", collected);
  each("readyChangedUsec", ready_changed_usec);
  each("rebootOwedInBoot", reboot_owed_in_boot);
  each("rebootBy", reboot_by);
  each("ladder", ladder);
  each("trialSeq", trial_seq);
  each("recovery", recovery);
  each("avoided", avoided);
  each("cluster", cluster);
  each("sought", sought);
  each("promised", promised);
  each("hasLeft", has_left);
  each("applying", applying);
  each("until", until);
  each("destroyAllowed", destroy_allowed);
  each("leaving", leaving);
  each("leave", leave);
  each("gone", gone);
  each("resetOwed", reset_owed);
  each("commands", commands);
  each("subjects", subjects);
}

// Writes each field that does not hold what a new struct holds.
class FieldWriter {
 public:
  template <typename Value>
  void operator()(const char* key, const Value& value) {
    if (!(value == Value{})) object_[key] = written(value);
  }

  template <typename Struct>
  static Json written(const Struct& value) {
    FieldWriter writer;
    list(writer, value);
    return std::move(writer.object_);
  }

 private:
  static Json written(const std::string& value) { return value; }
  static Json written(std::uint64_t value) { return value; }
  static Json written(bool value) { return value; }
  static Json written(const Json& value) { return value; }
  template <typename Value>
  static Json written(const std::optional<Value>& value) {
    return written(*value);
  }
  template <typename Value>
  static Json written(const std::map<std::string, Value>& values) {
    Json object = Json::object();
    for (const auto& [key, value] : values)
      object[key] = written(value);
    return object;
  }

  Json object_ = Json::object();
};

// Sets each field that is there, and remembers the first mistake.
class FieldReader {
 public:
  FieldReader(const Json& json, std::string path) : json_(json), path_(std::move(path)) {}

  template <typename Value>
  void operator()(const char* key, Value& value) {
    const Json& member = json_.get(key);
    if (member.is_null()) return;
    ++known_;
    path_.append("/").append(key);
    const std::size_t length = path_.size();
    read(member, value);
    if (error_.empty()) path_.resize(length - std::string_view(key).size() - 1);
  }

  // Empty when everything was understood.
  template <typename Struct>
  static std::string read_struct(const Json& json, Struct& into, const std::string& path) {
    const auto* object = json.as_object();
    if (object == nullptr) return path + ": expected an object";
    FieldReader reader(json, path);
    list(reader, into);
    if (!reader.error_.empty()) return reader.error_;
    if (reader.known_ == object->size()) return {};
    return path + ": it has a member that this klubster does not know";
  }

 private:
  void refuse(const char* expected) {
    if (error_.empty()) error_ = path_ + ": expected " + expected;
  }
  void read(const Json& json, std::string& into) {
    const auto* text = json.as_string();
    if (text == nullptr) return refuse("a text");
    into = *text;
  }
  void read(const Json& json, std::uint64_t& into) {
    const auto* number = json.as_integer();
    if (number == nullptr || *number < 0) return refuse("a number");
    into = static_cast<std::uint64_t>(*number);
  }
  void read(const Json& json, bool& into) {
    const auto* flag = json.as_bool();
    if (flag == nullptr) return refuse("true or false");
    into = *flag;
  }
  void read(const Json& json, Json& into) { into = json; }
  template <typename Value>
  void read(const Json& json, std::optional<Value>& into) {
    read(json, into.emplace());
  }
  template <typename Value>
  void read(const Json& json, std::map<std::string, Value>& into) {
    const auto* object = json.as_object();
    if (object == nullptr) return refuse("an object");
    for (const auto& [key, value] : *object)
      read(value, into[key]);
  }
  template <typename Struct>
  void read(const Json& json, Struct& into) {
    std::string why = read_struct(json, into, path_);
    if (error_.empty()) error_ = std::move(why);
  }

  const Json& json_;
  std::string path_;
  std::string error_;
  std::size_t known_ = 0;
};

}  // namespace

Json to_json(const NodeState& state) {
  return FieldWriter::written(state);
}

Result<NodeState> node_state_from(const Json& json) {
  NodeState state;
  std::string why = FieldReader::read_struct(json, state, "state");
  if (!why.empty()) return Error(ErrorKind::kInvalid, "BadJson", std::move(why));
  return state;
}

}  // namespace klubster
