// Asking the bus for a caller's credentials, and polkit for its opinion
// (org.freedesktop.PolicyKit1.Authority.CheckAuthorization).
//
// sd-bus would check rights by itself, but with a synchronous call to the bus from within the loop.
#include "linux/bus_access.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <string_view>
#include <utility>

#include "linux/bus.h"

namespace klubster {

namespace {

constexpr const char* kBusName = "org.freedesktop.DBus";
constexpr const char* kBusPath = "/org/freedesktop/DBus";
constexpr const char* kPolkit = "org.freedesktop.PolicyKit1";
constexpr const char* kPolkitPath = "/org/freedesktop/PolicyKit1/Authority";
constexpr const char* kPolkitAuthority = "org.freedesktop.PolicyKit1.Authority";
constexpr std::uint32_t kAllowInteraction = 1;
// A person has to find and type a password.
constexpr std::uint64_t kPersonUsec = 300'000'000;
constexpr std::uint64_t kProgramUsec = 25'000'000;

Error denied(const std::string& why) {
  return Error(ErrorKind::kInvalid, "AccessDenied", why);
}

// Only of the local file: asking further user databases could block.
std::string local_name(std::uint32_t uid) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/etc/passwd", "re"),
                                                             std::fclose);
  if (!file) return "";
  std::array<char, 4096> text{};
  struct passwd entry = {};
  struct passwd* found = nullptr;
  while (::fgetpwent_r(file.get(), &entry, text.data(), text.size(), &found) == 0) {
    if (found->pw_uid == uid) return found->pw_name;
  }
  return "";
}

bool means_no_polkit(std::string_view reason) {
  constexpr std::array<std::string_view, 4> kReasons = {"ServiceUnknown", "NameHasNoOwner",
                                                        "UnitMasked", "NoSuchUnit"};
  return std::ranges::count(kReasons, reason) != 0;
}

BusCaller read_caller(BusMessage& reply) {
  BusCaller caller;
  reply.enter('a', "{sv}");
  while (reply.enter('e', "sv")) {
    const std::string key = reply.read_string();
    const bool is_uid = key == "UnixUserID";
    if ((is_uid || key == "ProcessID") && reply.enter('v', "u")) {
      (is_uid ? caller.uid : caller.pid) = reply.read_uint32();
      reply.exit();
    } else {
      reply.skip("v");
    }
    reply.exit();
  }
  reply.exit();
  return caller;
}

Status read_opinion(BusMessage& reply, bool interactive) {
  if (reply.signature() != "(bba{ss})" || !reply.enter('r', "bba{ss}")) {
    return denied("polkit's answer is not what it should be; root may do this");
  }
  const bool is_authorized = reply.read_bool();
  const bool is_challenge = reply.read_bool();
  if (is_authorized) return {};
  if (is_challenge && !interactive) {
    return denied("polkit wants a person to authenticate, and the caller did not allow to ask one");
  }
  if (is_challenge) return denied("polkit wants a person to authenticate, and none could be asked");
  return denied("polkit does not allow this to the caller");
}

}  // namespace

std::string BusCaller::text() const {
  const std::string numbers = "uid " + std::to_string(uid) + ", pid " + std::to_string(pid);
  const std::string name = local_name(uid);
  return name.empty() ? numbers : name + " (" + numbers + ")";
}

void ask_caller(Bus& bus, const CallOrigin& origin, std::function<void(Result<BusCaller>)> answer) {
  BusMessage question = bus.method(kBusName, kBusPath, kBusName, "GetConnectionCredentials");
  question.add_string(origin.sender);
  bus.call(std::move(question), [answer = std::move(answer)](Result<BusMessage> reply) {
    if (!reply) return answer(reply.error());
    if (reply->signature() != "a{sv}") {
      return answer(denied("the bus does not say who the caller is"));
    }
    answer(read_caller(*reply));
  });
}

void ask_polkit(Bus& bus, const CallOrigin& origin, const std::string& action,
                std::function<void(Status)> answer) {
  const bool interactive = origin.interactive;
  BusMessage question = bus.method(kPolkit, kPolkitPath, kPolkitAuthority, "CheckAuthorization");
  question.open('r', "sa{sv}").add_string("system-bus-name");
  question.open('a', "{sv}").open('e', "sv").add_string("name");
  question.open('v', "s").add_string(origin.sender).close().close().close().close();
  question.add_string(action);
  question.open('a', "{ss}").close();
  question.add_uint32(interactive ? kAllowInteraction : 0);
  question.add_string("");  // nothing to cancel it by: it ends with its caller
  bus.call(
      std::move(question),
      [answer = std::move(answer), interactive, action](Result<BusMessage> reply) {
        if (reply) return answer(read_opinion(*reply, interactive).in(action));
        const bool absent = means_no_polkit(reply.error().reason());
        const std::string why =
            absent ? "only root may do this; with polkit installed, also whom "
                     "its rules allow it"
                   : "asking polkit failed (" + reply.error().message() + "); root may do this";
        answer(denied(why).in(action));
      },
      interactive ? kPersonUsec : kProgramUsec);
}

void check_access(Bus& bus, const CallOrigin& origin, const Access& access,
                  std::function<void(Result<BusCaller>)> answer) {
  if (access.everybody) return answer(BusCaller());
  const auto decide = [&bus, origin, access, answer = std::move(answer)](Result<BusCaller> caller) {
    if (!caller) return answer(std::move(caller));
    if (caller->uid == 0 || caller->uid == ::geteuid()) return answer(std::move(caller));
    if (access.action.empty()) return answer(denied("only root may do this"));
    ask_polkit(bus, origin, access.action, [answer, caller = *caller](const Status& allowed) {
      if (!allowed) return answer(allowed.error());
      answer(caller);
    });
  };
  ask_caller(bus, origin, decide);
}

}  // namespace klubster
