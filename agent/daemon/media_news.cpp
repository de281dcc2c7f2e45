// Reading media.json: {"v":1,"uuid","device","at","ok","reason","message"}.
#include "daemon/media_news.h"

#include "base/json.h"
#include "base/names.h"
#include "base/text.h"
#include "linux/files.h"

namespace klubster {

std::optional<Error> refused_medium(const std::string& path) {
  if (!exists(path)) return std::nullopt;
  auto text = read_file(path, names::kSmallJsonBytes);
  auto json = text ? parse_json(*text, {.bytes = names::kSmallJsonBytes}) : text.error();
  if (!json) return std::move(json.error()).in("what came of the medium");
  if (json->bool_or("ok")) return std::nullopt;
  // What is told here may have been read from the medium.
  const std::string where = printable(json->text_or("device"), 80);
  return Error(ErrorKind::kInvalid, printable(json->text_or("reason", "ConfigInvalid"), 64),
               printable(json->text_or("message"), 1024))
      .in("importing the medium" + (where.empty() ? "" : " " + where));
}

}  // namespace klubster
