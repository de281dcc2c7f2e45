#!/usr/bin/env python3
"""Runs in a node: kills klubsterd at its calls of one kind during a rollback or a destroy, one of them a point.

  killpoints_of_operations.py [--first N] [--every K] [--types A,B,…] rollback|destroy [CALL…]
  killpoints_of_operations.py --calls rollback|destroy        which calls it makes at all

Without CALL each call is a point that changes something, on the disk or for another process: killed at any other
one, klubsterd leaves behind what it leaves at the next of these. (Of a sync nothing is left but after a power cut,
which is for powercut.py.) A point is an operation that is asked of a running klubsterd, which strace kills at its N-th CALL from then on.
What was on record by then is carried out, each step or undo once; what was not has not happened, and is asked for
again. Prints a line a call, "CALL points", and on standard error what did not hold; then the
status is 1.
"""
import argparse
import collections
import os
import signal
import subprocess
import sys

from killpoints import SHOTS, STEPS, Broken, Log, calls_in, check_state, run, status, value_of, wait_for

CHECKED_EVERY = 8
# What a later klubsterd or another process can tell from not having been made. (fchmod and fchown are for files that
# have no name of their own yet.)
CHANGING = set(
    "write pwrite64 writev rename renameat renameat2 unlink unlinkat rmdir mkdir mkdirat link linkat symlink symlinkat "
    "ftruncate truncate fallocate chmod chown sendto".split()
)
# Messages that change nothing: questions over D-Bus, and what is only told of what is there.
TELLING = (
    *("GetUnit\\0", "GetAll\\0", "Get\\0", "AddMatch\\0", "RemoveMatch\\0", "GetUnitProcesses\\0", "Publish\\0"),
    *("PropertiesChanged\\0", "STATUS=", "WATCHDOG=", "MESSAGE=", "/run/systemd/journal/"),
)


def changes(line):
    name = line.split("(")[0]
    if " = -1 E" in line:
        return False
    if name == "sendmsg":
        return not any(word in line for word in TELLING)
    if name in ("open", "openat"):
        return "O_CREAT" in line
    return name in CHANGING


def changing_points(lines):
    """Of the calls of a run those that change something, each with how many of its name there were by then."""
    points, numbers = [], collections.Counter()
    for line in lines:
        name = line.split("(")[0]
        numbers[name] += 1
        if changes(line):
            points.append((name, numbers[name]))
    return points


class Tracer:
    """strace on klubsterd from now on; it is gone when klubsterd is."""

    def __init__(self, *options):
        self.trace = f"{SHOTS}/operation"
        pid = run("systemctl", "show", "--property=MainPID", "--value", "klubster.service").strip()
        words = ("strace", "-f", "-s", "256", "-o", self.trace, *options, "-p", pid)
        self.process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        if "attached" not in line:
            raise Broken(f"strace: {line.strip()}")

    def has_killed(self):
        return self.process.poll() is not None

    def detach(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=20)

    def lines(self):
        return calls_in(self.trace)


def lines_of(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="ascii") as file:
        return file.read().splitlines()


