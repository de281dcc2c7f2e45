#!/usr/bin/env python3
"""Plants a violation of each kind into a sound state, and demands that invariants.py finds it."""
import json
import os
import stat
import sys
import tempfile

import invariants
from invariants import MODES, Checker, dump, files_digest, package_files, put, read, secret_digest, sha256


def sound_state(state):
    os.chmod(state, 0o711)
    for part, mode in MODES.items():
        if part:
            os.mkdir(f"{state}/{part}")
            os.chmod(f"{state}/{part}", mode)
    script = b"#!/bin/sh\n"
    sealed = f"{state}/profiles/{'a' * 64}"
    os.makedirs(f"{sealed}/bin")
    put(f"{sealed}/bin/run", script, 0o755)
    put(f"{sealed}/profile.yaml", b"manifest", 0o644)
    for directory in (sealed, f"{sealed}/bin"):
        os.chmod(directory, 0o755)
    step = {"id": "one", "files": ["bin"], "filesDigest": files_digest(package_files(sealed), ["bin"])}
    texts = {"profile.json": json.dumps({"modes": {"server": [step]}}), "config.json": "{}"}
    made = {"generation": 1, "configHash": "c", "source": "s", "profile": {"sha256": "a" * 64, "name": "p", "version": "1"}}
    os.mkdir(f"{state}/generations/1", 0o700)
    for name, text in texts.items():
        put(f"{state}/generations/1/{name}", text.encode())
    digests = {name: sha256(text) for name, text in texts.items()}
    put(f"{state}/generations/1/generation.json", json.dumps({**made, "digests": digests}).encode())
    facts = [
        {"name": "URL", "value": "u", "sensitive": False, "share": True},
        {"name": "PIN", "value": "4711", "sensitive": True, "share": True},
    ]
    put(f"{state}/facts/server.one.made.json", json.dumps({"facts": facts, "sha256": sha256(dump(facts))}).encode())
    put(f"{state}/salt", b"s" * 32)
    put(f"{state}/last-good.json", b"{}")
    outputs = {"URL": sha256("u"), "PIN": secret_digest(b"s" * 32, "PIN", "4711")}
    unit = "klubster-server-one.service"
    events = [
        ("Booted", {"kind": "first", "reason": ""}),
        ("GenerationMade", made),
        ("RunStarted", {"subject": "server/one", "fingerprint": "f", "unit": unit}),
        ("RunEnded", {"subject": "server/one", "unit": unit, "outcome": "ok"}),
        ("StepDone", {"subject": "server/one", "fingerprint": "f", "by": "run", "outputs": outputs}),
        ("GenerationReady", {"generation": 1}),
        ("RunStarted", {"subject": "server/two", "fingerprint": "g", "unit": "klubster-server-two.service"}),
    ]
    write_log(state, events)
    return events


def write_log(state, events, **changes):
    previous, lines = sha256("klubster-log-1"), b""
    for number, (kind, data) in enumerate(events, 1):
        event = {"boot": "b", "data": data, "mono": number, "seq": number, "time": number, "type": kind}
        event = {**event, "prev": previous, **changes.get(f"event{number}", {})}
        line = dump(event).encode()
        previous = sha256(line)
        lines += line + b"\n"
    put(f"{state}/log/00000001.jsonl", lines)


def compact(state, base, last):
    """A base for the first events, and the log from there to `last`."""
    lines = read(f"{state}/log/00000001.jsonl").splitlines()
    put(f"{state}/log/base.json", json.dumps({"seq": base, "hash": sha256(lines[base - 1])}).encode())
    put(f"{state}/log/00000001.jsonl", b"\n".join(lines[base:last]) + b"\n")


