// The store's request.
#include "store/store.h"

#include "base/digest.h"
#include "base/text.h"
#include "store/directory.h"

namespace klubster {

namespace {

using IsName = bool (*)(const std::string&);

std::set<std::string> read_names(JsonReader& reader, const char* key, IsName fits,
                                 const char* expected) {
  if (!reader.has(key)) reader.refuse(key, "expected a list, found nothing");
  std::set<std::string> names;
  for (auto& name : reader.texts(key)) {
    if (!fits(name)) reader.refuse(key, std::string("expected ") + expected);
    names.insert(std::move(name));
  }
  return names;
}

void read_collect(JsonReader& reader, StoreRequest& request) {
  const IsName plain = [](const std::string& name) { return is_name_in_directory(name); };
  request.kind = StoreRequest::Kind::kCollect;
  request.dry_run = reader.boolean("dryRun");
  request.profiles = read_names(
      reader, "profiles", [](const std::string& name) { return is_sha256_hex(name); },
      "digests of 64 hex digits");
  request.stagings = read_names(reader, "stagings", plain, "plain names");
  request.downloads = read_names(reader, "downloads", plain, "plain names");
  request.results = read_names(reader, "results", plain, "plain names");
  request.generations = read_names(
      reader, "generations", [](const std::string& name) { return parse_number(name).has_value(); },
      "numbers");
}

}  // namespace

Result<StoreRequest> store_request_from_json(const Json& json) {
  StoreRequest request;
  JsonReader reader(json, "store request");
  if (reader.number("v") != 1) reader.refuse("v", "expected 1");
  const std::string kind = reader.text("op", 16);
  if (kind == "seal") {
    request.staging = reader.text("staging", 255);
    request.sha256 = reader.text("sha256", 64);
    if (!is_name_in_directory(request.staging)) reader.refuse("staging", "expected a plain name");
    if (!is_sha256_hex(request.sha256)) reader.refuse("sha256", "expected 64 hex digits");
  } else if (kind == "collect") {
    read_collect(reader, request);
  } else {
    reader.refuse("op", "expected seal or collect");
  }
  if (auto read = reader.finish(); !read) return read.error();
  return request;
}

}  // namespace klubster
