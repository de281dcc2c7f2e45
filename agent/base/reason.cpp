// The table of reasons.
#include "base/reason.h"

#include <algorithm>
#include <iterator>

namespace klubster {

namespace {

// Keep sorted by name: find_reason() searches by halves, and a test checks the order.
constexpr Reason kReasons[] = {
    {"AccessDenied", "only root may do this", "the same command with sudo", false},
    {"AgentUnreachable", "the agent does not answer on the system bus", "systemctl status klubster",
     false},
    {"AlreadyRunning", "another instance of the same program already runs",
     "systemctl status klubster", false},
    {"ArchiveRefused", "the package holds a member that the unpacking policy forbids",
     "klubster profile inspect FILE, then pack it again with klubster profile pack", false},
    {"BadJson", "a JSON document is malformed or does not fit its schema",
     "mend the value that the message points to", false},
    {"BadKey", "a key or signature text is malformed",
     "copy the whole line of the .pub file made by minisign -G", false},
    {"BadOutputs", "a step wrote outputs that are malformed, too large or not declared",
     "write NAME=value lines of declared names to $KLUBSTER_OUTPUTS", false},
    {"BadToken", "a cluster token is not in the form that klubster token create makes",
     "klubster token create > cluster/token, the same on every node", false},
    {"BadValue", "a value does not have the form that it must have",
     "mend the value that the message names", false},
    {"CheckFailed", "a step ended well, but its check says that the result is not there",
     "journalctl KLUBSTER_STEP=STEP -b", true},
    {"ClockSuspect", "a certificate is not valid yet: this machine's clock is probably behind",
     "timedatectl set-ntp true, or set the clock by hand", true},
    {"ClusterDiffers", "a peer or package belongs to another cluster",
     "klubster explain cluster/name on both nodes", false},
    {"ConfigInvalid", "the config tree has errors; the last good one stays in force",
     "klubster config check", false},
    {"ConnectFailed", "the server could not be reached", "check address, network and firewall",
     true},
    {"DigestMismatch", "the bytes that arrived are not those that were signed or pinned",
     "check profile/url and profile/sha256, or publish the package again", true},
    {"DiskFull", "no space or no inodes are left on the disk",
     "free space: df -h /var/lib/klubster", true},
    {"ExitCode", "a step's command ended with an exit code that is not in successCodes",
     "journalctl KLUBSTER_STEP=STEP -b", true},
    {"FactConflict", "several peers own a fact of the same name with different values",
     "klubster peers, then give the step a `needs` that picks one", false},
    {"FactMissing", "a peer was asked for a fact that it does not share",
     "klubster peers NAME lists its facts; mark the output `share: cluster`", true},
    {"GenerationDiffers", "somebody else changed the node meanwhile",
     "klubster status, then decide again", false},
    {"HostnameRefused", "the machine's hostname could not be set; no step begins before",
     "install systemd-hostnamed (systemctl status systemd-hostnamed), or set node/set-hostname to "
     "false",
     true},
    {"HttpStatus", "the server answered with an HTTP status that is not a success",
     "open the URL with curl -v", true},
    {"InputMissing", "inputs that the profile requires have no value",
     "create the files that the message names", false},
    {"KilledBySignal", "a step's command was killed by a signal",
     "journalctl KLUBSTER_STEP=STEP -b", true},
    {"KlubsterTooOld", "the profile needs a newer klubster than this one",
     "upgrade klubster, or take a version of the profile that fits", false},
    {"LogDamaged", "the event log is damaged; the good prefix is used, the rest is kept aside",
     "klubster history --json, then look at /var/lib/klubster/log", false},
    {"LogTooNew", "the event log was written by a newer klubster",
     "boot the newer image again, or move /var/lib/klubster/log away", false},
    {"LostByReboot", "the machine stopped while a step ran", "klubster apply", true},
    {"ManifestInvalid", "the profile's manifest has mistakes",
     "klubster profile validate FILE shows all of them", false},
    {"MediaMissing", "the kernel command line asks for a medium, and there is none",
     "attach the medium labelled KLUBSTER, or boot without klubster.media=1", false},
    {"MediaRefused", "nothing was imported from the medium, since something on it is wrong",
     "mend what the message names, make the medium anew with klubster media create, and reboot",
     false},
    {"ModeMissing", "the profile has no phase for a mode of this node",
     "klubster profile inspect FILE lists the modes; mend node/modes", false},
    {"NameLookup", "the host name of the server could not be resolved",
     "check the URL and the machine's resolver: resolvectl query NAME", true},
    {"NeedsPerson", "a step was cut off and may not be run again by itself",
     "look what it left behind, then klubster apply", false},
    {"NotConfigured", "this node has nothing to do yet",
     "write node/modes and profile/url or profile/path, then systemctl reload klubster", false},
    {"NotInPlace",
     "the tree changes what names this node or its cluster, which it belongs to; the last good one "
     "stays in force",
     "put the old value back, or klubster leave and then systemctl reload klubster", false},
    {"NotReady", "a step runs, but its readiness probe has not succeeded within its time",
     "journalctl KLUBSTER_STEP=STEP -b", true},
    {"OomKilled", "the kernel killed a step because memory ran out",
     "raise limits.memory of the step or give the machine more", true},
    {"PeerCertificate", "a peer's certificate is not for the name that it should have",
     "klubster peers shows who called from where", true},
    {"PeerConflict", "two machines claim the same node name",
     "klubster peers NAME, then rename or switch off one of them", false},
    {"PeerKeyChanged", "a peer's machine shows a new identity key (was it installed again?)",
     "klubster peers NAME; set members/<name>/key when it must not change", false},
    {"PeerKeyDiffers", "a peer does not show the key that this node knows it by",
     "compare members/<name>/key with klubster peers NAME on that node", true},
    {"PeerTokenDiffers", "a peer does not have this cluster's token",
     "compare sha256sum of cluster/token on both nodes", true},
    {"PeerUnreachable", "a peer could not be reached", "klubster peers; check its address", true},
    {"RecordForged", "a node record is not signed by the node that it speaks of",
     "klubster peers shows who passed it on", false},
    {"Replaced", "a service was stopped because its definition changed",
     "klubster status shows its successor", true},
    {"ServiceExited", "a service ended although it should keep running",
     "journalctl KLUBSTER_STEP=STEP -b", true},
    {"SetupFailed", "systemd could not set up the step's process (user, directory, program)",
     "journalctl KLUBSTER_STEP=STEP -b", true},
    {"SignatureMismatch", "the signature is not by a trusted key or not over these bytes",
     "klubster profile sign FILE with a key in profile/trusted-keys.d", false},
    {"SignatureStale", "the package is older than one already accepted from the same key",
     "publish it with a higher seq", false},
    {"SlowTransfer", "the download stalled", "check the network to the server", true},
    {"Stopped", "a unit was stopped on request", "klubster apply starts it again", false},
    {"SystemCallFailed", "the operating system refused an operation",
     "look at the path that the message names", true},
    {"TimedOut", "a step or worker did not end within its time",
     "raise the step's timeout or look why it hangs", true},
    {"TlsFailed", "the TLS connection could not be trusted",
     "set profile/ca to the authority of the server's certificate", true},
    {"TooLarge", "the transfer or archive is larger than was signed or allowed",
     "check the package, or raise profile/limits", false},
    {"UnitExists", "the machine already has a unit of that name",
     "use startUnit in the manifest, or remove the other unit", false},
    {"UnitLost", "a unit that should be there is gone, its result with it", "klubster apply", true},
    {"UnknownName", "there is nothing of the name that was given",
     "klubster explain --all lists the reasons, klubster config keys the keys, klubster peers the "
     "nodes",
     false},
    {"Unpinned", "the profile has neither a trusted key nor a pinned digest",
     "set profile/trusted-keys.d/<name> or profile/sha256", false},
    {"Usage", "a command was called with wrong words", "klubster --help", false},
    {"WorkerFailed", "a sandboxed worker crashed or gave no usable answer",
     "journalctl -u 'klubster-worker-*' -b", true},
    {"WrongSize", "the transfer ended with another number of bytes than was promised",
     "check the server and the package", true},
};

}  // namespace

std::span<const Reason> reasons() {
  return kReasons;
}

const Reason* find_reason(std::string_view name) {
  const auto* found =
      std::lower_bound(std::begin(kReasons), std::end(kReasons), name,
                       [](const Reason& row, std::string_view key) { return row.name < key; });
  return found != std::end(kReasons) && found->name == name ? found : nullptr;
}

std::string next_step(const Error& error) {
  if (!error.hint().empty()) return error.hint();
  const Reason* row = find_reason(error.reason());
  return row == nullptr ? "" : std::string(row->next);
}

}  // namespace klubster
