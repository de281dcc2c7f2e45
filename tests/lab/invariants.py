#!/usr/bin/env python3
"""What must hold of a node's state whatever failed: the pages on state and on trust, as checks of its disk.

  invariants.py [--state DIR] [--types A,B,…] [--secret TEXT]… [--units] [--torn] [--damaged]
      every violation on a line of its own; status 1 when there is one
      --types    the event types that there are (`event_types()` of the sources); else any
      --secret   must stand nowhere but in facts/ and config/
      --units    the transient units of this machine, too: none but of runs that are open
      --torn     the process was killed and has not been back: the log may end in a part of a line
      --damaged  something was damaged on purpose: files that were set aside are no violation
"""
import argparse
import hashlib
import hmac
import json
import os
import re
import stat
import subprocess
import sys

STATE = "/var/lib/klubster"
HEX = re.compile(r"[0-9a-f]{64}")
SEGMENT = re.compile(r"[0-9]{8}\.jsonl")
ASIDE = ".damaged"
# State directory: what it and what is directly in it must be. Files in them are 0600.
MODES = {
    "": 0o711,
    "log": 0o700,
    "generations": 0o700,
    "blobs": 0o700,
    "profiles": 0o755,
    "facts": 0o700,
    "staging": 0o700,
    "results": 0o700,
}
PRIVATE_FILES = ("log", "blobs", "facts")
# Where a secret would be readable by whom it is not for, or kept for ever.
NO_SECRETS = ("log", "generations", "last-good.json", "results", "profiles", "staging")


def sha256(data):
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def secret_digest(salt, name, value):
    """secret_digest() of the sources: HKDF of 32 bytes (RFC 5869)."""
    key = hmac.new(salt, value.encode(), hashlib.sha256).digest()
    return hmac.new(key, f"klubster secret {name}\x01".encode(), hashlib.sha256).hexdigest()


def read(path):
    with open(path, "rb") as file:
        return file.read()


def names_in(path):
    return sorted(os.listdir(path)) if os.path.isdir(path) else []


def put(path, data, mode=0o600):
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)


def event_types(sources):
    """The makers' names in agent/model."""
    found = set()
    for name in names_in(sources):
        if name.endswith(".cpp"):
            text = read(f"{sources}/{name}").decode()
            found |= set(re.findall(r'\bmake\(\s*"([A-Z][A-Za-z]+)"', text))
    return found


