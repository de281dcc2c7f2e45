// The one place that parses and prints JSON.
#include "base/json.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace klubster {

namespace {

const Json kNull;
const Json::Array kNoItems;

// Builds a Json from the library's events; the library itself never makes a tree.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Builder(std::size_t depth) : depth_(depth) {}

  bool null() override { return add(Json()); }
  bool boolean(bool value) override { return add(Json(value)); }
  bool number_integer(number_integer_t value) override { return add(Json(std::int64_t{value})); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > INT64_MAX) return refuse("integer is larger than 64 bits allow");
    return add(Json(std::uint64_t{value}));
  }
  bool number_float(number_float_t value, const string_t& text) override {
    if (text.find_first_of(".eE") == std::string::npos) {
      return refuse("integer is larger than 64 bits allow");
    }
    return add(Json(value));
  }
  bool string(string_t& value) override { return add(Json(value)); }
  bool binary(binary_t&) override { return refuse("binary value"); }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    if (stack_.back().as_object()->count(name) > 0) {
      return refuse("key \"" + printable(name) + "\" stands twice");
    }
    keys_.back() = name;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& e) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error …; last read:
    // '…'": what was read may be a secret, and the error is told.
    std::string text = e.what();
    text = text.substr(0, text.find("; last read: "));
    const auto at = text.find("] ");
    return refuse(printable(at == std::string::npos ? text : text.substr(at + 2)));
  }

  Json take() { return std::move(root_); }
  const std::string& error() const { return error_; }

 private:
  bool refuse(std::string why) {
    if (error_.empty()) error_ = std::move(why);
    return false;
  }
  bool add(Json value) {
    if (stack_.empty()) {
      root_ = std::move(value);
    } else if (stack_.back().as_object() != nullptr) {
      stack_.back()[keys_.back()] = std::move(value);
    } else {
      stack_.back().push_back(std::move(value));
    }
    return true;
  }
  bool open(Json container) {
    if (stack_.size() >= depth_) return refuse("nested too deep");
    stack_.push_back(std::move(container));
    keys_.emplace_back();
    return true;
  }
  bool close() {
    Json done = std::move(stack_.back());
    stack_.pop_back();
    keys_.pop_back();
    return add(std::move(done));
  }

  std::size_t depth_;
  std::vector<Json> stack_;
  std::vector<std::string> keys_;
  Json root_;
  std::string error_;
};

// Whether it stands between quotes as it is.
bool is_plain(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
}

void write_quoted(const std::string& text, std::string& out) {
  if (is_plain(text)) {
    out += '"';
    out += text;
    out += '"';
    return;
  }
  out += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// `indent` < 0: no white space at all.
void write(const Json& value, int indent, int level, std::string& out) {
  const auto new_line = [&](int depth) {
    if (indent < 0) return;
    out += '\n';
    out.append(static_cast<std::size_t>(indent * depth), ' ');
  };
  if (const auto* flag = value.as_bool()) {
    out += *flag ? "true" : "false";
  } else if (const auto* integer = value.as_integer()) {
    out += std::to_string(*integer);
  } else if (const auto* number = value.as_double()) {
    out += nlohmann::json(*number).dump();
  } else if (const auto* text = value.as_string()) {
    write_quoted(*text, out);
  } else if (const auto* array = value.as_array()) {
    out += '[';
    for (const auto& item : *array) {
      if (&item != &array->front()) out += ',';
      new_line(level + 1);
      write(item, indent, level + 1, out);
    }
    if (!array->empty()) new_line(level);
    out += ']';
  } else if (const auto* object = value.as_object()) {
    out += '{';
    bool first = true;
    for (const auto& [key, member] : *object) {
      if (!first) out += ',';
      first = false;
      new_line(level + 1);
      write_quoted(key, out);
      out += indent < 0 ? ":" : ": ";
      write(member, indent, level + 1, out);
    }
    if (!object->empty()) new_line(level);
    out += '}';
  } else {
    out += "null";
  }
}

}  // namespace

Json& Json::operator[](std::string_view key) {
  if (is_null()) value_ = Object{};
  auto& object = std::get<Object>(value_);
  const auto found = object.find(key);
  if (found != object.end()) return found->second;
  return object.emplace(std::string(key), Json()).first->second;
}

void Json::push_back(Json value) {
  if (is_null()) value_ = Array{};
  std::get<Array>(value_).push_back(std::move(value));
}

const Json& Json::get(std::string_view key) const {
  const auto* object = as_object();
  if (object == nullptr) return kNull;
  const auto found = object->find(key);
  return found == object->end() ? kNull : found->second;
}

std::string Json::text_or(std::string_view key, std::string_view otherwise) const {
  const auto* text = get(key).as_string();
  return text == nullptr ? std::string(otherwise) : *text;
}

std::int64_t Json::integer_or(std::string_view key, std::int64_t otherwise) const {
  const auto* integer = get(key).as_integer();
  return integer == nullptr ? otherwise : *integer;
}

std::uint64_t Json::number_or(std::string_view key, std::uint64_t otherwise) const {
  const auto* integer = get(key).as_integer();
  return integer == nullptr || *integer < 0 ? otherwise : static_cast<std::uint64_t>(*integer);
}

bool Json::bool_or(std::string_view key, bool otherwise) const {
  const auto* flag = get(key).as_bool();
  return flag == nullptr ? otherwise : *flag;
}

const Json::Array& Json::items(std::string_view key) const {
  const auto* array = get(key).as_array();
  return array == nullptr ? kNoItems : *array;
}

std::string Json::dump() const {
  std::string out;
  write(*this, -1, 0, out);
  return out;
}

std::string Json::pretty() const {
  std::string out;
  write(*this, 2, 0, out);
  return out;
}

Result<Json> parse_json(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.bytes) {
    return Error(ErrorKind::kInvalid, "BadJson",
                 "expected at most " + std::to_string(limits.bytes) + " bytes, found " +
                     std::to_string(text.size()));
  }
  Builder builder(limits.depth);
  try {
    if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) {
      return Error(ErrorKind::kInvalid, "BadJson", builder.error());
    }
  } catch (const nlohmann::json::exception& e) {
    return Error(ErrorKind::kInvalid, "BadJson", printable(e.what()));
  }
  return builder.take();
}

}  // namespace klubster
