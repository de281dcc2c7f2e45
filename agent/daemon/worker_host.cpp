// Preparing the workers and reading what they say. Their results are small, strictly checked JSON.
#include "daemon/worker_host.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/digest.h"
#include "base/reason.h"
#include "base/text.h"

namespace klubster {

namespace {

constexpr std::size_t kSignatureBytes = 16 * 1024;
constexpr std::int64_t kRetryAfterLimitSec = 3600;  // a server does not decide about more
// A place that gives at least so much more with each try is not left for the next mirror.
constexpr std::int64_t kWorthStayingBytes = 64 * 1024;
// How much of an origin's fingerprint names its downloads, its staging and its results.
constexpr std::size_t kBlobNameBytes = 32;
constexpr std::size_t kStagingNameBytes = 16;
constexpr std::size_t kValidatorBytes = 512;  // as klubster-fetch takes it

WorkerVerdict refused(const Error& error) {
  return {false, true, 0, "WorkerFailed", error.message()};
}

// The size that the signature's trusted comment claims: good enough to refuse early, not to accept.
std::optional<std::uint64_t> claimed_size(const std::string& signature) {
  for (const auto& word : words(signature)) {
    if (word.starts_with("size=")) return parse_number(word.substr(5), INT64_MAX);
  }
  return std::nullopt;
}

// No worker's file becomes larger: the promised size, or the limit, or a result.
std::uint64_t size_limit(const Json& request) {
  const std::int64_t most = request.integer_or("maxBytes");
  const std::int64_t bytes = std::min(most, request.integer_or("expectedBytes", most));
  return std::max<std::uint64_t>(static_cast<std::uint64_t>(bytes), names::kSmallJsonBytes) + 1;
}

}  // namespace

std::uint64_t retry_after_sec(const Json& failure) {
  return static_cast<std::uint64_t>(
      std::clamp<std::int64_t>(failure.integer_or("retryAfter"), 0, kRetryAfterLimitSec));
}

Status write_request(const WorkerFiles& files, const Json& request) {
  if (auto written = write_file(files.request, request.dump(), 0600); !written) return written;
  // The worker opens it by its bound path and cannot make it: an empty one, writable, below 0700.
  return write_file(files.result, "", 0666);
}

Result<ProfileOrigin> ProfileWorkers::assign(const NodeConfig& config,
                                             const std::map<std::string, std::uint64_t>& key_seq) {
  source_ = config.profile;
  cluster_ = config.cluster_name;
  key_seq_ = key_seq;
  Json identity = Json::object();
  identity["url"] = source_.url;
  identity["path"] = source_.path;
  identity["sha256"] = source_.sha256;
  identity["keys"] = source_.trusted_keys;
  identity["cluster"] = cluster_;
  if (!source_.path.empty()) {
    // A local package that was replaced is another one.
    struct stat info = {};
    if (::stat(source_.path.c_str(), &info) < 0) {
      return system_error("profile/path: looking at " + source_.path, errno);
    }
    identity["file"] = std::to_string(info.st_size) + ":" + std::to_string(info.st_ino) + ":" +
                       std::to_string(info.st_mtim.tv_sec) + ":" +
                       std::to_string(info.st_mtim.tv_nsec);
  }
  const std::string fingerprint = sha256_hex(identity.dump());
  if (fingerprint != fingerprint_) {
    const std::string url = source_.path.empty() ? source_.url : "";
    medium_ = url.empty() ? MediumFiles() : MediumFiles(places_.media_files(), url, source_.sha256);
  }
  fingerprint_ = fingerprint;
  return ProfileOrigin{fingerprint_, !source_.trusted_keys.empty(), !source_.path.empty(),
                       source_.mirrors.size() + 1};
}

std::string ProfileWorkers::blob(WorkerStage stage) const {
  const bool signature = stage == WorkerStage::kSignature;
  if (!source_.path.empty()) return source_.path + (signature ? ".minisig" : "");
  // Named by where it comes from until its digest is proven.
  return places_.blobs() + "/" + fingerprint_.substr(0, kBlobNameBytes) +
         (signature ? ".minisig" : ".part");
}

std::string ProfileWorkers::result_file(WorkerStage stage) const {
  return places_.results() + "/" + std::string(to_string(stage)) + "-" + staging_name() + ".json";
}

// Below /run: a look at what would go leaves nothing on the disk.
std::string ProfileWorkers::collect_result_file() const {
  return places_.outputs() + "/worker-collect";
}

std::string ProfileWorkers::staging_name() const {
  return fingerprint_.substr(0, kStagingNameBytes);
}

std::string ProfileWorkers::staging_tree() const {
  return places_.staging() + "/" + staging_name() + "/tree";
}

std::set<WorkerStage> ProfileWorkers::present() {
  std::set<WorkerStage> found;
  for (const auto stage : {WorkerStage::kSignature, WorkerStage::kPackage}) {
    if (exists(blob(stage))) found.insert(stage);
  }
  const std::string sha256 = unpacked_sha256();
  if (!sha256.empty() && exists(staging_tree())) found.insert(WorkerStage::kUnpack);
  if (!sha256.empty() && is_sealed(places_.profile(sha256))) found.insert(WorkerStage::kSeal);
  return found;
}

// Whether there is a directory under that name that nobody else can have put there.
bool ProfileWorkers::is_sealed(const std::string& profile_dir) const {
  struct stat info = {};
  return !distrusted_.contains(profile_dir) && ::lstat(profile_dir.c_str(), &info) == 0 &&
         S_ISDIR(info.st_mode) && info.st_uid == ::geteuid() && (info.st_mode & 022) == 0;
}

// Asked at each decision; reading the JSON of a large manifest anew each time took most of the
// daemon's time. It is the bytes that are compared: times of files are too coarse for a worker that
// writes on.
std::string ProfileWorkers::unpacked_sha256() {
  const auto bytes = read_file(result_file(WorkerStage::kUnpack), names::kResultJsonBytes);
  std::string digest = bytes ? sha256_hex(*bytes) : "";
  if (digest.empty() || digest != judged_result_) {
    const auto result = digest.empty() ? Result<UnpackedProfile>(bytes.error()) : unpacked();
    judged_sha256_ = result ? result->sha256 : "";
    judged_result_ = std::move(digest);
  }
  return judged_sha256_;
}

std::set<WorkerStage> ProfileWorkers::at_hand() {
  std::set<WorkerStage> found;
  if (!medium_.package().empty()) found.insert(WorkerStage::kPackage);
  if (!medium_.signature().empty()) found.insert(WorkerStage::kSignature);
  return found;
}

void ProfileWorkers::refuse_medium() {
  medium_.refuse();
}

// Each try takes the next place: the URL, its mirrors in order, the URL again. What a mirror gives
// is judged like everything else. A download that was cut off after it got on stays where it is.
std::string ProfileWorkers::url_for(std::uint64_t attempt, const Json& resume) const {
  const std::string last = resume.text_or("url");
  const bool known = last == source_.url || std::ranges::count(source_.mirrors, last) > 0;
  if (known && resume.bool_or("stay")) return last;
  const std::uint64_t place = (attempt - 1) % (source_.mirrors.size() + 1);
  return place == 0 ? source_.url : source_.mirrors[place - 1];
}

Json ProfileWorkers::fetch_request(const StartWorker& start) const {
  const WorkerStage stage = start.stage;
  const bool signature = stage == WorkerStage::kSignature;
  Json request = Json::object();
  request["v"] = 1;
  const Json resume = signature ? Json() : resume_point(stage);
  request["url"] = url_for(start.attempt, resume) + (signature ? ".minisig" : "");
  request["maxBytes"] = signature ? std::uint64_t{kSignatureBytes} : source_.limits.bytes;
  request["allowHttp"] = !source_.sha256.empty();
  if (!source_.ca.empty()) request["ca"] = source_.ca;
  if (signature) return request;
  if (auto text = read_file(blob(WorkerStage::kSignature), kSignatureBytes)) {
    if (const auto size = claimed_size(*text)) request["expectedBytes"] = *size;
  }
  // Of another place, too: only the same object has the same validator, and the judge comes last.
  if (!resume.is_null()) {
    request["resume"]["offset"] = resume.integer_or("offset");
    request["resume"]["validator"] = resume.text_or("validator");
  }
  return request;
}

Result<Json> ProfileWorkers::unpack_request(bool medium) const {
  Json request = Json::object();
  request["v"] = 1;
  request["keys"] = source_.trusted_keys;
  if (!source_.trusted_keys.empty()) {
    const bool brought = medium && !medium_.signature().empty();
    auto signature =
        read_file(brought ? medium_.signature() : blob(WorkerStage::kSignature), kSignatureBytes);
    if (!signature) return std::move(signature.error()).in("profile's signature");
    request["signature"] = *signature;
  }
  if (!source_.sha256.empty()) request["sha256"] = source_.sha256;
  if (!cluster_.empty()) request["cluster"] = cluster_;
  request["minSeq"] = Json::object();
  for (const auto& [key, seq] : key_seq_)
    request["minSeq"][key] = seq;
  request["limits"]["entries"] = source_.limits.entries;
  request["limits"]["bytes"] = source_.limits.bytes;
  request["limits"]["fileBytes"] = source_.limits.file_bytes;
  request["limits"]["ratio"] = source_.limits.ratio;
  return request;
}

Result<Json> ProfileWorkers::store_request() const {
  auto result = unpacked();
  if (!result) return result.error();
  return Json(Json::Object{
      {"v", 1}, {"op", "seal"}, {"staging", staging_name()}, {"sha256", result->sha256}});
}

// What a try that was cut off left belongs to its own throw-away user: the next one's cannot empty
// those directories, and klubsterd has no right to. It goes aside, and away with the next
// collection.
Status ProfileWorkers::clear_staging() const {
  if (::rmdir(staging_tree().c_str()) == 0 || errno == ENOENT) return {};
  const std::string ours = places_.staging() + "/" + staging_name();
  const std::string aside = ours + ".left-" + to_hex(random_bytes(8));
  if (::rename(ours.c_str(), aside.c_str()) == 0) return {};
  return system_error("moving aside " + ours, errno);
}

Status ProfileWorkers::make_staging() const {
  if (auto cleared = clear_staging(); !cleared) return cleared;
  // 0777 inside 0700: the worker's throw-away user writes, nobody else gets there.
  if (auto made = make_directory(places_.staging() + "/" + staging_name(), 0700); !made) {
    return made;
  }
  return make_directory(staging_tree(), 0777);
}

// Read-only, and of a download only when nobody else can write to it: what is judged is then what
// is unpacked, whatever a worker did with the descriptor that it was handed.
Result<UniqueFd> ProfileWorkers::open_package(bool medium) {
  handed_ = UniqueFd();
  if (medium) return medium_.open();
  auto fd =
      open_regular(blob(WorkerStage::kPackage), O_RDONLY | (source_.path.empty() ? O_NOFOLLOW : 0));
  if (!fd || !source_.path.empty() || !has_writer(fd->get())) return fd;
  drop_downloads();
  return Error(ErrorKind::kUntrusted, "WorkerFailed",
               "the download is still open for writing somewhere; it is fetched anew");
}

std::string ProfileWorkers::request_file(WorkerStage stage) const {
  return places_.credentials() + "/worker-" + std::string(to_string(stage));
}

Result<TransientUnit> ProfileWorkers::prepare(const StartWorker& start) {
  if (start.stage == WorkerStage::kPackage) keep_cut_download();
  Result<Json> request = start.stage == WorkerStage::kUnpack ? unpack_request(start.medium)
                         : start.stage == WorkerStage::kSeal ? store_request()
                                                             : fetch_request(start);
  if (!request) return request.error();
  WorkerFiles files;
  files.request = request_file(start.stage);
  files.result = result_file(start.stage);
  files.state_dir = places_.state;
  if (auto written = write_request(files, *request); !written) return written.error();
  if (start.stage == WorkerStage::kUnpack) {
    if (auto made = make_staging(); !made) return made.error();
    files.staging = staging_tree();
  }
  if (start.stage != WorkerStage::kSeal) {
    auto fd = start.stage == WorkerStage::kUnpack
                  ? open_package(start.medium)
                  : open_regular(blob(start.stage), O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (!fd) return fd.error();
    handed_ = std::move(*fd);
    files.input.fd = files.output.fd = handed_.get();
    files.limit_bytes = size_limit(*request);
  }
  return make_worker_unit(start, files);
}

WorkerVerdict ProfileWorkers::read_result(WorkerStage stage) {
  auto bytes = read_file(result_file(stage), names::kResultJsonBytes);
  if (!bytes) return refused(bytes.error());
  auto json = parse_json(*bytes, {.bytes = names::kResultJsonBytes, .depth = 24});
  if (!json) return refused(std::move(json.error()).in(std::string(to_string(stage)) + " result"));
  const std::int64_t before = resume_point(stage).integer_or("offset");
  if (stage == WorkerStage::kSignature || stage == WorkerStage::kPackage) {
    keep_resume_point(stage, *json);
  }
  const bool got_on = resume_point(stage).integer_or("offset") > before;
  WorkerVerdict verdict;
  verdict.ok = json->bool_or("ok");
  if (verdict.ok && stage == WorkerStage::kUnpack) {
    if (auto checked = unpacked(); !checked) return refused(checked.error());
  }
  if (verdict.ok && stage == WorkerStage::kSeal) distrusted_.clear();
  if (verdict.ok) return verdict;
  const Json& failure = json->get("failure");
  verdict.retry = failure.bool_or("retry", true);
  verdict.retry_after_sec = retry_after_sec(failure);
  // Of the table: what a worker says is shown, so it chooses among our words.
  const std::string reason = failure.text_or("reason");
  verdict.reason = find_reason(reason) == nullptr ? "WorkerFailed" : reason;
  verdict.message = printable(failure.text_or("message"), 1024);
  if (verdict.reason == "TlsFailed" && clock_trouble_) {
    verdict.reason = clock_trouble_->reason();
    verdict.message = clock_trouble_->message() + ": " + verdict.message;
  }
  // The package may have been published anew, with another signature: ask for both. A body that was
  // only cut short says nothing of that, and the rest of it is asked for.
  if (stage == WorkerStage::kPackage && verdict.reason == "WrongSize" && !got_on &&
      source_.path.empty()) {
    (void)remove_file(blob(WorkerStage::kSignature));
  }
  return verdict;
}

// Null when there is none.
Json ProfileWorkers::resume_point(WorkerStage stage) const {
  auto kept = read_file(resume_file(stage), kSignatureBytes);
  auto resume = kept ? parse_json(*kept) : kept.error();
  return resume && resume->integer_or("offset") > 0 ? std::move(*resume) : Json();
}

// A partial download goes on from where it is, as long as the server still has the same object.
void ProfileWorkers::keep_resume_point(WorkerStage stage, const Json& result) const {
  const std::string validator = result.text_or("validator");
  const std::int64_t offset = result.integer_or("bytes");
  const bool sound =
      validator.size() <= kValidatorBytes && printable(validator, kValidatorBytes) == validator;
  if (result.bool_or("ok") || validator.empty() || !sound || offset <= 0) {
    // Without it the next try begins from zero, which is always right.
    (void)remove_file(resume_file(stage));
    return;
  }
  std::string url;
  if (auto text = read_file(request_file(stage), 1024 * 1024)) {
    if (auto request = parse_json(*text, {.bytes = 1024 * 1024})) url = request->text_or("url");
  }
  const bool stay = offset - resume_point(stage).integer_or("offset") >= kWorthStayingBytes;
  const Json resume =
      Json::Object{{"offset", offset}, {"validator", validator}, {"url", url}, {"stay", stay}};
  (void)write_file_durably(resume_file(stage), resume.dump(), 0600);
}

// What a worker wrote down before it, or the machine, was stopped.
void ProfileWorkers::keep_cut_download() const {
  auto bytes = read_file(result_file(WorkerStage::kPackage), names::kResultJsonBytes);
  auto result = bytes ? parse_json(*bytes) : bytes.error();
  if (result && result->bool_or("partial")) keep_resume_point(WorkerStage::kPackage, *result);
}

void ProfileWorkers::drop_downloads() {
  if (!source_.path.empty()) return;  // not ours to remove
  for (const auto stage : {WorkerStage::kSignature, WorkerStage::kPackage}) {
    // What cannot be removed now is overwritten by the next download.
    (void)remove_file(blob(stage));
    (void)remove_file(resume_file(stage));
    (void)remove_file(result_file(stage));
  }
}

Result<TransientUnit> ProfileWorkers::prepare_collect(const Keep& keep, bool dry_run) const {
  const auto names = [](const Keep::Reasons& reasons, std::size_t length) {
    Json list = Json::array();
    for (const auto& [name, why] : reasons)
      list.push_back(name.substr(0, length));
    return list;
  };
  Json request = Json::object();
  request["v"] = 1;
  request["op"] = "collect";
  request["dryRun"] = dry_run;
  request["profiles"] = names(keep.profiles, std::string::npos);
  request["generations"] = names(keep.generations, std::string::npos);
  request["downloads"] = names(keep.downloads, kBlobNameBytes);
  request["stagings"] = names(keep.stagings, kStagingNameBytes);
  request["results"] = names(keep.results, kStagingNameBytes);
  WorkerFiles files;
  files.request = request_file(WorkerStage::kCollect);
  files.result = collect_result_file();
  files.state_dir = places_.state;
  files.read_only = dry_run;
  if (auto written = write_request(files, request); !written) return written.error();
  return make_worker_unit({WorkerStage::kCollect, kCollectUnit, 1}, files);
}

Result<Json> ProfileWorkers::collected() const {
  auto bytes = read_file(collect_result_file(), names::kResultJsonBytes);
  auto json = bytes ? parse_json(*bytes, {.bytes = names::kResultJsonBytes}) : bytes.error();
  if (!json) return json.error();
  if (json->bool_or("ok")) return json;
  const Json& failure = json->get("failure");
  const std::string reason = failure.text_or("reason");
  return Error(ErrorKind::kIo, find_reason(reason) == nullptr ? "WorkerFailed" : reason,
               printable(failure.text_or("message", "the collection gave no result"), 1024));
}

Result<UnpackedProfile> ProfileWorkers::unpacked() const {
  auto bytes = read_file(result_file(WorkerStage::kUnpack), names::kResultJsonBytes);
  if (!bytes) return bytes.error();
  auto json = parse_json(*bytes, {.bytes = names::kResultJsonBytes, .depth = 24});
  if (!json) return json.error();
  JsonReader reader(*json, "unpack result");
  UnpackedProfile profile;
  reader.number("v", 1);
  const bool ok = reader.boolean("ok");
  profile.sha256 = reader.text("sha256", 64);
  reader.number("bytes");
  reader.number("entries");
  reader.object("signer", [&](JsonReader& signer) {
    profile.signer = signer.text("key", 64);
    profile.seq = signer.number("seq");
    signer.text_or("comment", "");
  });
  profile.manifest = reader.raw("profile");
  if (auto read = reader.finish(); !read) return read.error();
  if (!ok || !is_sha256_hex(profile.sha256)) {
    return Error(ErrorKind::kInvalid, "WorkerFailed", "the unpack result holds no digest");
  }
  return profile;
}

}  // namespace klubster
