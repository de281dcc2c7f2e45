#!/usr/bin/env python3
"""Fails the workers at each of their system calls, on prepared directories: no node, no systemd.

  worker_faults.py --programs DIR --package FILE [--long] [--seed N] [SCENARIO…]

For each scenario (unpack, seal, collect, forget, fetch) the program runs once to learn its calls. Then a
point is one run with one fault: SIGKILL, ENOSPC, EIO or EMFILE at its N-th call of a kind; or a disk that
is full after so many bytes. After each: nothing half made passes for whole, what the program says is so,
and its next run, without the fault, comes to the same end as ever. Without --long the calls that write
are taken all, or every K-th with a random start when there are many, and of the others a few.
Needs root, strace and a mount namespace of its own (`unshare --mount`). Prints the points of each
scenario; the status is 1 after the first one that does not hold.
"""
import argparse
import collections
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import invariants
from blob_server import BlobServer

WRITING = set(
    "write pwrite64 writev fdatasync fsync syncfs rename renameat renameat2 unlink unlinkat rmdir mkdir mkdirat "
    "link linkat symlink symlinkat fchown fchownat chown fchmod fchmodat chmod ftruncate truncate fallocate "
    "setxattr fsetxattr removexattr fremovexattr utimensat".split()
)
MAKING = WRITING | set("open openat openat2 creat".split())
READING = set("read pread64 getdents64 newfstatat fstat statx flistxattr lseek".split())
OPENING = set("open openat openat2 socket epoll_create1 eventfd2 dup dup3 timerfd_create signalfd4 pipe2".split())
FAULTS = {"ENOSPC": MAKING, "EIO": MAKING | READING, "EMFILE": OPENING}
POINTS = {"SIGKILL": 45, "ENOSPC": 15, "EIO": 20, "EMFILE": 6, "full": 8}  # without --long
TIME_LIMIT_SEC = 30


class Broken(Exception):
    pass


def tree_of(top):
    """Names, contents and kinds of everything below."""
    found = {}
    for root, directories, files in os.walk(top):
        for name in directories:
            found[os.path.relpath(f"{root}/{name}", top)] = "directory"
        for name in files:
            path = f"{root}/{name}"
            found[os.path.relpath(path, top)] = "link" if os.path.islink(path) else invariants.sha256(invariants.read(path))
    return found


def write_json(path, value):
    invariants.put(path, json.dumps(value).encode())


def read_result(path):
    """Nothing when it is not a whole one: the daemon believes no other."""
    try:
        return json.loads(invariants.read(path))
    except ValueError:
        return None


