#!/usr/bin/env python3
"""Cuts the power of an event log at each of its calls, and looks what is left. Run in a mount namespace of its own.

  powercut.py TOOL WORK [--journal yes|no] [--lie-about fdatasync|directories] [CALL…]
  powercut.py TOOL WORK --refuse-writes

The log stands in an ext4 of its own in a file. For each point (CALL, number) event-log-tool appends until
strace kills it there; the file is copied at once, which is what a power cut leaves of the disk: nothing that the
kernel still held back is in it. The copy is mounted (and without a journal repaired before, as at a boot), and
the real reader must find every event that was acknowledged. Prints a line a call, "CALL points".

--refuse-writes: the disk takes no data for a while, so that an append's sync fails; once it takes data again the log
goes on, and then the power is cut. What the kernel has in memory of the failed append must not pass for written.

--lie-about is for the self-check: syncs of that kind do nothing and say that they did. Then the loss must be seen:
status 0 when it was.
"""
import argparse
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys

EVENTS = "24"
LIMITS = ("1400", "4000")  # bytes of a segment and of the log: some are begun, and some removed
PAGE = 4096
CALLS = ("write", "fdatasync", "fsync", "rename", "unlink", "openat", "fallocate", "ftruncate")


class Lost(Exception):
    pass


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Disk:
    """A file system in a file, mounted while it is used."""

    def __init__(self, image, place):
        self.image, self.place = image, place
        os.makedirs(place, exist_ok=True)

    def __enter__(self):
        run("mount", "-o", "loop,noatime", self.image, self.place)
        return self

    def __exit__(self, *_):
        run("umount", self.place)


def injections(options, directory):
    if options.lie_about == "fdatasync":
        return ["-e", "inject=fdatasync:retval=0"]
    if options.lie_about == "directories":
        return ["-P", directory, "-e", "inject=fsync:retval=0"]
    return []


def check(options, acknowledged, what):
    with Disk(f"{options.work}/copy.img", f"{options.work}/copy") as copy:
        found = subprocess.run([options.tool, "check", f"{copy.place}/log", str(acknowledged)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if found.returncode != 0:
            raise Lost(f"{what}, {acknowledged} acknowledged: {found.stderr.strip()}")


def cut_at(options, call, number):
    """Whether the tool came so far. Raises Lost when an acknowledged event is gone."""
    work = options.work
    shutil.copyfile(f"{work}/empty.img", f"{work}/disk.img")
    with Disk(f"{work}/disk.img", f"{work}/disk") as disk:
        log = f"{disk.place}/log"
        words = [options.tool, "append", log, EVENTS, *LIMITS]
        killer = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
                  "-e", f"inject={call}:signal=SIGKILL:when={number}"]
        liar = []
        if options.lie_about:
            # Two tracers cannot share a program: here the cut comes after the last event.
            liar = ["strace", "-f", "-qq", "-o", "/dev/null", *injections(options, log)]
            words[3], killer = str(number), []
        done = subprocess.run([*liar, *killer, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        acknowledged = done.stdout.count("\n")
        shutil.copyfile(f"{work}/disk.img", f"{work}/copy.img")  # the power is gone
        if done.returncode == 0 and not options.lie_about:
            return False
    if not options.journal:
        subprocess.run(["e2fsck", "-fy", f"{work}/copy.img"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    check(options, acknowledged, f"cut at {call} {number}")
    return True


def punch_reserve(image, segment):
    """What the segment has reserved loses its place in the image, which is on a full disk."""
    written = -(-os.path.getsize(segment) // PAGE)
    told = subprocess.run(["filefrag", f"-b{PAGE}", "-v", segment], stdout=subprocess.PIPE, check=True, text=True)
    for line in told.stdout.splitlines():
        numbers = re.match(r" *\d+: +(\d+)\.\. *(\d+): +(\d+)\.\.", line)
        if not numbers:
            continue
        first, last, place = map(int, numbers.groups())
        skipped = max(0, written - first)
        if first + skipped <= last:
            run("fallocate", "--punch-hole", f"--offset={(place + skipped) * PAGE}",
                f"--length={(last - first - skipped + 1) * PAGE}", image)


@contextlib.contextmanager
def small_writes(disk):
    """A loop device calls a write done of which only a part had room: so no write has parts."""
    found = subprocess.run(["findmnt", "--noheadings", "--output=SOURCE", disk.place], stdout=subprocess.PIPE,
                           check=True, text=True)
    limit = pathlib.Path(f"/sys/block/{os.path.basename(found.stdout.strip())}/queue/max_sectors_kb")
    before = limit.read_text(encoding="ascii")
    limit.write_text(str(PAGE // 1024), encoding="ascii")
    try:
        yield
    finally:
        limit.write_text(before, encoding="ascii")


def fill_up(path):
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1024))
        except OSError:
            pass


def refuse_writes(options):
    small = f"{options.work}/small"
    os.makedirs(small)
    run("mount", "-t", "tmpfs", "-o", "size=20M", "none", small)
    image = f"{small}/disk.img"
    run("truncate", "--size=8M", f"{small}/sparse.img")
    run("mkfs.ext4", "-q", "-b", str(PAGE), f"{small}/sparse.img")
    run("dd", f"if={small}/sparse.img", f"of={image}", "bs=1M")  # its journal has no holes
    with Disk(image, f"{options.work}/disk") as disk, small_writes(disk):
        log = f"{disk.place}/log"
        run(options.tool, "append", log, "3")
        run("sync", "--file-system", log)
        punch_reserve(image, f"{log}/00000001.jsonl")
        fill_up(f"{small}/filler")
        fill = [options.tool, "fill", log, "40"]
        if subprocess.run(fill, stderr=subprocess.DEVNULL, check=False).returncode == 0:
            raise SystemExit("expected: the disk refuses to write")
        os.unlink(f"{small}/filler")
        done = subprocess.run([options.tool, "append", log, "4"], stdout=subprocess.PIPE, check=True, text=True)
        shutil.copyfile(image, f"{options.work}/copy.img")  # the power is gone
    check(options, int(done.stdout.split()[-1]), "a disk that refused writes")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("work")
    parser.add_argument("--journal", choices=("yes", "no"), default="yes")
    parser.add_argument("--lie-about", choices=("fdatasync", "directories"))
    parser.add_argument("--refuse-writes", action="store_true")
    parser.add_argument("call", nargs="*", default=CALLS)
    options = parser.parse_intermixed_args()
    options.journal = options.journal == "yes"
    # In memory: what a mounted file system gave to its file is in the file, whatever that stands on.
    run("mount", "-t", "tmpfs", "none", options.work)
    run("truncate", "-s", "8M", f"{options.work}/empty.img")
    run("mkfs.ext4", "-q", "-O", "has_journal" if options.journal else "^has_journal", f"{options.work}/empty.img")
    try:
        if options.refuse_writes:
            refuse_writes(options)
            return 0
        if options.lie_about:
            for count in range(1, 25):
                cut_at(options, "append", count)
            print(f"no loss was seen although {options.lie_about} lied", file=sys.stderr)
            return 1
        for call in options.call:
            points = 0
            while cut_at(options, call, points + 1):
                points += 1
            print(call, points, flush=True)
    except Lost as lost:
        print(lost, file=sys.stdout if options.lie_about else sys.stderr)
        return 0 if options.lie_about else 1
    return 0


sys.exit(main())
