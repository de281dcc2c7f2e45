// Who calls a method, and may they? Asked of the bus and of polkit, never by a synchronous call.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace klubster {

class Bus;

// Where a call comes from: the sender's unique name, and whether a person may be asked about it.
struct CallOrigin {
  std::string sender;
  bool interactive = false;
};

// Who sent a call, as the bus knows it.
struct BusCaller {
  std::uint32_t uid = UINT32_MAX;
  std::uint32_t pid = 0;
  // "root (uid 0, pid 123)"; "uid 1000, pid 123" of a user who is not in /etc/passwd.
  std::string text() const;
};

// Who may call a method. Root may call all of them, and so may the user that the program runs as.
struct Access {
  bool everybody = false;
  std::string action;  // whom polkit allows this may, too; empty: nobody else

  static Access for_everybody() { return {true, ""}; }
  static Access for_root() { return {false, ""}; }
  static Access by_polkit(std::string action) { return {false, std::move(action)}; }
};

// Fails (kUnavailable) when the sender has gone from the bus meanwhile.
void ask_caller(Bus& bus, const CallOrigin& origin, std::function<void(Result<BusCaller>)> answer);

// Whether polkit allows `action` to the sender. Otherwise AccessDenied (kInvalid), with a text that
// says what to do.
void ask_polkit(Bus& bus, const CallOrigin& origin, const std::string& action,
                std::function<void(Status)> answer);

// Both of them, as far as `access` needs it: the caller, or AccessDenied. Nothing is asked for a
// method that is for everybody, whose caller stays unknown.
void check_access(Bus& bus, const CallOrigin& origin, const Access& access,
                  std::function<void(Result<BusCaller>)> answer);

}  // namespace klubster
