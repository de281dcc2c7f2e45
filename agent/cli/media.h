// Importing a medium, apart from how it was found.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"

namespace klubster {

// Brings everything that a medium, mounted at `mounted`, holds to the state directory `state`:
// blobs to media/, then config and credentials to config/ in one change. A power cut leaves either
// nothing of the config, or all of it with the blobs that it names. kInvalid, MediaRefused, with
// all that is wrong: then nothing was imported. kIo.
Status import_media(const std::string& mounted, const std::string& state);

// The record {"v":1,"uuid","device","at","ok","reason","message"} of the last import.
struct MediaRecord {
  std::string uuid, device;
  Status outcome;
};
Json to_json(const MediaRecord& record);

}  // namespace klubster
