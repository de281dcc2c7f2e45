// Downloading with resumption (trust.md "Downloads").
#include "fetch/download.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "linux/files.h"
#include "linux/worker.h"

namespace klubster {

namespace {

constexpr int kMaxRedirects = 3;
constexpr std::uint64_t kSlowBytesPerSecond = 512;
constexpr std::uint64_t kSlowUsec = 60'000'000;
constexpr std::uint64_t kProgressUsec = 1'000'000;
constexpr std::uint64_t kCheckpointUsec = 5'000'000;
constexpr std::size_t kWriteBytes = 64 * 1024;
constexpr std::uint64_t kWriteBackBytes = 8 * 1024 * 1024;

bool is_loopback(std::string_view url) {
  for (const std::string_view host : {"http://127.0.0.1", "http://localhost", "http://[::1]"}) {
    if (!url.starts_with(host)) continue;
    const auto rest = url.substr(host.size());
    if (rest.empty() || rest[0] == ':' || rest[0] == '/') return true;
  }
  return false;
}

}  // namespace

Result<DownloadRequest> download_request_from_json(const Json& json) {
  DownloadRequest request;
  JsonReader reader(json, "fetch request");
  if (reader.number("v") != 1) reader.refuse("v", "expected 1");
  request.url = reader.text("url", kMaxUrlBytes);
  request.max_bytes = reader.number("maxBytes");
  if (reader.has("expectedBytes")) request.expected_bytes = reader.number("expectedBytes");
  request.ca_pem = reader.text_or("ca", "", kMaxCaBytes);
  request.allow_http = reader.boolean_or("allowHttp", false);
  reader.object("resume", [&](JsonReader& resume) {
    request.resume = HttpResume{resume.number("offset"), resume.text("validator", 512)};
  });
  if (auto read = reader.finish(); !read) return read.error();
  return request;
}

Json to_json(const DownloadOutcome& outcome) {
  Json json = Json::object();
  if (outcome.error) json = failed_result(*outcome.error, outcome.retry_after_seconds);
  json["v"] = 1;
  json["ok"] = !outcome.error;
  json["bytes"] = outcome.bytes;
  if (!outcome.validator.empty()) json["validator"] = outcome.validator;
  if (outcome.partial) json["partial"] = true;
  return json;
}

Download::Download(EventLoop& loop, HttpClient& client, int fd, DownloadRequest request,
                   Listener listener)
    : loop_(loop),
      client_(client),
      fd_(fd),
      request_(std::move(request)),
      listener_(std::move(listener)) {}

std::string Download::url() const {
  return printable(request_.url);
}

Error Download::wrong_size(const std::string& found) const {
  return Error(ErrorKind::kUnavailable, "WrongSize",
               "expected " + std::to_string(request_.expected_bytes.value_or(announced_)) +
                   " bytes, found " + found)
      .in(url());
}

Error Download::too_large() const {
  return Error(ErrorKind::kUntrusted, "TooLarge",
               "it is larger than " + std::to_string(request_.max_bytes) + " bytes")
      .in(url());
}

void Download::start(std::function<void(DownloadOutcome)> done) {
  done_ = std::move(done);
  if (auto prepared = prepare(); !prepared) {
    failed_early_ = loop_.soon([this, error = prepared.error()] { finish(error); });
    return;
  }
  // All of it is there, and only its end was not heard of: the judge says what it is.
  if (request_.resume && bytes_ == request_.expected_bytes) {
    failed_early_ = loop_.soon([this] { finish(std::nullopt); });
    return;
  }
  begin();
}

// A promise over the limit needs no download; a partial file may only be what we are told it is.
Status Download::prepare() {
  if (request_.expected_bytes && *request_.expected_bytes > request_.max_bytes) {
    return Error(ErrorKind::kUntrusted, "TooLarge",
                 "the signature promises " + std::to_string(*request_.expected_bytes) +
                     " bytes, allowed are " + std::to_string(request_.max_bytes))
        .in(url());
  }
  struct stat status = {};
  if (::fstat(fd_, &status) != 0) return system_error("looking at the blob", errno);
  if (!S_ISREG(status.st_mode)) {
    return Error(ErrorKind::kInvalid, "Usage", "standard output is not a regular file");
  }
  const bool goes_on =
      request_.resume && request_.resume->offset > 0 &&
      request_.resume->offset <= static_cast<std::uint64_t>(status.st_size) &&
      request_.resume->offset <= request_.expected_bytes.value_or(request_.max_bytes) &&
      !request_.resume->validator.empty();
  if (!goes_on) return begin_from_zero();
  bytes_ = handed_over_ = request_.resume->offset;
  validator_ = request_.resume->validator;
  if (::ftruncate(fd_, static_cast<off_t>(bytes_)) != 0 ||
      ::lseek(fd_, static_cast<off_t>(bytes_), SEEK_SET) < 0) {
    return system_error("going on with the blob", errno);
  }
  return {};
}

Status Download::begin_from_zero() {
  request_.resume.reset();
  bytes_ = handed_over_ = 0;
  unwritten_.clear();
  validator_.clear();
  if (::ftruncate(fd_, 0) != 0 || ::lseek(fd_, 0, SEEK_SET) < 0) {
    return system_error("emptying the blob", errno);
  }
  return {};
}

void Download::begin() {
  HttpRequest http;
  http.url = request_.url;
  http.ca_pem = request_.ca_pem;
  http.allow_http = request_.allow_http || is_loopback(request_.url);
  http.max_redirects = kMaxRedirects;
  http.low_speed_bytes_per_second = kSlowBytesPerSecond;
  http.low_speed_usec = kSlowUsec;
  http.resume = request_.resume;
  http.max_response_bytes = UINT64_MAX;  // take() counts, with what was there before
  http.sink = [this](const HttpResponse& response, std::string_view piece) {
    return take(response, piece);
  };
  first_piece_ = true;
  transfer_ =
      client_.start(std::move(http), [this](HttpOutcome outcome) { conclude(std::move(outcome)); });
}

// A 206 goes on where we asked, or the object is not what it says; a 200 is the whole, from zero.
Status Download::take_first(const HttpResponse& response) {
  shown_at_usec_ = synced_at_usec_ = now_boottime_usec();
  if (response.status == 206) return take_part(response);
  const auto length = response.content_length();
  if (length && request_.expected_bytes && *length != *request_.expected_bytes) {
    return wrong_size(std::to_string(*length));  // something else: what we have stays
  }
  if (length && *length > request_.max_bytes) return too_large();
  if (auto emptied = begin_from_zero(); !emptied) return emptied;
  announced_ = length.value_or(0);
  validator_ = std::string(response.strong_validator());
  return {};
}

Status Download::take_part(const HttpResponse& response) {
  const auto range = response.content_range();
  const auto tag = response.header("etag");
  const bool ours =
      request_.resume && range && range->start == request_.resume->offset &&
      (tag.empty() || tag == request_.resume->validator) &&
      (!range->total || !request_.expected_bytes || *range->total == *request_.expected_bytes);
  if (ours) {
    announced_ = range->total.value_or(0);
    shown_bytes_ = bytes_;
    return {};
  }
  const Error error =
      Error(ErrorKind::kUnavailable, "WrongSize",
            "the server sent another part than the one asked for: " +
                printable(response.header("content-range")) + " of " + printable(tag, 80))
          .in(url());
  // Who gives a part of another object cannot be asked for the rest of this one.
  if (auto emptied = begin_from_zero(); !emptied) return emptied;
  return error;
}

Status Download::take(const HttpResponse& response, std::string_view piece) {
  if (first_piece_) {
    first_piece_ = false;
    if (auto first = take_first(response); !first) return first;
  }
  if (request_.expected_bytes && bytes_ + piece.size() > *request_.expected_bytes) {
    if (auto emptied = begin_from_zero(); !emptied) return emptied;
    return wrong_size("more");
  }
  if (bytes_ + piece.size() > request_.max_bytes) {
    if (auto emptied = begin_from_zero(); !emptied) return emptied;
    return too_large();
  }
  unwritten_ += piece;
  bytes_ += piece.size();
  if (unwritten_.size() >= kWriteBytes) {
    if (auto written = write_out(); !written) return written;
  }
  if (bytes_ - handed_over_ >= kWriteBackBytes) hand_over();
  return tell();
}

// A server's pieces are small, and each write has its price.
Status Download::write_out() {
  const std::size_t size = unwritten_.size();
  auto written = write_all(fd_, unwritten_);
  unwritten_.clear();
  if (written) return {};
  bytes_ -= size;
  return std::move(written.error()).in("writing the blob");
}

// The disk works while the network does, so that a sync has little to wait for. It waits for
// nothing here, and what goes wrong is the sync's to tell.
void Download::hand_over() {
  const std::uint64_t end = bytes_ - unwritten_.size();
  (void)::sync_file_range(fd_, static_cast<off_t>(handed_over_),
                          static_cast<off_t>(end - handed_over_), SYNC_FILE_RANGE_WRITE);
  handed_over_ = end;
}

Status Download::tell() {
  const std::uint64_t now = now_boottime_usec();
  if (listener_.progress && now - shown_at_usec_ >= kProgressUsec) {
    const std::uint64_t lately = (bytes_ - shown_bytes_) * 1'000'000 / (now - shown_at_usec_);
    // One second is much at random: three quarters of what it was before.
    bytes_per_second_ = bytes_per_second_ == 0 ? lately : (bytes_per_second_ * 3 + lately) / 4;
    shown_at_usec_ = now;
    shown_bytes_ = bytes_;
    listener_.progress({bytes_, request_.expected_bytes.value_or(announced_), bytes_per_second_});
  }
  if (!listener_.checkpoint || validator_.empty() || now - synced_at_usec_ < kCheckpointUsec)
    return {};
  if (auto written = write_out(); !written) return written;
  if (::fdatasync(fd_) != 0) return {};  // told when it ends
  synced_at_usec_ = now_boottime_usec();
  DownloadOutcome outcome;
  outcome.error = Error(ErrorKind::kUnavailable, "WorkerFailed", "the download was cut off");
  outcome.bytes = bytes_;
  outcome.validator = validator_;
  outcome.partial = true;
  listener_.checkpoint(outcome);
  return {};
}

// After an answer that ended well: whether it was less than the object. A part may be shorter than
// the one asked for, and without a length the end of the connection says nothing.
bool Download::more_to_come(const HttpResponse& response) const {
  const std::uint64_t size = request_.expected_bytes.value_or(announced_);
  if (bytes_ >= size) return false;
  const bool has_end = response.content_length() || !response.header("transfer-encoding").empty();
  return response.status == 206 || !has_end;
}

void Download::conclude(HttpOutcome outcome) {
  const HttpResponse& response = outcome.response;
  // The part that we have is not a part of what is there now: ask for the whole, once.
  const bool refused_range = response.status == 412 || response.status == 416;
  if (!outcome.error && request_.resume && refused_range) {
    if (auto emptied = begin_from_zero(); !emptied) return finish(emptied.error());
    return begin();
  }
  const auto retry_after = response.retry_after_seconds();
  if (outcome.error) return finish(std::move(outcome.error), retry_after);
  if (auto status = check_http_status(response, url()); !status) {
    return finish(status.error(), retry_after);
  }
  if (response.status != 200 && response.status != 206) {
    return finish(Error(ErrorKind::kInvalid, "HttpStatus",
                        "the server answered with status " + std::to_string(response.status))
                      .in(url()));
  }
  if (first_piece_) {  // an empty body never came to take()
    if (auto first = take_first(response); !first) return finish(first.error());
  }
  if (more_to_come(response)) return finish(wrong_size(std::to_string(bytes_)));
  if (request_.expected_bytes && bytes_ != *request_.expected_bytes) {
    const std::string found = std::to_string(bytes_);
    if (auto emptied = begin_from_zero(); !emptied) return finish(emptied.error());
    return finish(wrong_size(found));
  }
  if (auto written = write_out(); !written) return finish(written.error());
  if (::fdatasync(fd_) != 0) return finish(system_error("syncing the blob", errno));
  finish(std::nullopt);
}

void Download::finish(std::optional<Error> error, std::optional<std::uint64_t> retry_after) {
  (void)write_out();  // what came before an error is gone on with
  DownloadOutcome outcome;
  outcome.error = std::move(error);
  outcome.retry_after_seconds = retry_after;
  outcome.bytes = bytes_;
  outcome.validator = validator_;
  done_(std::move(outcome));
}

}  // namespace klubster
