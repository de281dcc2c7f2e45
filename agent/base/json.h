// JSON as a plain value, with one strict reader and one canonical writer.
//
// The reader refuses what the library lets pass (library-facts: the last duplicate key wins, 70000
// becomes 4464 in 16 bits, deep nesting overflows the stack when printed): size before parsing,
// depth, duplicate keys, strings that are not UTF-8, integers beyond 64 bits.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace klubster {

class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::map<std::string, Json, std::less<>>;

  Json() = default;
  Json(std::nullptr_t) {}
  Json(bool value) : value_(value) {}
  Json(int value) : value_(std::int64_t{value}) {}
  Json(unsigned value) : value_(std::int64_t{value}) {}
  Json(std::int64_t value) : value_(value) {}
  // Beyond 2^63 - 1 the value would not be read back: it is cut to that.
  Json(std::uint64_t value)
      : value_(static_cast<std::int64_t>(value > INT64_MAX ? INT64_MAX : value)) {}
  Json(double value) : value_(value) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(Array value) : value_(std::move(value)) {}
  Json(Object value) : value_(std::move(value)) {}
  Json(const std::vector<std::string>& values) : value_(Array(values.begin(), values.end())) {}

  static Json object() { return Json(Object{}); }
  static Json array() { return Json(Array{}); }

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  const bool* as_bool() const { return std::get_if<bool>(&value_); }
  const std::int64_t* as_integer() const { return std::get_if<std::int64_t>(&value_); }
  const double* as_double() const { return std::get_if<double>(&value_); }
  const std::string* as_string() const { return std::get_if<std::string>(&value_); }
  const Array* as_array() const { return std::get_if<Array>(&value_); }
  const Object* as_object() const { return std::get_if<Object>(&value_); }

  // For building: this becomes an object (or array) when it is null.
  Json& operator[](std::string_view key);
  void push_back(Json value);

  // For reading what one's own program made: the member, or a null when there is none.
  const Json& get(std::string_view key) const;
  std::string text_or(std::string_view key, std::string_view otherwise = "") const;
  std::int64_t integer_or(std::string_view key, std::int64_t otherwise = 0) const;
  // Of a whole number that is not negative; anything else counts as absent.
  std::uint64_t number_or(std::string_view key, std::uint64_t otherwise = 0) const;
  bool bool_or(std::string_view key, bool otherwise = false) const;
  const Array& items(std::string_view key) const;  // empty when there is none

  // Keys sorted, no white space: the same value gives the same bytes. Bytes that are not UTF-8 are
  // written as U+FFFD.
  std::string dump() const;
  std::string pretty() const;  // indented by two, for people

  bool operator==(const Json& other) const { return value_ == other.value_; }

 private:
  std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object> value_;
};

struct JsonLimits {
  std::size_t bytes = 64 * 1024;
  std::size_t depth = 32;
};

// kInvalid, reason "BadJson", with line and column, for everything that the head of this file
// lists.
Result<Json> parse_json(std::string_view text, JsonLimits limits = {});

// Reads an object member by member against a schema; every mistake is remembered with its JSON
// pointer, so that one pass reports all. Keys that nobody asked for are mistakes.
class JsonReader {
 public:
  // `what` names the document in messages ("fetch request").
  JsonReader(const Json& value, std::string what);

  std::string text(std::string_view key, std::size_t max_bytes = 64 * 1024);
  std::string text_or(std::string_view key, std::string_view otherwise,
                      std::size_t max_bytes = 64 * 1024);
  std::uint64_t number(std::string_view key, std::uint64_t max = INT64_MAX);
  std::uint64_t number_or(std::string_view key, std::uint64_t otherwise,
                          std::uint64_t max = INT64_MAX);
  bool boolean(std::string_view key);
  bool boolean_or(std::string_view key, bool otherwise);
  std::vector<std::string> texts(std::string_view key);  // absent is empty
  bool has(std::string_view key) const;

  // Calls `read` with a reader of the member, when it is there.
  void object(std::string_view key, const std::function<void(JsonReader&)>& read);
  // Calls `read` for each object of the array, when it is there.
  void objects(std::string_view key, const std::function<void(JsonReader&)>& read);
  // Calls `read` with name and value of each member of the object `key`.
  void members(std::string_view key,
               const std::function<void(const std::string&, const Json&)>& read);
  // The member as it is; null when absent.
  const Json& raw(std::string_view key);

  // Remembers a mistake at `key` ("expected …, found …").
  void refuse(std::string_view key, std::string message);
  // kInvalid, reason "BadJson", with all mistakes; call it last.
  Status finish();

 private:
  JsonReader(const Json& value, std::string path, std::vector<std::string>* errors);
  const Json* find(std::string_view key, bool required, const char* expected);
  void refuse_unknown();

  const Json* value_;
  std::string what_;
  std::string path_;
  std::vector<std::string> own_errors_;
  std::vector<std::string>* errors_;
  std::set<std::string, std::less<>> asked_;
};

}  // namespace klubster