class Checker:
    def __init__(self, state=STATE, types=None, secrets=(), torn=False, damaged=False):
        self.state, self.types, self.secrets = state, types, secrets
        self.torn, self.damaged = torn, damaged
        self.found = []
        self.made = self.ready = 0
        self.open_runs = {}
        self.runs_before = {}  # that were open where the log begins
        self.lines = []  # of the log, whole ones
        self.events = []

    def bad(self, text):
        self.found.append(text)

    def run(self):
        self.check_modes()
        self.check_log()
        self.check_order()
        self.check_runs()
        self.check_generations()
        self.check_profiles()
        self.check_facts()
        self.check_salt()
        self.check_secrets()
        return self.found

    # --- the disk

    def check_modes(self):
        for part, mode in MODES.items():
            path = os.path.join(self.state, part)
            if not os.path.lexists(path):
                continue
            info = os.lstat(path)
            if not stat.S_ISDIR(info.st_mode):
                self.bad(f"{part or '.'} is no directory")
            elif stat.S_IMODE(info.st_mode) != mode:
                self.bad(f"{part or '.'} has mode {stat.S_IMODE(info.st_mode):o} instead of {mode:o}")
            elif (info.st_uid, info.st_gid) != (0, 0):
                self.bad(f"{part or '.'} belongs to {info.st_uid}:{info.st_gid}")
        private = [f"{part}/{name}" for part in PRIVATE_FILES for name in names_in(f"{self.state}/{part}")]
        for number in names_in(f"{self.state}/generations"):
            private += [f"generations/{number}/{name}" for name in names_in(f"{self.state}/generations/{number}")]
        private += [name for name in ("salt", "last-good.json", "reset.json") if os.path.lexists(f"{self.state}/{name}")]
        for name in private:
            info = os.lstat(f"{self.state}/{name}")
            if self.damaged and ASIDE in name:
                continue
            if not stat.S_ISREG(info.st_mode):
                self.bad(f"{name} is no regular file")
            elif stat.S_IMODE(info.st_mode) & 0o177 or info.st_uid != 0:
                self.bad(f"{name} may be read by others: mode {stat.S_IMODE(info.st_mode):o}, user {info.st_uid}")

    # --- the log

    def check_log(self):
        directory = f"{self.state}/log"
        names = names_in(directory)
        if not self.damaged:
            for name in names:
                if ASIDE in name:
                    self.bad(f"the log was damaged: {name}")
        previous, seq = None, 0
        if "base.json" in names:
            base = self.parse(read(f"{directory}/base.json"), "log/base.json") or {}
            previous, seq = base.get("hash"), base.get("seq", 0)
            for name, subject in base.get("state", {}).get("subjects", {}).items():
                if "run" in subject:
                    self.runs_before[name] = {"data": subject["run"]}
        segments = [name for name in names if SEGMENT.fullmatch(name)]
        for name in segments:
            data = read(f"{directory}/{name}")
            whole = data[: data.rfind(b"\n") + 1]
            if whole != data and not (self.torn and name == segments[-1]):
                self.bad(f"log/{name} ends in a part of a line")
            for line in whole.splitlines():
                event = self.parse(line, f"log/{name}, event {seq + 1}")
                if event is None:
                    return
                if self.types and event["type"] not in self.types:
                    self.bad(f"event {seq + 1} is of the unknown type {event['type']}")
                if previous is None and event["prev"] not in FIRST:
                    self.bad("the log does not begin with the name of its format")
                if previous is not None and event["prev"] != previous:
                    self.bad(f"event {event['seq']} does not follow the line before")
                if event["seq"] != seq + 1:
                    self.bad(f"event {event['seq']} comes after {seq}")
                previous, seq = sha256(line), event["seq"]
                self.lines.append(previous)
                self.events.append(event)

    def parse(self, data, what):
        try:
            return json.loads(data, object_pairs_hook=no_duplicates)
        except ValueError as error:
            self.bad(f"{what} is no JSON: {error}")
            return None

    def check_acknowledged(self, before):
        """`before`: the lines of an earlier look, which nobody may have taken back."""
        if "base.json" in names_in(f"{self.state}/log"):
            # Those before the first that there is were compacted, none after it.
            there = self.lines[:1]
            before = before[before.index(there[0]) :] if there and there[0] in before else []
        if self.lines[: len(before)] != before:
            self.bad("acknowledged events are gone from the log")

    def check_order(self):
        boot, mono, made, ready = None, {}, 0, 0
        for event in self.events:
            seq, kind, data = event["seq"], event["type"], event["data"]
            if kind == "Booted":
                boot = event["boot"]
            elif kind != "StateReset" and boot is not None and event["boot"] != boot:
                self.bad(f"event {seq} ({kind}) is of a boot that was not told")
            if event["mono"] < mono.get(event["boot"], 0):
                self.bad(f"event {seq} ({kind}) is earlier than the one before")
            mono[event["boot"]] = event["mono"]
            if kind == "GenerationMade":
                if made and data["generation"] != made + 1:
                    self.bad(f"event {seq}: generation {data['generation']} was made after {made}")
                made = data["generation"]
            if kind == "GenerationReady":
                if made and data["generation"] != made:
                    self.bad(f"event {seq}: generation {data['generation']} is ready, {made} was made")
                ready = data["generation"]
        self.made, self.ready = made, ready

    def check_runs(self):
        """RunStarted before RunEnded before StepDone, and nothing done is done again for nothing."""
        runs, ended, done = dict(self.runs_before), {}, {}
        for event in self.events:
            seq, kind, data = event["seq"], event["type"], event["data"]
            subject = data.get("subject", "")
            if kind == "RunStarted":
                open_run = runs.get(subject)
                if open_run:
                    self.bad(f"event {seq}: {subject} is started while {open_run['data']['unit']} runs")
                past = done.get(subject)
                worker = subject.startswith(("profile/", "undo/", "command/"))
                if past and past == (data["fingerprint"], event["boot"]) and not worker:
                    self.bad(f"event {seq}: {subject} is done and runs again")
                runs[subject] = event
                done.pop(subject, None)
                ended.pop(subject, None)
            elif kind == "RunEnded":
                open_run = runs.pop(subject, None)
                if not open_run:
                    self.bad(f"event {seq}: a run of {subject} ended that was not started")
                elif open_run["data"]["unit"] != data["unit"]:
                    self.bad(f"event {seq}: {data['unit']} ended, {open_run['data']['unit']} ran")
                ended[subject] = (data["outcome"], open_run and open_run["data"]["fingerprint"])
                if data["outcome"] != "ok":
                    done.pop(subject, None)
            elif kind == "StepDone":
                self.check_done(event, runs, ended)
                done[subject] = (data["fingerprint"], event["boot"])
            elif kind in ("StepDrifted", "StepFailed"):
                done.pop(subject, None)
            elif kind in ("LeaveRequested", "Left", "RetryRequested", "Booted", "RolledBack"):
                done.clear()
        self.open_runs = runs

    def check_done(self, event, runs, ended):
        data = event["data"]
        subject, by = data["subject"], data["by"]
        started = runs.get(subject)
        if by in ("run", "worker"):
            if ended.get(subject) != ("ok", data["fingerprint"]):
                self.bad(f"event {event['seq']}: {subject} is done, and no run of it has ended well")
        elif by == "ready" and (not started or started["data"]["fingerprint"] != data["fingerprint"]):
            self.bad(f"event {event['seq']}: {subject} is done, and it was not started")

    # --- what the log speaks of

    def check_generations(self):
        directory = f"{self.state}/generations"
        present = names_in(directory)
        for name in present:
            before = len(self.found)
            self.check_generation(directory, name)
            if name != str(self.made) and not os.path.lexists(f"{directory}/{name}"):
                del self.found[before:]  # it was collected while it was looked at
        if self.made and str(self.made) not in present:
            self.bad(f"the log has generation {self.made}, the disk has not")
        for event in self.events:
            if event["type"] != "GenerationMade" or str(event["data"]["generation"]) not in present:
                continue
            path = f"{directory}/{event['data']['generation']}/generation.json"
            if event["data"]["generation"] == self.made and os.path.isfile(path):
                facts = self.parse(read(path), path) or {}
                if {key: facts.get(key) for key in event["data"]} != event["data"]:
                    self.bad(f"generation {self.made} is not the one that the log has")

    def check_generation(self, directory, name):
        if not name.isdigit():
            self.bad(f"generations/{name} is none")
            return
        path = f"{directory}/{name}"
        if not os.path.isfile(f"{path}/generation.json"):
            if int(name) <= self.made:  # one that was cut off is not believed by anybody
                self.bad(f"generation {name} is half written")
            return
        facts = self.parse(read(f"{path}/generation.json"), f"generations/{name}/generation.json") or {}
        if facts.get("generation") != int(name):
            self.bad(f"generations/{name} says that it is {facts.get('generation')}")
        for file, digest in facts.get("digests", {}).items():
            if not os.path.isfile(f"{path}/{file}") or sha256(read(f"{path}/{file}")) != digest:
                self.bad(f"generations/{name}/{file} is not what was written")

    def check_profiles(self):
        directory = f"{self.state}/profiles"
        for name in names_in(directory):
            if not HEX.fullmatch(name):
                self.bad(f"profiles/{name} is none")
                continue
            self.check_tree(f"{directory}/{name}", f"profiles/{name[:12]}")
        if not self.made:
            return
        kept = f"{self.state}/generations/{self.made}"
        try:
            facts, profile = (json.loads(read(f"{kept}/{name}.json")) for name in ("generation", "profile"))
        except (OSError, ValueError):
            return  # was found above
        sealed = f"{directory}/{facts['profile']['sha256']}"
        if not os.path.isdir(sealed):
            self.bad(f"the profile of generation {self.made} is not sealed")
            return
        files = package_files(sealed)
        for mode, steps in profile.get("modes", {}).items():
            for step in steps:
                if files_digest(files, step.get("files", [])) != step["filesDigest"]:
                    self.bad(f"the files of {mode}/{step['id']} are not those of the package")

    def check_tree(self, path, shown):
        info = os.lstat(path)
        if stat.S_ISLNK(info.st_mode) or not (stat.S_ISDIR(info.st_mode) or stat.S_ISREG(info.st_mode)):
            self.bad(f"{shown} is neither a file nor a directory")
            return
        if (info.st_uid, info.st_gid) != (0, 0):
            self.bad(f"{shown} belongs to {info.st_uid}:{info.st_gid}")
        mode = stat.S_IMODE(info.st_mode)
        if stat.S_ISDIR(info.st_mode):
            if mode != 0o755:
                self.bad(f"{shown} has mode {mode:o}")
            for name in names_in(path):
                self.check_tree(f"{path}/{name}", f"{shown}/{name}")
            return
        if mode not in (0o755, 0o644):
            self.bad(f"{shown} has mode {mode:o}")
        if info.st_nlink != 1:
            self.bad(f"{shown} has another name elsewhere")

    def check_facts(self):
        """Kept outputs are those that the log has of a step that is done."""
        outputs = {}
        for event in self.events:
            subject = event["data"].get("subject")
            if event["type"] == "StepDone":
                outputs[subject] = event["data"]["outputs"]
            elif event["type"] in ("RunStarted", "StepFailed"):
                outputs.pop(subject, None)
        kept = {}
        salt = read(f"{self.state}/salt") if os.path.isfile(f"{self.state}/salt") else b""
        for name in names_in(f"{self.state}/facts"):
            if not name.endswith(".json"):
                continue
            if not os.path.isfile(f"{self.state}/facts/{name}"):
                continue
            facts = self.parse(read(f"{self.state}/facts/{name}"), f"facts/{name}")
            if facts is None:
                continue
            if "sha256" in facts and facts["sha256"] != sha256(dump(facts["facts"])):
                self.bad(f"facts/{name} is not what was written")
            kept[name] = {
                fact["name"]: secret_digest(salt, fact["name"], fact["value"])
                if fact["sensitive"]
                else sha256(fact["value"])
                for fact in facts["facts"]
            }
        for subject, digests in outputs.items():
            name = subject.replace("/", ".") + ".made.json"
            if digests and kept.get(name) != digests:
                self.bad(f"the outputs of {subject} are not those that the log has")

    def check_salt(self):
        path = f"{self.state}/salt"
        if os.path.isfile(path) and os.path.getsize(path) != 32:
            self.bad("the salt has not 32 bytes")

    def check_secrets(self):
        for part in NO_SECRETS:
            for root, _, files in os.walk(f"{self.state}/{part}"):
                self.look_for_secrets([f"{root}/{name}" for name in files])
            self.look_for_secrets([f"{self.state}/{part}"])

    def look_for_secrets(self, paths):
        for path in paths:
            if not self.secrets or not os.path.isfile(path) or os.path.islink(path):
                continue
            data = read(path)
            for secret in self.secrets:
                if secret.encode() in data:
                    self.bad(f"{path[len(self.state) + 1 :]} holds a secret")

    def check_units(self, listed):
        """`listed`: the transient units of the machine that are loaded."""
        ours = {run["data"]["unit"] for run in self.open_runs.values()}
        ours.add("klubster-worker-collect.service")  # no event is before it: it may begin again at any time
        for unit in listed:
            if unit not in ours:
                self.bad(f"the unit {unit} belongs to no run that is open")