class Scenario:
    """One program on its directories; a subclass says which and what must hold."""

    name = ""
    tries = 1  # until it is done

    def __init__(self, options):
        self.options = options
        self.program = f"{options.programs}/klubster-{self.program_name}"
        self.base = None

    def start(self, base):
        """Fresh directories for one point."""
        self.base = base
        self.result = f"{base}/result.json"
        self.request = f"{base}/request.json"
        invariants.put(self.result, b"", 0o666)
        self.prepare()

    def words(self):
        return [self.program, "--request", self.request, "--result", self.result]

    def streams(self):
        return {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}

    def between(self):
        """What the daemon does before the next try."""
        invariants.put(self.result, b"", 0o666)

    def run(self, wrapper=()):
        streams = self.streams()
        try:
            done = subprocess.run(
                [*wrapper, *self.words()], stderr=subprocess.PIPE, timeout=TIME_LIMIT_SEC, check=False, **streams
            )
        except subprocess.TimeoutExpired:
            raise Broken(f"it did not end within {TIME_LIMIT_SEC} s") from None
        finally:
            for stream in streams.values():
                if stream != subprocess.DEVNULL:
                    os.close(stream)
        return done.returncode, done.stderr.decode(errors="replace")

    # to be said by each

    def prepare(self):
        raise NotImplementedError

    def check_fault(self, ok):
        """Right after the fault; `ok`: the program says that it did its work."""

    def check_end(self):
        """After the run without a fault."""

    # --- one point

    def says(self):
        result = read_result(self.result)
        return result is not None and result.get("ok") is True

    def judge(self, killed, code, words):
        ok = self.says()
        if killed:
            return self.check_fault(ok)
        # What the event loop's own descriptors refuse is no mistake of ours: it ends, and is tried again.
        if code < 0 or (code == 70 and "sd-event" not in words):
            raise Broken(f"it crashed: status {code}: {words.strip()}")
        result = read_result(self.result)
        reason = (result or {}).get("failure", {}).get("reason")
        if code == 0 and not ok:
            raise Broken("its status is 0, its result is not")
        if code != 0 and ok:
            raise Broken(f"its status is {code}, its result is ok")
        if code != 0 and not reason and not words.strip():
            raise Broken(f"its status is {code}, and no reason is told")
        return self.check_fault(ok)

    def converge(self):
        for _ in range(self.tries):
            self.between()
            code, words = self.run()
            if code == 0:
                break
        if code != 0:
            raise Broken(f"the next try: status {code}: {words.strip()} {invariants.read(self.result).decode()}")
        self.check_end()

    def point(self, wrapper, killed):
        code, words = self.run(wrapper)
        self.judge(killed, code, words)
        self.converge()

    # --- all of them

    def calls(self, directory):
        trace = f"{directory}/calls"
        code, words = self.run(("strace", "-f", "-qq", "-e", "trace=all", "-e", "signal=none", "-o", trace))
        if code != 0:
            raise Broken(f"without a fault: status {code}: {words.strip()} {invariants.read(self.result).decode()}")
        with open(trace, encoding="utf-8", errors="replace") as file:
            seen = [line.split(None, 1)[1].split("(")[0] for line in file if "(" in line and "resumed>" not in line]
        return collections.Counter(name for name in seen if name.isidentifier() and name not in ("execve", "exit_group"))

    def enumerate(self, base):
        self.fresh(base)
        counts = self.calls(base)
        self.check_end()
        done = collections.Counter()
        chosen = []
        for fault in ("SIGKILL", *FAULTS):
            points = [(call, n) for call in counts for n in range(1, counts[call] + 1)]
            if fault == "SIGKILL":
                firsts = [point for point in points if point[0] in WRITING]
                points = firsts + ([point for point in points if point[0] not in WRITING] if self.options.long else [])
            else:
                points = [point for point in points if point[0] in FAULTS[fault]]
            chosen += [(fault, *point) for point in self.sample(points, POINTS[fault])]
        for fault, call, number in chosen:
            self.fresh(base)
            inject = f"{call}:{'signal=SIGKILL' if fault == 'SIGKILL' else 'error=' + fault}:when={number}"
            wrapper = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={inject}")
            try:
                self.point(wrapper, fault == "SIGKILL")
            except Broken as broken:
                raise Broken(f"{self.name}: {fault} at {call} number {number}: {broken}") from None
            done[fault] += 1
        self.fill_up(base, done)
        return done

    def fresh(self, base):
        # A program that was killed may still hold them, so each point has its own.
        shutil.rmtree(base)
        os.mkdir(base, 0o711)
        self.start(base)

    def sample(self, points, most):
        if self.options.long or len(points) <= most:
            return points
        every = -(-len(points) // most)
        return points[self.options.random.randrange(every) :: every]

    def fill_up(self, base, done):
        """The same on a disk that is full after so many blocks: writes that are short, then refused."""
        need = 0
        for blocks in range(1, 400):
            self.mount(base, blocks)
            try:
                self.start(base)
                code, _ = self.run()
            except OSError:
                code = None  # the directories themselves do not fit
            finally:
                subprocess.run(("umount", base), check=True)
            if code == 0:
                need = blocks
                break
            done_here = code is not None
            if done_here:
                done["blocks"] += 1
        todo = self.sample(list(range(max(1, need - done.pop("blocks", 0)), need)), POINTS["full"])
        for blocks in todo:
            self.mount(base, blocks)
            try:
                self.start(base)
                code, words = self.run()
                self.judge(False, code, words)
                subprocess.run(("mount", "-o", "remount,size=8m", base), check=True)
                self.converge()
                done["full"] += 1
            except Broken as broken:
                raise Broken(f"{self.name}: a disk of {blocks} blocks: {broken}") from None
            finally:
                subprocess.run(("umount", base), check=True)

    @staticmethod
    def mount(base, blocks):
        subprocess.run(("mount", "-t", "tmpfs", "-o", f"size={4 * blocks}k,mode=0711", "tmpfs", base), check=True)


class Unpack(Scenario):
    name = program_name = "unpack"

    def prepare(self):
        self.staging = f"{self.base}/staging"
        os.mkdir(self.staging)
        os.chmod(self.staging, 0o777)
        write_json(self.request, {"v": 1, "keys": [], "sha256": self.options.digest})

    def words(self):
        return super().words() + ["--staging", self.staging]

    def streams(self):
        return {"stdin": os.open(self.options.package, os.O_RDONLY), "stdout": subprocess.DEVNULL}

    def check_fault(self, ok):
        if ok:
            self.check_end()
        beside = sorted(os.listdir(self.base))
        if [name for name in beside if name not in ("calls", "request.json", "result.json", "staging")]:
            raise Broken(f"something lies beside the staging: {beside}")

    def check_end(self):
        if not self.says():
            raise Broken(f"it is not unpacked: {invariants.read(self.result)}")
        if tree_of(self.staging) != self.options.tree:
            raise Broken(f"not the package is unpacked: {tree_of(self.staging)}")


class Store(Scenario):
    program_name = "store"
    digest = "a" * 64

    def prepare(self):
        self.state = f"{self.base}/state"
        os.mkdir(self.state, 0o711)
        for part in ("blobs", "staging", "results", "generations"):
            os.mkdir(f"{self.state}/{part}", 0o700)
        os.mkdir(f"{self.state}/profiles", 0o755)

    def words(self):
        return super().words() + ["--state-dir", self.state]

    def fill(self, top, mode=0o755, owner=0):
        """The package's tree, as a worker leaves it or sealed."""
        shutil.copytree(self.options.unpacked, top)
        for root, directories, files in os.walk(top):
            for name in [""] + directories + files:
                path = f"{root}/{name}" if name else root
                os.chown(path, owner, owner)
                if os.path.isdir(path):
                    os.chmod(path, mode)

    def check_profile(self, name):
        checker = invariants.Checker(self.state)
        checker.check_tree(f"{self.state}/profiles/{name}", name)
        if checker.found:
            raise Broken(f"it is not sealed: {checker.found}")
        if tree_of(f"{self.state}/profiles/{name}") != self.options.tree:
            raise Broken("half a profile is sealed")


class Seal(Store):
    name = "seal"
    damaged = False

    def prepare(self):
        super().prepare()
        os.mkdir(f"{self.state}/staging/one", 0o700)
        self.fill(f"{self.state}/staging/one/tree", 0o700, 61184)
        write_json(self.request, {"v": 1, "op": "seal", "staging": "one", "sha256": self.digest})

    def check_fault(self, ok):
        there = sorted(os.listdir(f"{self.state}/profiles"))
        if there not in ([], [self.digest]):
            raise Broken(f"profiles has {there}")
        if there:
            self.check_profile(self.digest)
        if ok:
            self.check_end()

    def between(self):
        super().between()
        # What the unpack worker does when neither is there.
        staged = os.path.exists(f"{self.state}/staging/one/tree")
        if not staged and not os.path.exists(f"{self.state}/profiles/{self.digest}"):
            os.makedirs(f"{self.state}/staging/one", exist_ok=True)
            self.fill(f"{self.state}/staging/one/tree", 0o700, 61184)

    def check_end(self):
        self.check_profile(self.digest)
        if os.listdir(f"{self.state}/staging"):
            raise Broken(f"the staging has {os.listdir(self.state + '/staging')}")


class SealAgain(Seal):
    """A profile of that name is there and damaged: it is exchanged at once."""

    name = "seal-again"
    tries = 2  # what was cut off in the exchange is unpacked again

    def prepare(self):
        super().prepare()
        self.fill(f"{self.state}/profiles/{self.digest}")
        with open(f"{self.state}/profiles/{self.digest}/bin/count", "ab") as file:
            file.write(b"more")
        self.broken = tree_of(f"{self.state}/profiles/{self.digest}")

    def check_fault(self, ok):
        there = tree_of(f"{self.state}/profiles/{self.digest}")
        if there != self.broken:
            self.check_profile(self.digest)
        if ok:
            self.check_end()

    def between(self):
        Scenario.between(self)
        if not os.path.exists(f"{self.state}/staging/one/tree"):
            os.makedirs(f"{self.state}/staging/one", exist_ok=True)
            self.fill(f"{self.state}/staging/one/tree", 0o700, 61184)


class Collect(Store):
    name = "collect"
    gone = ("b" * 64, "c" * 64)

    def prepare(self):
        super().prepare()
        for name in (self.digest, *self.gone):
            self.fill(f"{self.state}/profiles/{name}")
        for number in ("1", "2"):
            os.mkdir(f"{self.state}/generations/{number}", 0o700)
            invariants.put(f"{self.state}/generations/{number}/config.json", b"{}")
        os.mkdir(f"{self.state}/staging/old", 0o700)
        self.fill(f"{self.state}/staging/old/tree", 0, 61184)
        for name in ("one.part", "two.part"):
            invariants.put(f"{self.state}/blobs/{name}", b"bytes")
        invariants.put(f"{self.state}/results/unpack-old.json", b"{}")
        write_json(
            self.request,
            {
                "v": 1,
                "op": "collect",
                "dryRun": False,
                "profiles": [self.digest],
                "generations": ["2"],
                "downloads": ["two"],
                "stagings": [],
                "results": [],
            },
        )

    def check_fault(self, ok):
        self.check_profile(self.digest)
        for name in self.gone:
            if os.path.exists(f"{self.state}/profiles/{name}"):
                self.check_profile(name)
        if os.path.exists(f"{self.state}/generations/1") and not os.listdir(f"{self.state}/generations/1"):
            raise Broken("half a generation is left")
        for kept in ("generations/2/config.json", "blobs/two.part"):
            if not os.path.exists(f"{self.state}/{kept}"):
                raise Broken(f"{kept} is gone")
        left = (read_result(self.result) or {}).get("left")
        if ok and not left:
            self.check_end()

    def check_end(self):
        self.check_profile(self.digest)
        found = {part: sorted(os.listdir(f"{self.state}/{part}")) for part in os.listdir(self.state)}
        expected = {"profiles": [self.digest], "generations": ["2"], "blobs": ["two.part"], "staging": [], "results": []}
        if found != expected:
            raise Broken(f"left are {found}")


class Forget(Store):
    """Its places are fixed: the scenario's own stand there, in this mount namespace."""

    name = "forget"

    def prepare(self):
        super().prepare()
        self.peer = f"{self.base}/peer"
        os.mkdir(self.peer, 0o700)
        invariants.put(f"{self.peer}/identity.key", b"key")
        for part in ("log", "facts", "config"):
            os.mkdir(f"{self.state}/{part}", 0o700)
        self.fill(f"{self.state}/profiles/{self.digest}")
        for name in self.log:
            invariants.put(f"{self.state}/log/{name}", b"{}\n")
        invariants.put(f"{self.state}/facts/server.one.made.json", b"{}")
        invariants.put(f"{self.state}/config/node", b"n1\n")
        invariants.put(f"{self.state}/salt", b"s" * 32)
        write_json(f"{self.state}/reset.json", {"by": "root", "identity": True})

    def words(self):
        inside = 'mount --bind "$1" /var/lib/klubster && mount --bind "$2" /var/lib/klubster-peer && shift 2 && exec "$@"'
        return ["unshare", "--mount", "sh", "-c", inside, "sh", self.state, self.peer, *self.traced, self.program, "--forget"]

    traced = ()
    log = ("00000004.jsonl", "00000005.jsonl", "base.json", "snapshot.json")

    def run(self, wrapper=()):
        self.traced = wrapper  # strace goes inside
        try:
            return super().run()
        finally:
            self.traced = ()

    def judge(self, killed, code, words):
        if killed:
            return self.check_fault(False)
        # What the event loop's own descriptors refuse is no mistake of ours: it ends, and is tried again.
        if code < 0 or (code == 70 and "sd-event" not in words):
            raise Broken(f"it crashed: status {code}: {words.strip()}")
        if code != 0 and not words.strip():
            raise Broken(f"its status is {code}, and no reason is told")
        return self.check_fault(code == 0)

    def check_fault(self, ok):
        if not os.path.exists(f"{self.state}/config/node") or not os.path.exists(f"{self.state}/reset.json"):
            raise Broken("what was to stay is gone")
        if not os.path.exists(f"{self.state}/log"):
            # Below staging/ it is garbage, for the next collection.
            left = sorted(set(os.listdir(self.state)) - {"config", "reset.json", "staging"}) + os.listdir(self.peer)
            if left:
                raise Broken(f"the log is gone before {left}")
        elif set(os.listdir(f"{self.state}/log")) != set(self.log):
            raise Broken(f"of the log is left {os.listdir(f'{self.state}/log')}")
        if ok:
            self.check_end()

    def check_end(self):
        left = sorted(os.listdir(self.state))
        if left != ["config", "reset.json"] or os.listdir(self.peer):
            raise Broken(f"left are {left} and {os.listdir(self.peer)}")


class Fetch(Scenario):
    name = program_name = "fetch"

    def prepare(self):
        self.blob = f"{self.base}/blob.part"
        self.resume = None
        invariants.put(self.blob, b"")
        self.ask()

    def ask(self):
        request = {"v": 1, "url": f"http://127.0.0.1:{self.options.port}/blob", "maxBytes": 1 << 20, "allowHttp": True}
        request["expectedBytes"] = len(self.options.blob)
        if self.resume:
            request["resume"] = self.resume
        write_json(self.request, request)

    def streams(self):
        return {"stdin": subprocess.DEVNULL, "stdout": os.open(self.blob, os.O_RDWR)}

    def between(self):
        result = read_result(self.result) or {}
        if result.get("validator") and result.get("bytes"):
            self.resume = {"offset": result["bytes"], "validator": result["validator"]}
        super().between()
        self.ask()

    def check_fault(self, ok):
        got = invariants.read(self.blob)
        claimed = (read_result(self.result) or {}).get("bytes", 0)
        if got[:claimed] != self.options.blob[:claimed] or claimed > len(got):
            raise Broken(f"it claims {claimed} bytes, and has not got them")
        if ok:
            self.check_end()

    def check_end(self):
        if invariants.read(self.blob) != self.options.blob:
            raise Broken("what was downloaded is not what is served")


SCENARIOS = {scenario.name: scenario for scenario in (Unpack, Seal, SealAgain, Collect, Forget, Fetch)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", required=True)
    parser.add_argument("--package", required=True)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 100000)
    parser.add_argument("scenario", nargs="*", choices=[[], *SCENARIOS])
    options = parser.parse_args()
    options.random = random.Random(options.seed)
    os.umask(0o022)
    for path in ("/var/lib/klubster", "/var/lib/klubster-peer"):
        os.makedirs(path, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        options.unpacked = f"{work}/unpacked"
        os.mkdir(options.unpacked)
        subprocess.run(("tar", "-xzf", options.package, "--no-same-owner", "-C", options.unpacked), check=True)
        options.tree = tree_of(options.unpacked)
        options.digest = hashlib.sha256(invariants.read(options.package)).hexdigest()
        options.blob = options.random.randbytes(100_000)
        server = BlobServer(options.blob)
        options.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            for name in options.scenario or SCENARIOS:
                os.mkdir(f"{work}/base")
                done = SCENARIOS[name](options).enumerate(f"{work}/base")
                shutil.rmtree(f"{work}/base")
                shown = ", ".join(f"{done[fault]} {fault}" for fault in done)
                print(f"{sum(done.values())} points of {name} ({shown})", flush=True)
        except Broken as broken:
            print(f"{broken} (seed {options.seed})", file=sys.stderr)
            return 1
        finally:
            server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
