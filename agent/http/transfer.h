// One exchange: a libcurl easy handle with everything that it points to. Internal to http/.
#pragma once

#include <curl/curl.h>

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "http/client.h"

namespace klubster {

class Transfer {
 public:
  // kInvalid, reason "BadValue", when the request cannot be sent as it is.
  static Result<std::unique_ptr<Transfer>> create(HttpRequest request,
                                                  std::function<void(HttpOutcome)> done,
                                                  sd_event* event);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer();

  CURL* handle() const { return handle_.get(); }
  // What `code` means, with all that was received. Call it once, when libcurl is done.
  HttpOutcome conclude(CURLcode code);
  std::function<void(HttpOutcome)> take_done() { return std::move(done_); }

  // libcurl must not lose a handle while it calls us: the client asks before it removes one.
  bool inside_callback() const { return inside_callback_; }
  void abandon() { abandoned_ = true; }
  bool abandoned() const { return abandoned_; }

 private:
  struct FreeEasy {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  };
  struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };
  using ListPtr = std::unique_ptr<curl_slist, FreeList>;

  Transfer(HttpRequest request, std::function<void(HttpOutcome)> done, sd_event* event);
  Status check() const;
  void set_up();
  void set_safety();
  void set_tls();
  void set_method();
  void set_limits();
  bool take_body(std::string_view piece);
  bool take_header(std::string_view line);
  Error classify(CURLcode code) const;
  Error classify_tls(const std::string& detail) const;
  std::string detail(CURLcode code) const;
  bool take_peer();

  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self) noexcept;
  static CURLcode on_tls_context(CURL* easy, void* ssl_context, void* self) noexcept;
  static std::size_t on_header(char* data, std::size_t size, std::size_t count,
                               void* self) noexcept;

  HttpRequest request_;
  std::function<void(HttpOutcome)> done_;
  sd_event* event_;
  HttpResponse response_;
  std::optional<Error> refusal_;  // ours, which made libcurl stop
  std::size_t header_bytes_ = 0;  // of all answers together: redirects, 1xx
  bool cut_ = false;              // enough of an error's body was read
  bool inside_callback_ = false;
  bool abandoned_ = false;
  std::array<char, CURL_ERROR_SIZE> error_text_ = {};
  std::unique_ptr<CURL, FreeEasy> handle_;
  ListPtr headers_;
  ListPtr connect_to_;
};

}  // namespace klubster
