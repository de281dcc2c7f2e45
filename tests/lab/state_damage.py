#!/usr/bin/env python3
"""Runs in a node: damages klubster's state while klubsterd is off, one file at a time, and looks what it says.

  state_damage.py [--first N] [--every K] [--types A,B,…] [CASE…]    the cases N, N + K, … ("log:flip")
  state_damage.py --list
  state_damage.py --disks     a disk that is full, without inodes, read-only: while it runs and at its start

After each damage klubsterd is up, at most once restarted; no step runs again and no service is touched but
where the table says so; it is ready, or it tells what is wrong on each surface together with the way out, and
in the record that its peers get; a disk that refused to be written is gone on with by itself after the mend, and
the rest after the file came back. Prints "N points of damage"; what did not hold goes to standard error, and the status is 1.
"""
import argparse
import glob
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import time

import invariants

STATE = "/var/lib/klubster"
GOOD = "/run/good"
STEPS = f"{STATE}/steps/single-node"
NAMES = ("plain", "checked", "serve")
SERVICE = "klubster-single-node-serve.service"
DEADLINE_SEC = 25
QUIET_SEC = 0.35

KINDS = ("empty", "cut", "flip", "hole", "newer", "owner", "link", "fifo", "directory", "closed", "gone")
DIRECTORY_KINDS = ("owner", "link", "file", "closed", "gone")
OBJECTS = {
    "log": "log/00000001.jsonl",
    "old-log": "log/00000001.jsonl",
    "tail": "log/0*.jsonl",
    "snapshot": "log/snapshot.json",
    "base": "log/base.json",
    "format": "log/format",
    "lock": "log/lock",
    "salt": "salt",
    "last-good": "last-good.json",
    "generation": "generations/1/generation.json",
    "config": "generations/1/config.json",
    "manifest": "generations/1/profile.json",
    "facts": "facts/single-node.checked.made.json",
    "result": "results/unpack-*.json",
    "program": "profiles/*/bin/count",
    "media": "media.json",
    "reset": "reset.json",
}
DIRECTORIES = {
    "logs": "log",
    "generations": "generations",
    "profile": "profiles/*",
    "profiles": "profiles",
    "blobs": "blobs",
    "staging": "staging",
    "results": "results",
    "all-facts": "facts",
}
# Where the node may begin anew: what it did is no longer on record, or not believed.
BEGINS_ANEW = {(name, kind) for name in ("log", "logs", "base") for kind in (*KINDS, "file")}
# What must not pass without a word, whatever else happens.
MUST_TELL = {("log", kind) for kind in ("empty", "flip", "hole", "fifo", "directory", "closed", "gone")}
# A snapshot does not say how far the log went after it; zeroes at the very end are what a power cut leaves.
MUST_TELL |= {("tail", kind) for kind in ("flip", "fifo", "directory", "closed")}
MUST_TELL |= {("facts", kind) for kind in KINDS if kind not in ("link", "owner")} | {("logs", "gone")}

# Reasons that say that what was kept cannot be believed, or nothing be kept.
OF_STATE = {"LogDamaged", "StateDamaged", "StateUnusable"}


class Broken(Exception):
    pass


