// Reading a JSON object against a schema, with all mistakes at once.
#include "base/json.h"
#include "base/text.h"

namespace klubster {

namespace {

const Json kAbsent;

const char* kind_name(const Json& value) {
  if (value.as_bool() != nullptr) return "a boolean";
  if (value.as_integer() != nullptr) return "an integer";
  if (value.as_double() != nullptr) return "a fraction";
  if (value.as_string() != nullptr) return "a text";
  if (value.as_array() != nullptr) return "a list";
  if (value.as_object() != nullptr) return "an object";
  return "null";
}

}  // namespace

JsonReader::JsonReader(const Json& value, std::string what)
    : value_(&value), what_(std::move(what)), errors_(&own_errors_) {
  if (value.as_object() == nullptr) {
    errors_->push_back(std::string("/: expected an object, found ") + kind_name(value));
  }
}

JsonReader::JsonReader(const Json& value, std::string path, std::vector<std::string>* errors)
    : value_(&value), path_(std::move(path)), errors_(errors) {
  if (value.as_object() == nullptr) {
    errors_->push_back(path_ + ": expected an object, found " + kind_name(value));
  }
}

const Json* JsonReader::find(std::string_view key, bool required, const char* expected) {
  asked_.emplace(key);
  const auto* object = value_->as_object();
  if (object == nullptr) return nullptr;
  const auto found = object->find(key);
  if (found != object->end()) return &found->second;
  if (required) refuse(key, std::string("expected ") + expected + ", found nothing");
  return nullptr;
}

void JsonReader::refuse(std::string_view key, std::string message) {
  errors_->push_back(path_ + "/" + printable(key) + ": " + std::move(message));
}

bool JsonReader::has(std::string_view key) const {
  const auto* object = value_->as_object();
  return object != nullptr && object->find(key) != object->end();
}

std::string JsonReader::text(std::string_view key, std::size_t max_bytes) {
  const Json* found = find(key, true, "a text");
  if (found == nullptr) return {};
  const auto* text = found->as_string();
  if (text == nullptr) {
    refuse(key, std::string("expected a text, found ") + kind_name(*found));
    return {};
  }
  if (text->size() > max_bytes || text->find('\0') != std::string::npos) {
    refuse(key, "expected at most " + std::to_string(max_bytes) + " bytes without NUL");
    return {};
  }
  return *text;
}

std::string JsonReader::text_or(std::string_view key, std::string_view otherwise,
                                std::size_t max_bytes) {
  if (has(key)) return text(key, max_bytes);
  asked_.emplace(key);
  return std::string(otherwise);
}

std::uint64_t JsonReader::number(std::string_view key, std::uint64_t max) {
  const Json* found = find(key, true, "a whole number");
  if (found == nullptr) return 0;
  const auto* integer = found->as_integer();
  if (integer == nullptr || *integer < 0 || static_cast<std::uint64_t>(*integer) > max) {
    refuse(key, "expected a whole number from 0 to " + std::to_string(max) + ", found " +
                    (integer == nullptr ? kind_name(*found) : std::to_string(*integer)));
    return 0;
  }
  return static_cast<std::uint64_t>(*integer);
}

std::uint64_t JsonReader::number_or(std::string_view key, std::uint64_t otherwise,
                                    std::uint64_t max) {
  if (has(key)) return number(key, max);
  asked_.emplace(key);
  return otherwise;
}

bool JsonReader::boolean(std::string_view key) {
  const Json* found = find(key, true, "true or false");
  if (found == nullptr) return false;
  if (const auto* flag = found->as_bool()) return *flag;
  refuse(key, std::string("expected true or false, found ") + kind_name(*found));
  return false;
}

bool JsonReader::boolean_or(std::string_view key, bool otherwise) {
  if (has(key)) return boolean(key);
  asked_.emplace(key);
  return otherwise;
}

std::vector<std::string> JsonReader::texts(std::string_view key) {
  std::vector<std::string> values;
  const Json* found = find(key, false, "");
  if (found == nullptr) return values;
  const auto* array = found->as_array();
  if (array == nullptr) {
    refuse(key, std::string("expected a list of texts, found ") + kind_name(*found));
    return values;
  }
  for (const auto& item : *array) {
    if (const auto* text = item.as_string()) {
      values.push_back(*text);
    } else {
      refuse(key, std::string("expected a list of texts, found ") + kind_name(item));
    }
  }
  return values;
}

void JsonReader::object(std::string_view key, const std::function<void(JsonReader&)>& read) {
  const Json* found = find(key, false, "");
  if (found == nullptr) return;
  JsonReader reader(*found, path_ + "/" + std::string(key), errors_);
  read(reader);
  reader.refuse_unknown();
}

void JsonReader::objects(std::string_view key, const std::function<void(JsonReader&)>& read) {
  const Json* found = find(key, false, "");
  if (found == nullptr) return;
  const auto* array = found->as_array();
  if (array == nullptr) {
    refuse(key, std::string("expected a list of objects, found ") + kind_name(*found));
    return;
  }
  for (std::size_t i = 0; i < array->size(); ++i) {
    JsonReader reader((*array)[i], path_ + "/" + std::string(key) + "/" + std::to_string(i),
                      errors_);
    read(reader);
    reader.refuse_unknown();
  }
}

void JsonReader::members(std::string_view key,
                         const std::function<void(const std::string&, const Json&)>& read) {
  const Json* found = find(key, false, "");
  if (found == nullptr) return;
  const auto* object = found->as_object();
  if (object == nullptr) {
    refuse(key, std::string("expected an object, found ") + kind_name(*found));
    return;
  }
  for (const auto& [name, value] : *object)
    read(name, value);
}

const Json& JsonReader::raw(std::string_view key) {
  const Json* found = find(key, false, "");
  return found == nullptr ? kAbsent : *found;
}

void JsonReader::refuse_unknown() {
  const auto* object = value_->as_object();
  if (object == nullptr) return;
  for (const auto& [key, value] : *object) {
    if (asked_.count(key) == 0) refuse(key, "unknown key");
  }
}

Status JsonReader::finish() {
  refuse_unknown();
  if (errors_->empty()) return {};
  return Error(ErrorKind::kInvalid, "BadJson", join(*errors_, "; ")).in(what_);
}

}  // namespace klubster