class Operation:
    names = ("plain", "checked", "serve")

    def ask(self):
        done = subprocess.run(
            ("timeout", "10", "klubster", *self.words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False
        )
        return done.returncode == 0, done.stderr.strip()

    def runs(self):
        return {name: lines_of(f"{STEPS}/{name}/{self.file}") for name in self.names}

    def begin(self, log):
        log.read()
        self.before = self.runs()
        self.said = status()

    def new_runs(self):
        return {name: now[len(self.before[name]) :] for name, now in self.runs().items()}


class Rollback(Operation):
    """From the second value to the first, and back: each step runs again."""

    words = ("rollback", "--yes")
    file = "runs"
    event = "RolledBack"

    def prepare(self):
        if set(lines_of(f"{STEPS}/plain/runs")) == {"first", "second"}:
            return
        run("klubster", "config", "set", "inputs/VALUE", "second")
        run("systemctl", "reload", "klubster.service")
        wait_for("a second generation is ready", lambda: (lambda s: s and s["ready"] and s["generation"] == 2)(status()))

    def is_over(self):
        now = status()
        return bool(now and now["ready"] and now["generation"] > self.said["generation"])

    def check(self, events):
        made = [event for event in events if event["type"] == "GenerationMade"]
        if len(made) != 1 or not value_of(made[0], "rollbackOf"):
            raise Broken(f"expected one generation that goes back, found {made}")
        value = "first" if self.before["plain"][-1] == "second" else "second"
        for name, found in self.new_runs().items():
            if found != [value]:
                raise Broken(f"step {name} ran {found}, expected once for {value}")

    def settle(self):
        pass


class Destroy(Operation):
    """Everything is undone, and done again for the next point."""

    words = ("destroy", "--yes")
    file = "undone"
    event = "LeaveRequested"

    def prepare(self):
        pass

    def is_over(self):
        now = status()
        left = [c for c in (now or {}).get("conditions", []) if c["type"] == "Left" and c["status"] == "True"]
        return bool(left)

    def check(self, events):
        ended = [event for event in events if event["type"] == "Left"]
        if len(ended) != 1:
            raise Broken(f"it left {len(ended)} times")
        for name, found in self.new_runs().items():
            if found != ["undone"]:
                raise Broken(f"the undo of {name} ran {len(found)} times")
        if run("systemctl", "show", "--property=ActiveState", "--value", "klubster-single-node-serve.service").strip() != "inactive":
            raise Broken("the service still runs")

    def settle(self):
        run("klubster", "apply")
        wait_for("it is back", lambda: (lambda s: s and s["ready"])(status()))


OPERATIONS = {"rollback": Rollback, "destroy": Destroy}


def operate(operation, log, tracer):
    """One of them. Returns whether klubsterd was killed."""
    operation.begin(log)
    tracer = tracer()
    acknowledged, words = operation.ask()
    wait_for("it is over", lambda: tracer.has_killed() or operation.is_over())
    killed = tracer.has_killed()
    tracer.detach()
    events = []
    if killed:
        wait_for("klubsterd answers again", status)
        events = log.read()
        on_record = any(event["type"] == operation.event for event in events)
        if acknowledged and not on_record:
            raise Broken("what was acknowledged is not on record")
        if not on_record:
            if any(operation.new_runs().values()):
                raise Broken(f"something ran for what is not on record: {operation.new_runs()}")
            wait_for("what was before is ready", lambda: (status() or {}).get("ready"))
            accepted, words = operation.ask()
            if not accepted:
                raise Broken(f"it is refused the second time: {words}")
    elif not acknowledged:
        raise Broken(f"it is refused: {words}")
    wait_for("it is over", operation.is_over)
    events += log.read()
    operation.check(events)
    sound = [c for c in (status() or {}).get("conditions", []) if c["type"] == "StateSound"]
    if not sound or sound[0]["status"] != "True":
        raise Broken(f"the state is not sound: {sound}")
    operation.settle()
    return killed, tracer


def kill_at(operation, log, call, number):
    """Whether klubsterd came so far."""
    inject = f"inject={call}:signal=SIGKILL:when={number}"
    try:
        return operate(operation, log, lambda: Tracer("-e", f"trace={call}", "-e", inject))[0]
    except Broken as broken:
        raise Broken(f"killed at {call} number {number}: {broken}") from None


def enumerate_changes(operation, log, lines, options):
    """How many points of each call there were."""
    found = collections.Counter()
    for at, (call, number) in enumerate(changing_points(lines)[options.first - 1 :: options.every]):
        found[call] += kill_at(operation, log, call, number)
        if at % CHECKED_EVERY == 0:
            check_state(options)
    return found


def enumerate_points(operation, log, call, lines, options):
    points, missed, number = 0, 0, options.first
    made = sum(line.split("(")[0] == call for line in lines)
    # One time is not quite like another: past the last one until nothing is hit.
    while missed < 2 or number <= made:
        killed = kill_at(operation, log, call, number)
        if points % CHECKED_EVERY == 0:
            check_state(options)
        points += killed
        missed = 0 if killed else missed + 1
        number += options.every
    return points


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--types", default="")
    parser.add_argument("--calls", action="store_true")
    parser.add_argument("operation", choices=list(OPERATIONS))
    parser.add_argument("call", nargs="*")
    options = parser.parse_args()
    options.seen = []  # of the log, at the last look
    os.makedirs(SHOTS, exist_ok=True)
    operation = OPERATIONS[options.operation]()
    try:
        log = Log()
        wait_for("it is ready before", lambda: (status() or {}).get("ready"))
        operation.prepare()
        _, learnt = operate(operation, log, lambda: Tracer("-e", "trace=all"))
        lines = learnt.lines()
        if options.calls:
            names = {line.split("(")[0] for line in lines}
            print(*sorted(name for name in names if name.isidentifier()))
        elif not options.call:
            for call, points in sorted(enumerate_changes(operation, log, lines, options).items()):
                print(call, points)
        for call in options.call:
            print(call, enumerate_points(operation, log, call, lines, options), flush=True)
        check_state(options)
    except Broken as broken:
        print(broken, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