def run(*words, check=True):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if check and done.returncode != 0:
        raise Broken(f"{' '.join(words)}: status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def status():
    done = subprocess.run(
        ("timeout", "5", "klubster", "status", "--json"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    try:
        return json.loads(done.stdout)
    except ValueError:
        return None


def wait_for(what, holds, seconds=DEADLINE_SEC):
    end = time.monotonic() + seconds
    while True:
        found = holds()
        if found:
            return found
        if time.monotonic() > end:
            raise Broken(f"after {seconds} s: {what} does not hold: {brief(status())}")
        time.sleep(0.02)


def brief(said):
    if said is None:
        return "klubsterd does not answer"
    return f"ready {said.get('ready')}, problems {said.get('problems')}"


def is_well(said):
    sound = [c for c in said["conditions"] if c["type"] == "StateSound" and c["status"] == "True"]
    return said["ready"] and not said.get("problems") and sound


def rested():
    """What it says once it says the same twice, and nothing is under way."""
    said = status()
    if said is None:
        return None
    time.sleep(QUIET_SEC)
    again = status()
    same = again is not None and all(said.get(key) == again.get(key) for key in ("ready", "problems", "generation"))
    return again if same and (again["ready"] or again.get("problems")) else None


def runs():
    found = {}
    for name in NAMES:
        with open(f"{STEPS}/{name}/runs", encoding="ascii") as file:
            found[name] = len(file.read().splitlines())
    return found


def main_pid():
    return run("systemctl", "show", "--property=MainPID", "--value", SERVICE).strip()


def restarts():
    return int(run("systemctl", "show", "--property=NRestarts", "--value", "klubster.service"))


# --- damages


# What is there at times only.
MADE = {
    "media": b'{"v":1,"uuid":"11-22","device":"/dev/sdx","at":"2026-01-01T00:00:00Z","ok":true}\n',
    "reset": b'{"by":"root","identity":false}\n',
}


def path_of(name):
    if name in MADE:
        invariants.put(f"{STATE}/{OBJECTS[name]}", MADE[name])
    pattern = {**OBJECTS, **DIRECTORIES}[name]
    # Before a snapshot nothing is read at a start, which is what it is for.
    if (name == "log" and os.path.exists(f"{STATE}/log/snapshot.json")) or (
        name in ("old-log", "tail") and not os.path.exists(f"{STATE}/log/snapshot.json")
    ):
        return None
    found = sorted(path for path in glob.glob(f"{STATE}/{pattern}") if not path.endswith(".signed"))
    return found[-1 if name == "tail" else 0] if found else None


def newer(path, data):
    """As a later klubster may write it; nothing where that cannot be told."""
    if path.endswith("/format"):
        return b"99\n"
    if path.endswith(("/snapshot.json", "/base.json")):
        snapshot = {**json.loads(data), "format": 99}
        snapshot.pop("sha256", None)
        snapshot["sha256"] = invariants.sha256(invariants.dump(snapshot))
        return (invariants.dump(snapshot) + "\n").encode()
    return re.sub(rb'"v": ?[0-9]+', b'"v":99', data, count=1)


def has_newer(path):
    return os.path.isfile(path) and newer(path, invariants.read(path)) != invariants.read(path)


def damage(path, kind):
    data = invariants.read(path) if os.path.isfile(path) else b""
    middle = len(data) // 2
    if kind in ("empty", "cut", "flip", "hole", "newer"):
        changed = {
            "newer": newer(path, data),
            "empty": b"",
            "cut": data[:middle],
            "flip": data[:middle] + bytes([data[middle] ^ 1] if data else b"") + data[middle + 1 :],
            "hole": data[:middle] + bytes(min(512, len(data) - middle)) + data[middle + 512 :],
        }[kind]
        with open(path, "r+b") as file:
            file.truncate(0)
            file.write(changed)
    elif kind == "owner":
        os.chown(path, 65534, 65534)
    elif kind == "closed":
        os.chmod(path, 0)
    else:
        os.rename(path, f"{path}.away")
        if kind == "link":
            os.symlink(f"{path}.away", path)
        elif kind == "fifo":
            os.mkfifo(path, 0o600)
        elif kind == "directory":
            os.mkdir(path, 0o700)
        elif kind == "file":
            invariants.put(path, b"")


def restore(path):
    """As it was: from the copy, whatever stands there now."""
    for stands in (path, f"{path}.away"):
        if os.path.isdir(stands) and not os.path.islink(stands):
            shutil.rmtree(stands)
        elif os.path.lexists(stands):
            os.remove(stands)
    run("cp", "-a", GOOD + path[len(STATE) :], path)


def restore_all():
    for name in os.listdir(STATE):
        path = f"{STATE}/{name}"
        # steps/ is their own: what they wrote is how one sees that they ran.
        if name == "steps":
            continue
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.remove(path)
    for name in os.listdir(GOOD):
        if name != "steps":
            run("cp", "-a", f"{GOOD}/{name}", f"{STATE}/{name}")
    # The log that is back knows nothing of what began since.
    run("systemctl", "stop", "klubster-worker-*.service")
    run("systemctl", "reset-failed", "klubster-worker-*.service", check=False)
    info = os.stat(GOOD)
    os.chown(STATE, info.st_uid, info.st_gid)
    os.chmod(STATE, stat.S_IMODE(info.st_mode))


# --- one case


def start():
    run("systemctl", "reset-failed", "klubster.service", check=False)
    since = time.time()
    run("systemctl", "start", "--no-block", "klubster.service")
    return since


def check_told(said, since):
    """On each surface, with the way out. Returns the reasons."""
    reasons = [problem["reason"] for problem in said["problems"]]
    for problem in said["problems"]:
        if not problem["next"]:
            raise Broken(f"no way out is named: {problem}")
    on_bus = run(
        "busctl", "get-property", "org.klubster.Agent1", "/org/klubster/Agent1", "org.klubster.Agent1", "Problems"
    )
    with open("/run/klubster/issue", encoding="utf-8") as file:
        on_console = file.read()
    journal = run("journalctl", "--unit=klubster.service", f"--since=@{since:.3f}", "--output=cat")
    first = reasons[0]
    for surface, text in (("D-Bus", on_bus), ("the console", on_console), ("the journal", journal)):
        if first not in text and said["problems"][0]["message"][:40] not in text:
            raise Broken(f"{surface} does not say {first}: {text.strip()[-400:]}")
    sound = soundness(said)
    if OF_STATE & set(reasons) and sound[0] not in {("False", reason) for reason in reasons}:
        raise Broken(f"{reasons} are told, and StateSound is {sound}")
    wait_for(f"the record that its peers get says {sound} of its state", lambda: in_record() == sound)
    return reasons


def soundness(said):
    """Whether its state is sound, and why not."""
    return [(c["status"], c["reason"]) for c in said["conditions"] if c["type"] == "StateSound"]


def in_record():
    done = subprocess.run(("klubster", "peers", "--json"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        return None
    peers = json.loads(done.stdout)
    own = [peer for peer in peers["peers"] if peer["name"] == peers["self"]]
    return soundness(own[0]["record"]) if own and own[0].get("record") else None


def check_disk(types, spoiled=""):
    """`spoiled`: what was damaged may lie there as it is, as long as nobody believes it."""
    checker = invariants.Checker(STATE, types, damaged=True)
    checker.run()
    checker.check_units(invariants.transient_units())
    shown = spoiled[len(STATE) + 1 :]
    about = [shown] if shown else []
    if shown.startswith("generations/"):
        about += ["generations/1", "generation 1 "]
    if shown.startswith("profiles"):
        about += ["profiles/", "those of the package", "is not sealed"]
    found = [line for line in checker.found if not any(word in line for word in about)]
    if found:
        raise Broken(f"invariants: {found}")


def has_given_up():
    """With exit code 78, after which systemd does not start it again."""
    shown = run("systemctl", "show", "--property=ActiveState,ExecMainStatus", "klubster.service").split()
    return shown == ["ExecMainStatus=78", "ActiveState=failed"] or shown == ["ActiveState=failed", "ExecMainStatus=78"]


def refused(name, kind, before, pid, since):
    """It does not begin with what it cannot read, and says what to do; nothing that runs is touched."""
    journal = run("journalctl", "--unit=klubster.service", f"--since=@{since:.3f}", "--output=cat")
    if "LogTooNew" not in journal and "newer klubster" not in journal:
        raise Broken(f"it gave up, and the journal does not say why: {journal.strip()[-400:]}")
    if runs() != before or main_pid() != pid:
        raise Broken("something that ran was touched")
    restore_all()
    start()
    wait_for("it is well with the file back", lambda: (lambda s: s and is_well(s))(status()))
    return "refused, and says why"


def case(name, kind, types):
    path = path_of(name)
    if path is None or (kind == "newer" and not has_newer(path)):
        return None
    before, pid = runs(), main_pid()
    run("systemctl", "stop", "klubster.service")
    damage(path, kind)
    since = start()
    said = wait_for("klubsterd says how it is", lambda: rested() or (has_given_up() and "given up"))
    if said == "given up":
        return refused(name, kind, before, pid, since)
    anew = (name, kind) in BEGINS_ANEW
    if restarts() > 1:
        raise Broken(f"klubsterd was restarted {restarts()} times")
    well = is_well(said)
    reasons = [] if said is None or not said["problems"] else check_told(said, since)
    if well and (name, kind) in MUST_TELL and said["boot"]["kind"] != "degraded":
        raise Broken("the damage was passed over in silence")
    if not well and not reasons:
        raise Broken(f"it is not well, and no reason is told: {said}")
    if name == "old-log" and well and kind in ("empty", "cut", "flip", "hole", "fifo", "directory", "gone"):
        if subprocess.run(("klubster", "history", "verify"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0:
            raise Broken("klubster history verify does not find it")
    if not anew and main_pid() != pid:
        raise Broken("the running service was touched")
    if not anew and runs() != before:
        raise Broken(f"steps ran again: {before}, now {runs()}")
    if "StateUnusable" in reasons:
        restore(path)
        wait_for("it goes on by itself after the mend", lambda: is_well(status() or {"conditions": [], "ready": 0}))
        check_disk(types)
    elif well and name not in ("old-log", "base"):  # the log alone does not tell then what runs
        check_disk(types, path)
    run("systemctl", "stop", "klubster.service")
    restore_all()
    start()
    wait_for("it is well with the file back", lambda: (lambda s: s and is_well(s))(status()))
    if not anew and main_pid() != pid:
        raise Broken("the running service was touched after the mend")
    return "well" if well else ",".join(sorted(set(reasons)))


# --- whole disks


def on_small_disk(what, spoil, mend, types, moments):
    """`spoil` and `mend`: mount options."""
    run("systemctl", "stop", "klubster.service")
    run("mount", "-t", "tmpfs", "-o", "size=16m,nr_inodes=4000,mode=0711", "tmpfs", STATE)
    try:
        run("cp", "-a", f"{GOOD}/.", STATE)
        start()
        wait_for("it is well on a disk of its own", lambda: (lambda s: s and is_well(s))(status()))
        before, pid = runs(), main_pid()
        for when in moments:
            if when == "at its start":
                run("systemctl", "stop", "klubster.service")
                give_up_reserve()
            shrink(spoil)
            since = start() if when == "at its start" else time.time()
            if when == "while it runs":
                os.makedirs("/etc/klubster/node/labels", exist_ok=True)
                invariants.put("/etc/klubster/node/labels/full", f"{since}\n".encode(), 0o644)
            said = wait_for(f"it says what is wrong {when}", lambda: (lambda s: s and s.get("problems") and s)(status()))
            check_told(said, since)
            if restarts() > 1:
                raise Broken(f"klubsterd was restarted {restarts()} times")
            if main_pid() != pid or runs() != before:
                raise Broken("something that ran was touched")
            run("mount", "-o", f"remount,{mend}", STATE)
            if when == "while it runs":
                run("systemctl", "reload", "klubster.service")  # the tree that could not be taken up
            elif "restart" in said["problems"][0]["next"]:
                run("systemctl", "restart", "klubster.service")
            wait_for(f"it goes on by itself ({when})", lambda: (lambda s: s and is_well(s))(status()))
        check_disk(types)
    except Broken as broken:
        raise Broken(f"{what}: {broken}") from None
    finally:
        run("systemctl", "stop", "klubster.service")
        run("umount", STATE)
        start()
        wait_for("it is well on the old disk", lambda: (lambda s: s and is_well(s))(status()))


def shrink(spoil):
    """A file may come between the look and the mount, which is refused then."""
    for _ in range(20):
        if subprocess.run(("mount", "-o", f"remount,{spoil()}", STATE), stderr=subprocess.DEVNULL, check=False).returncode == 0:
            return
    raise Broken(f"mount refuses {spoil()}")


def give_up_reserve():
    """The room that klubsterd keeps for its next events."""
    for name in glob.glob(f"{STATE}/log/0*.jsonl"):
        run("fallocate", "--punch-hole", "--offset", str(os.path.getsize(name)), "--length", "1MiB", name)


def used(what):
    info = os.statvfs(STATE)
    if what == "blocks":
        return (info.f_blocks - info.f_bfree) * info.f_frsize // 1024
    return info.f_files - info.f_ffree


def disks(types):
    both = ("while it runs", "at its start")
    on_small_disk("a full disk", lambda: f"size={used('blocks') + 4}k", "size=16m", types, both)
    on_small_disk("a disk without inodes", lambda: f"nr_inodes={used('inodes')}", "nr_inodes=4000", types, both[:1])
    on_small_disk("a read-only disk", lambda: "ro", "rw", types, both[1:])
    return 4


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--types", default="")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--disks", action="store_true")
    parser.add_argument("case", nargs="*")
    options = parser.parse_args()
    cases = [f"{name}:{kind}" for name in OBJECTS for kind in KINDS]
    cases += [f"{name}:{kind}" for name in DIRECTORIES for kind in DIRECTORY_KINDS]
    if options.list:
        print(*cases, sep="\n")
        return 0
    types = set(filter(None, options.types.split(",")))
    points, failed = 0, 0
    run("systemctl", "stop", "klubster.service")
    shutil.rmtree(GOOD, ignore_errors=True)
    run("cp", "-a", STATE, GOOD)
    start()
    wait_for("it is well before anything is damaged", lambda: (lambda s: s and is_well(s))(status()))
    if options.disks:
        try:
            points += disks(types)
        except Broken as broken:
            print(broken, file=sys.stderr)
            failed += 1
    for one in options.case or ([] if options.disks else cases[options.first :: options.every]):
        name, kind = one.split(":")
        try:
            outcome = case(name, kind, types)
            points += outcome is not None
            print(f"  {one}: {outcome}", flush=True)
        except Broken as broken:
            failed += 1
            print(f"{one}: {broken}", file=sys.stderr, flush=True)
            run("systemctl", "stop", "klubster.service")
            restore_all()
            start()
            try:
                wait_for("it is well with the file back", lambda: (lambda s: s and is_well(s))(status()))
            except Broken as worse:
                print(f"{one}: and then {worse}", file=sys.stderr)
                return 1
    print(f"{points} points of damage")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
