#!/usr/bin/env python3
"""Kills an append to the event log at each of its calls, and lets each of them fail.

  logfaults.py TOOL WORK FAULT CALL…      FAULT is SIGKILL, ENOSPC, EIO or EMFILE; CALL all: those that it makes
  logfaults.py TOOL WORK short EVERY      writes that are short: no file may be longer than N bytes, for each
                                          EVERY-th N with a random start
  logfaults.py TOOL WORK full             a disk without room for another segment, and then a power cut in an append

A point is (CALL, number): event-log-tool begins a log, or goes on with one, and strace kills it there or makes that one
call fail. Afterwards the real reader must find every acknowledged event, no damage and a whole chain, and appending
must go on. Prints a line, "FAULT points".
"""
import collections
import os
import random
import resource
import shutil
import signal
import subprocess
import sys

LIMITS = ("1400", "4000")  # bytes of a segment and of the log: some are begun, and some removed


def tool(program, *words):
    return subprocess.run((program, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def strace(program, log, *options):
    words = ("strace", "-f", "-qq", *options, program, "append", log, "12", *LIMITS)
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def calls_of(program, work, before):
    trace = f"{work}/trace"
    restore(work, before)
    strace(program, f"{work}/log", "-o", trace)
    with open(trace, encoding="utf-8", errors="replace") as file:
        names = collections.Counter(line.split(None, 1)[1].split("(")[0] for line in file if "(" in line)
    never_fails = ("exit", "exit_group", "geteuid")
    return sorted(name for name in names if name.isidentifier() and name not in never_fails)


def restore(work, before):
    shutil.rmtree(f"{work}/log", ignore_errors=True)
    if before:
        shutil.copytree(before, f"{work}/log")


def was_hit(trace):
    with open(trace, encoding="utf-8", errors="replace") as file:
        text = file.read()
    return "(INJECTED)" in text or "killed by SIGKILL" in text


def point(program, work, before, there, fault, call, number):
    restore(work, before)
    what = f"signal={fault}" if fault.startswith("SIG") else f"error={fault}"
    done = strace(program, f"{work}/log", "-o", f"{work}/trace", "-e", f"trace={call}", "-e",
                  f"inject={call}:{what}:when={number}")
    if not was_hit(f"{work}/trace"):
        return False
    judge(program, work, there, done, f"{fault} at {call} {number}")
    return True


def judge(program, work, there, done, what):
    """After the fault: nothing acknowledged is lost, and appending goes on."""
    numbers = [int(line) for line in done.stdout.split()]
    acknowledged = max([there, *numbers])
    if os.path.isdir(f"{work}/log") or acknowledged > 0:
        found = tool(program, "check", f"{work}/log", str(acknowledged))
        if found.returncode != 0:
            raise SystemExit(f"{what}, {acknowledged} acknowledged: {found.stderr.strip()}")
    again = tool(program, "append", f"{work}/log", "3", *LIMITS)
    if again.returncode != 0:
        raise SystemExit(f"{what}: appending does not go on: {again.stderr.strip()}")


def limit_files(size):
    """write(2) writes what fits, and fails with EFBIG the next time."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def short_points(program, work, before, there, every):
    points, size = 0, random.randrange(every)
    while True:
        restore(work, before)
        words = (program, "append", f"{work}/log", "12", *LIMITS)
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              preexec_fn=lambda: limit_files(size))
        if done.returncode == 0 and not done.stderr:
            return points
        judge(program, work, there, done, f"files of {size} bytes")
        points += 1
        size += every


def last_segment(log):
    """The file that the log ends in."""
    names = sorted(name for name in os.listdir(log) if name.endswith(".jsonl"))
    return next(f"{log}/{name}" for name in reversed(names) if os.path.getsize(f"{log}/{name}") > 0)


def full_points(program, work, before, there):
    """From a reservation on none is granted. What is torn in the end is dropped as ever."""
    number = 1
    while True:
        restore(work, before)
        done = strace(program, f"{work}/log", "-o", f"{work}/trace", "-e", "trace=fallocate", "-e",
                      f"inject=fallocate:error=ENOSPC:when={number}+")
        if not was_hit(f"{work}/trace"):
            return number - 1
        path = last_segment(f"{work}/log")
        os.truncate(path, os.path.getsize(path) - 5)
        done.stdout = "".join(done.stdout.splitlines(keepends=True)[:-1])  # the last one was not acknowledged
        judge(program, work, there - 1, done, f"no room from reservation {number} on")
        number += 1


def main():
    program, work, fault, *calls = sys.argv[1:]
    old = f"{work}/old"
    shutil.rmtree(old, ignore_errors=True)
    there = len(tool(program, "append", old, "14", *LIMITS).stdout.split())
    points = 0
    for before, acknowledged in ((None, 0), (old, there)):
        if fault == "short":
            points += short_points(program, work, before, acknowledged, int(calls[0]))
            continue
        if fault == "full":
            points += full_points(program, work, before, acknowledged)
            continue
        for call in calls_of(program, work, before) if calls == ["all"] else calls:
            number = 1
            while point(program, work, before, acknowledged, fault, call, number):
                number += 1
            points += number - 1
    if points == 0:
        raise SystemExit(f"expected: the append is hit by {fault}")
    print(fault, points)


main()
