#!/usr/bin/env python3
"""Runs in a node: kills klubsterd at its calls of one kind, one apply a call, and looks what comes of it.

  killpoints.py [--first N] [--every K] [--types A,B,…] CALL…     the points N, N + K, … of each CALL
  killpoints.py --fault ENOSPC …                  the call fails with that instead: klubsterd stays up
  killpoints.py --calls                           which calls an apply makes at all

A point is an apply of a new input value by a klubsterd that strace kills at its N-th CALL, counted from
its start: the config is changed while it is stopped, so that what it does at its start counts, too. The
enumeration of a call ends when an apply comes to its end without being hit, twice in a row. Prints a
line a call, "CALL points", and on standard error what did not hold; then the status is 1.
"""
import argparse
import collections
import json
import os
import subprocess
import sys
import time

import invariants

LOG = "/var/lib/klubster/log"
STEPS = "/var/lib/klubster/steps/single-node"
SHOTS = "/run/shots"
NAMES = ("plain", "checked", "serve")
DEADLINE_SEC = 30
CHECKED_EVERY = 5  # points: the whole log is read each time


def calls_in(trace):
    """The calls of a trace, in their order, each as "name(…"."""
    with open(trace, encoding="utf-8", errors="replace") as file:
        return [line.split(None, 1)[1] for line in file if "(" in line and "resumed>" not in line]


def run(*words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Broken(f"{' '.join(words)}: status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


class Broken(Exception):
    pass


class Log:
    """What is new in the event log, read from the disk."""

    def __init__(self):
        self.at = {}
        self.read()

    def read(self):
        events = []
        for name in sorted(os.listdir(LOG)):
            if ".damaged" in name:
                raise Broken(f"the event log was damaged: {name}")
            if not name.endswith(".jsonl"):
                continue
            with open(f"{LOG}/{name}", "rb") as file:
                file.seek(self.at.get(name, 0))
                data = file.read()
            whole = data[: data.rfind(b"\n") + 1]  # a torn line is cut off by the next klubsterd
            self.at[name] = self.at.get(name, 0) + len(whole)
            events += [json.loads(line) for line in whole.splitlines()]
        return events


def wait_for(what, holds):
    end = time.monotonic() + DEADLINE_SEC
    while not holds():
        if time.monotonic() > end:
            raise Broken(f"after {DEADLINE_SEC} s: {what} does not hold")
        time.sleep(0.004)


def status():
    done = subprocess.run(("klubster", "status", "--json"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        return json.loads(done.stdout)
    except ValueError:
        return None


def value_of(event, key):
    return event.get("data", event).get(key)


def was_injected():
    try:
        with open(f"{SHOTS}/trace", encoding="utf-8", errors="replace") as file:
            return "(INJECTED)" in file.read()
    except FileNotFoundError:
        return False


def apply(log, value, shot):
    """One apply by a fresh klubsterd. Returns whether it was hit."""
    fault = len(shot.split()) > 2
    if os.path.exists(f"{SHOTS}/trace"):
        os.remove(f"{SHOTS}/trace")
    run("systemctl", "stop", "klubster.service")
    run("klubster", "config", "set", "inputs/VALUE", value)
    log.read()
    with open(f"{SHOTS}/shot", "w", encoding="ascii") as file:
        file.write(shot + "\n")
    run("systemctl", "start", "--no-block", "klubster.service")
    events = []

    asked = [time.monotonic()]

    def is_ready():
        events.extend(log.read())
        # What an error made of the tree, or of a step, stays until somebody asks again.
        if fault and time.monotonic() > asked[0] + 2:
            asked[0] = time.monotonic()
            subprocess.run(("timeout", "5", "klubster", "apply"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return any(event["type"] == "GenerationReady" for event in events)

    wait_for("the new generation is ready", is_ready)
    said = {}

    def says_ready():
        said.clear()
        said.update(status() or {})
        sound = [c for c in said.get("conditions", []) if c["type"] == "StateSound" and c["status"] == "True"]
        # After a write that failed it looks again in a moment.
        return said.get("ready") and (sound or not fault)

    wait_for("klubsterd answers that it is ready", says_ready)
    check(value, events + log.read(), said, fault)
    shown = run("systemctl", "show", "--property", "NRestarts", "--value", "klubster.service")
    if fault and int(shown) > 1:
        raise Broken(f"klubsterd was restarted {shown} times")
    return was_injected() if fault else int(shown) > 0


def check(value, events, said, fault=False):
    for name in NAMES:
        with open(f"{STEPS}/{name}/runs", encoding="ascii") as file:
            runs = file.read().splitlines().count(value)
        # One whose outputs could not be kept is on record as failed, and tried again.
        if runs != 1 and not (fault and runs > 1):
            raise Broken(f"step {name} ran {runs} times")
    started = collections.Counter(value_of(event, "subject") for event in events if event["type"] == "RunStarted")
    for name in NAMES:
        if started[f"single-node/{name}"] != 1 and not fault:  # else one start may have been refused
            raise Broken(f"the log has {started[f'single-node/{name}']} starts of step {name}")
    made = [event for event in events if event["type"] == "GenerationMade"]
    if len(made) != 1:
        raise Broken(f"{len(made)} generations were made")
    if value_of(made[0], "generation") != said["generation"]:
        raise Broken(f"klubsterd says generation {said['generation']}, its log {value_of(made[0], 'generation')}")
    sound = [c for c in said["conditions"] if c["type"] == "StateSound"]
    if not sound or sound[0]["status"] != "True":
        raise Broken(f"the state is not sound: {sound}")


def enumerate_points(log, call, options):
    points, unhit, number = 0, 0, options.first
    while unhit < 2 and points < options.most:
        try:
            hit = apply(log, f"{call}-{number}-{time.time_ns()}", f"{call} {number} {options.fault}".strip())
            if points % CHECKED_EVERY == 0:
                check_state(options)
        except Broken as broken:
            raise Broken(f"killed at {call} number {number}: {broken}") from None
        points += hit
        unhit = 0 if hit else unhit + 1
        number += options.every
    return points


def checked(options):
    """A collection may remove an old generation while it is looked at: then everything is looked at again."""
    for last in (False, False, True):
        checker = invariants.Checker(types=set(filter(None, options.types.split(","))), secrets=("unspeakable-4711",))
        try:
            checker.run()
            return checker
        except FileNotFoundError:
            if last:
                raise


def check_state(options):
    checker = checked(options)
    checker.check_acknowledged(options.seen)
    options.seen = checker.lines
    if checker.found:
        raise Broken(f"invariants: {checker.found}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--fault", default="")
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--types", default="")
    parser.add_argument("--calls", action="store_true")
    parser.add_argument("call", nargs="*")
    options = parser.parse_args()
    options.seen = []  # of the log, at the last look
    os.makedirs(SHOTS, exist_ok=True)
    log = Log()
    try:
        if options.calls:
            apply(log, "calls", "all 0")
            run("systemctl", "stop", "klubster.service")
            names = {line.split("(")[0] for line in calls_in(f"{SHOTS}/trace")}
            # Before the first it is not klubsterd yet, after the last no longer.
            names -= {"execve", "exit_group"}
            print(*sorted(name for name in names if name.isidentifier()))
        for call in options.call:
            print(call, enumerate_points(log, call, options), flush=True)
        run("systemctl", "restart", "klubster.service")  # without a shot
        run("klubster", "history", "--json")
        check_state(options)
    except Broken as broken:
        print(broken, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