def plants():
    """Pairs of what is planted and what must be said of it."""
    segment = "log/00000001.jsonl"
    sealed = f"profiles/{'a' * 64}"

    def change(file, old, new):
        def planted(state, _):
            data = read(f"{state}/{file}")
            assert old in data, (file, old)
            put(f"{state}/{file}", data.replace(old, new, 1), stat.S_IMODE(os.stat(f"{state}/{file}").st_mode))

        return planted

    def events(edit, **changes):
        def planted(state, known):
            write_log(state, edit(list(known)), **changes)

        return planted

    def on_disk(action):
        return lambda state, _: action(state)

    def append(data):
        return on_disk(lambda state: put(f"{state}/{segment}", read(f"{state}/{segment}") + data))

    def without(*numbers):
        return lambda known: [event for number, event in enumerate(known, 1) if number not in numbers]

    return [
        (change(segment, b'"first"', b'"firsT"'), "does not follow the line before"),
        (change(segment, b'"boot":"b"', b'"boot":"b"]'), "is no JSON"),
        (change(segment, b'"mono":3', b'"mono":3,"mono":3'), "a key stands twice"),
        (events(lambda known: known, event1={"prev": "0" * 64}), "the name of its format"),
        (events(lambda known: known, event3={"seq": 4}), "event 4 comes after 2"),
        (events(lambda known: known + [("Surprise", {})]), "unknown type"),
        (append(b'{"half'), "ends in a part of a line"),
        (on_disk(lambda state: put(f"{state}/log/00000001.jsonl.damaged-1", b"")), "the log was damaged"),
        (events(without(3, 4)), "no run of it has ended well"),
        (events(without(4)), "no run of it has ended well"),
        (events(without(3)), "ended that was not started"),
        (events(lambda known: known[:4] + [known[2]] + known[4:]), "no run of it has ended well"),
        (events(lambda known: known[:3] + known[2:]), "is started while"),
        (events(lambda known: known[:6] + [known[2]]), "is done and runs again"),
        (events(lambda known: known, event5={"mono": 1}), "is earlier than the one before"),
        (events(lambda known: known, event4={"boot": "c"}), "a boot that was not told"),
        (events(lambda known: known[:6] + [("GenerationMade", {**known[1][1], "generation": 3})]), "was made after 1"),
        (events(lambda known: known[:5] + [("GenerationReady", {"generation": 2})]), "is ready, 1 was made"),
        (on_disk(lambda state: os.remove(f"{state}/generations/1/generation.json")), "is half written"),
        (change("generations/1/profile.json", b"one", b"two"), "profile.json is not what was written"),
        (change("generations/1/generation.json", b'"c"', b'"d"'), "is not the one that the log has"),
        (on_disk(lambda state: os.rename(f"{state}/generations/1", f"{state}/generations/2")), "the disk has not"),
        (on_disk(lambda state: os.mkdir(f"{state}/generations/new")), "generations/new is none"),
        (change(f"{sealed}/bin/run", b"sh", b"zz"), "are not those of the package"),
        (on_disk(lambda state: os.chmod(f"{state}/{sealed}/bin/run", 0o775)), "has mode 775"),
        (on_disk(lambda state: os.chmod(f"{state}/{sealed}/bin", 0o777)), "has mode 777"),
        (on_disk(lambda state: os.chown(f"{state}/{sealed}/bin/run", 61184, 0)), "belongs to 61184"),
        (on_disk(lambda state: os.link(f"{state}/{sealed}/bin/run", f"{state}/other")), "another name elsewhere"),
        (on_disk(lambda state: os.symlink("/etc/shadow", f"{state}/{sealed}/link")), "neither a file nor a directory"),
        (on_disk(lambda state: os.mkfifo(f"{state}/{sealed}/fifo")), "neither a file nor a directory"),
        (on_disk(lambda state: os.rename(f"{state}/{sealed}", f"{state}/profiles/half")), "profiles/half is none"),
        (on_disk(lambda state: os.rename(f"{state}/{sealed}", f"{state}/profiles/{'b' * 64}")), "is not sealed"),
        (change("facts/server.one.made.json", b'"u"', b'"v"'), "facts/server.one.made.json is not what was written"),
        (on_disk(lambda state: os.remove(f"{state}/facts/server.one.made.json")), "not those that the log has"),
        (on_disk(lambda state: put(f"{state}/salt", b"s")), "the salt has not 32 bytes"),
        (on_disk(lambda state: os.chmod(f"{state}/salt", 0o644)), "salt may be read by others"),
        (on_disk(lambda state: os.chmod(f"{state}/facts", 0o755)), "facts has mode 755 instead of 700"),
        (on_disk(lambda state: os.chmod(state, 0o755)), "has mode 755 instead of 711"),
        (on_disk(lambda state: os.chown(f"{state}/blobs", 1, 1)), "blobs belongs to 1:1"),
        (on_disk(lambda state: put(f"{state}/blobs/x.part", b"", 0o644)), "blobs/x.part may be read by others"),
        (on_disk(lambda state: os.mkfifo(f"{state}/log/00000002.jsonl.tmp", 0o600)), "is no regular file"),
        (change("generations/1/config.json", b"{}", b'{"a":"hunter2"}'), "generations/1/config.json holds a secret"),
        (events(lambda known: known + [("ConfigRejected", {"message": "hunter2"})]), "00000001.jsonl holds a secret"),
    ]


