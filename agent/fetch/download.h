// One download into a descriptor: begin, go on, or begin again, within the promised size.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "engine/progress.h"
#include "http/client.h"

namespace klubster {

// What klubsterd asks klubster-fetch for.
struct DownloadRequest {
  std::string url;
  std::uint64_t max_bytes = 0;
  std::optional<std::uint64_t> expected_bytes;  // exactly so many, or WrongSize
  std::string ca_pem;
  bool allow_http = false;
  std::optional<HttpResume> resume;
};

// kInvalid, reason "BadJson", for anything but a request of version 1.
Result<DownloadRequest> download_request_from_json(const Json& json);

// How it ended: `bytes` are in the descriptor and `validator` (a strong ETag or empty) belongs to
// them, also after a failure, so that the next try may go on from there.
struct DownloadOutcome {
  std::optional<Error> error;
  std::optional<std::uint64_t> retry_after_seconds;
  std::uint64_t bytes = 0;
  std::string validator;
  bool partial = false;  // it goes on: said in case that it is cut off
};

Json to_json(const DownloadOutcome& outcome);

class Download {
 public:
  // Called from within the transfer; either may be empty.
  struct Listener {
    std::function<void(const FetchProgress&)> progress;  // at most once a second
    // Now and then, with bytes that a power cut cannot take any more.
    std::function<void(const DownloadOutcome&)> checkpoint;
  };
  // `fd` is read-write and stays the caller's.
  Download(EventLoop& loop, HttpClient& client, int fd, DownloadRequest request, Listener listener);
  Download(const Download&) = delete;
  Download& operator=(const Download&) = delete;

  // Calls `done` once, from the loop.
  void start(std::function<void(DownloadOutcome)> done);

 private:
  Status prepare();
  void begin();
  Status take(const HttpResponse& response, std::string_view piece);
  Status take_first(const HttpResponse& response);
  Status take_part(const HttpResponse& response);
  Status write_out();
  void hand_over();
  Status tell();
  bool more_to_come(const HttpResponse& response) const;
  Status begin_from_zero();
  void conclude(HttpOutcome outcome);
  void finish(std::optional<Error> error, std::optional<std::uint64_t> retry_after = {});
  Error wrong_size(const std::string& found) const;
  Error too_large() const;
  std::string url() const;

  EventLoop& loop_;
  HttpClient& client_;
  int fd_;
  DownloadRequest request_;
  Listener listener_;
  std::function<void(DownloadOutcome)> done_;
  HttpTransfer transfer_;
  EventSource failed_early_;
  std::uint64_t bytes_ = 0;  // in the descriptor, and unwritten_
  std::string unwritten_;
  std::uint64_t handed_over_ = 0;  // of them, to be written to the disk
  std::string validator_;
  bool first_piece_ = true;
  std::uint64_t announced_ = 0;  // the whole object's size, as the server says; 0: it does not
  std::uint64_t shown_at_usec_ = 0, shown_bytes_ = 0, bytes_per_second_ = 0;
  std::uint64_t synced_at_usec_ = 0;
};

}  // namespace klubster
