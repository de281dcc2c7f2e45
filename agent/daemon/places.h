// Where the daemon keeps its things (state-recovery.md "On disk").
#pragma once

#include <string>

#include "base/names.h"
#include "base/result.h"

namespace klubster {

struct Places {
  std::string state = std::string(names::kStateDir);
  std::string run = std::string(names::kRunDir);

  std::string log() const { return state + "/log"; }
  std::string generations() const { return state + "/generations"; }
  std::string blobs() const { return state + "/blobs"; }
  std::string profiles() const { return state + "/profiles"; }
  std::string profile(const std::string& sha256) const { return profiles() + "/" + sha256; }
  std::string facts() const { return state + "/facts"; }
  std::string staging() const { return state + "/staging"; }
  std::string results() const { return state + "/results"; }
  std::string step_state(const std::string& phase, const std::string& id) const {
    return state + "/steps/" + phase + "/" + id;
  }
  std::string telemetry() const { return state + "/telemetry"; }
  std::string last_good() const { return state + "/last-good.json"; }
  std::string media() const { return state + "/" + std::string(names::kMediaRecord); }
  std::string media_files() const { return state + "/" + std::string(names::kMediaDir); }
  std::string reset_order() const { return state + "/" + std::string(names::kResetOrder); }
  std::string salt() const { return state + "/salt"; }
  std::string credentials() const { return run + "/credentials"; }
  std::string outputs() const { return run + "/outputs"; }
  std::string issue() const { return run + "/issue"; }
  std::string motd() const { return run + "/motd"; }
  std::string metrics() const { return run + "/metrics.prom"; }
  std::string trial() const { return run + "/trial.json"; }
  std::string members_file() const { return run + "/members.json"; }
  std::string peer_config() const { return credentials() + "/peerd.json"; }
};

// Makes what is missing, with the modes of the design.
Status make_places(const Places& places);

}  // namespace klubster