def found_while_collected(state, number):
    """What is said of a generation that goes between the reading of its facts and of its other files: 0 is an old one."""
    sound_state(state)
    os.makedirs(f"{state}/generations/0", 0o700)
    for name in ("generation.json", "profile.json", "config.json"):
        put(f"{state}/generations/0/{name}", read(f"{state}/generations/1/{name}").replace(b'"generation": 1', b'"generation": 0'))
    known = invariants.read

    def collecting(path):
        data = known(path)
        if path.endswith(f"/{number}/generation.json") and os.path.exists(path):
            os.rename(f"{state}/generations/{number}", f"{state}/staging/retired-{number}")
        return data

    invariants.read = collecting
    try:
        return Checker(state).run()
    finally:
        invariants.read = known


def self_test():
    types = {"Booted", "GenerationMade", "RunStarted", "RunEnded", "StepDone", "GenerationReady", "ConfigRejected"}
    missed = []

    def look(plant=None, **options):
        with tempfile.TemporaryDirectory() as state:
            events = sound_state(state)
            before = Checker(state)
            before.run()
            if plant:
                plant(state, events)
            checker = Checker(state, types, ("hunter2",), **options)
            checker.run()
            checker.check_acknowledged(before.lines)
            checker.check_units(["klubster-server-two.service"])
            return checker.found

    sound = look()
    if sound:
        missed.append(f"a sound state is refused: {sound}")
    planted = plants()
    for number, (plant, said) in enumerate(planted, 1):
        found = look(plant)
        if not any(said in line for line in found):
            missed.append(f"plant {number}: expected '{said}', found {found}")
    torn = [plant for plant, said in planted if "a part of a line" in said]
    if look(torn[0], torn=True):
        missed.append("a torn line is refused after a crash")
    gone = look(lambda state, known: write_log(state, known[:6]))
    if not any("acknowledged events are gone" in line for line in gone):
        missed.append(f"expected that a lost event is found, found {gone}")
    gone = look(lambda state, known: compact(state, 2, 6))
    if not any("acknowledged events are gone" in line for line in gone):
        missed.append(f"expected that an event lost behind a base is found, found {gone}")
    kept = look(lambda state, known: compact(state, 2, 7))
    if any("acknowledged events are gone" in line for line in kept):
        missed.append(f"what was compacted is called lost: {kept}")
    with tempfile.TemporaryDirectory() as state:
        sound_state(state)
        checker = Checker(state)
        checker.run()
        checker.check_units(["klubster-worker-seal-1-a1.service"])
        if not any("belongs to no run that is open" in line for line in checker.found):
            missed.append("expected that a leaked unit is found")
    with tempfile.TemporaryDirectory() as state:
        found = found_while_collected(state, 0)
        if found:
            missed.append(f"a generation that is collected meanwhile is called damaged: {found}")
    with tempfile.TemporaryDirectory() as state:
        if not found_while_collected(state, 1):
            missed.append("expected that the loss of the generation in force is found at once")
    print(*missed, sep="\n", end="" if not missed else "\n")
    print(f"{len(planted) + 4} planted violations, {len(missed)} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(self_test())