FIRST = {sha256(f"klubster-log-{number}") for number in range(1, 100)}


def dump(value):
    """As the agent prints JSON: no spaces, keys sorted."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def no_duplicates(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("a key stands twice")
    return dict(pairs)


def package_files(top):
    files = {}
    for root, _, names in os.walk(top):
        for name in names:
            path = f"{root}/{name}"
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            executable = bool(os.stat(path).st_mode & 0o100)
            files[os.path.relpath(path, top)] = (executable, sha256(read(path)))
    return files


def files_digest(files, roots):
    text = b""
    for path in sorted(files, key=str.encode):
        if any(path == root or path.startswith(root + "/") for root in roots):
            executable, digest = files[path]
            text += path.encode() + b"\0" + (b"0755 " if executable else b"0644 ") + digest.encode() + b"\n"
    return sha256(text)


def transient_units():
    """Ours, that systemd holds now."""
    shown = subprocess.run(
        ("systemctl", "show", "--property=Id,Transient", "klubster-*.service"),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout
    units = [dict(line.split("=", 1) for line in block.splitlines()) for block in shown.strip().split("\n\n") if block]
    return [unit["Id"] for unit in units if unit.get("Transient") == "yes"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", default=STATE)
    parser.add_argument("--types", default="")
    parser.add_argument("--secret", action="append", default=[])
    parser.add_argument("--units", action="store_true")
    parser.add_argument("--torn", action="store_true")
    parser.add_argument("--damaged", action="store_true")
    options = parser.parse_args()
    types = set(filter(None, options.types.split(",")))
    checker = Checker(options.state, types, options.secret, options.torn, options.damaged)
    found = checker.run()
    if options.units:
        checker.check_units(transient_units())
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
