#!/usr/bin/env python3
"""Writes archives that attack an unpacker, and one that does not: hostile.py DIR"""
import gzip
import io
import os
import sys
import tarfile
import zipfile

out = sys.argv[1]


def target(name):
    return os.path.join(out, name + ".tgz")


def info(name, kind=tarfile.REGTYPE, size=0, **more):
    member = tarfile.TarInfo(name)
    member.type = kind
    member.size = size
    for key, value in more.items():
        setattr(member, key, value)
    return member


def pack(name, members, fmt=tarfile.PAX_FORMAT):
    with tarfile.open(target(name), "w:gz", format=fmt, encoding="utf-8",
                      errors="surrogateescape") as tar:
        for member, data in members:
            tar.addfile(member, io.BytesIO(data) if data is not None else None)


def plain(name="profile.yaml", data=b"x"):
    return (info(name, size=len(data)), data)


good = [
    (info("./", tarfile.DIRTYPE, mode=0o777), None),
    (info("./profile.yaml", size=2, mode=0o600, uid=1000, uname="daemon"), b"hi"),
    (info("./bin", tarfile.DIRTYPE, mode=0), None),
    (info("./bin/run", size=3, mode=0o4755), b"run"),
    (info("./deep/er/file", size=0), b""),
    (info("./gr\u00fcn", size=1), b"g"),
]
pack("good", good)
pack("good-gnu", good, tarfile.GNU_FORMAT)
pack("good-long", [plain("d" * 200 + "/" + "f" * 100)])

pack("symlink", [plain(), (info("link", tarfile.SYMTYPE, linkname="/etc/shadow"), None)])
pack("symlink-inside", [plain(), (info("link", tarfile.SYMTYPE, linkname="profile.yaml"), None)])
pack("through-symlink", [(info("d", tarfile.SYMTYPE, linkname="/tmp"), None), plain("d/evil")])
pack("hardlink", [plain(), (info("hard", tarfile.LNKTYPE, linkname="/etc/passwd"), None)])
pack("hardlink-inside", [plain(), (info("hard", tarfile.LNKTYPE, linkname="profile.yaml"), None)])
pack("device", [(info("dev", tarfile.CHRTYPE, devmajor=1, devminor=3), None)])
pack("block", [(info("dev", tarfile.BLKTYPE, devmajor=7, devminor=0), None)])
pack("fifo", [(info("fifo", tarfile.FIFOTYPE), None)])
pack("dotdot", [plain("../evil")])
pack("dotdot-inside", [plain("a/../../evil")])
pack("absolute", [plain("/tmp/evil")])
pack("pax-path", [(info("fine", size=1, pax_headers={"path": "../evil"}), b"x")])
pack("dot-part", [plain("a/./b")])
pack("dash", [plain("-rf")])
pack("dash-inside", [plain("a/-rf")])
pack("control", [plain("a\x1b[2Jb")])
pack("newline", [plain("a\nb")])
pack("not-utf8", [plain("a\udcff")], tarfile.GNU_FORMAT)
pack("too-deep", [plain("/".join("d" * 33))])
pack("too-long", [plain("/".join(["d" * 100] * 11))])
pack("long-part", [plain("d" * 300)])
pack("twice", [plain(), plain()])
pack("directory-twice", [(info("d", tarfile.DIRTYPE), None), (info("d/", tarfile.DIRTYPE), None)])
pack("case", [plain("Makefile"), plain("makefile")])
pack("case-directory", [plain("Lib/a"), plain("lib/b")])
pack("file-as-directory", [plain("a"), plain("a/b")])
pack("directory-as-file", [plain("a/b"), plain("a")])
pack("empty-archive", [])

# Sparse: claims a tebibyte, brings nothing.
sparse = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "sparse",
          "GNU.sparse.realsize": str(1 << 40)}
pack("sparse", [(info("s", size=512, pax_headers=sparse), b"0\n" + bytes(510))])

with gzip.open(target("bomb"), "wb") as bomb:
    with tarfile.open(fileobj=bomb, mode="w|") as tar:
        tar.addfile(info("zeros", size=64 << 20), io.BytesIO(bytes(64 << 20)))
with tarfile.open(target("many"), "w:gz") as tar:
    for i in range(300):
        tar.addfile(info(f"f{i}"))
pack("large-file", [plain("large", bytes(range(256)) * 4096)])
pack("large-sum", [plain(f"part{i}", bytes(range(256)) * 2048) for i in range(4)])

whole = open(target("good"), "rb").read()
open(target("nothing"), "wb").close()
open(target("zeros"), "wb").write(bytes(10240))
with gzip.open(target("zeros-zipped"), "wb") as file:
    file.write(bytes(10240))
with gzip.open(target("twice-zipped"), "wb") as file:
    file.write(whole)
open(target("not-zipped"), "wb").write(gzip.decompress(whole))
open(target("cut"), "wb").write(whole[: len(whole) // 2])
open(target("rubbish"), "wb").write(os.urandom(4096))
with zipfile.ZipFile(target("zip"), "w") as file:
    file.writestr("profile.yaml", "x")

# Cut between two members: no end mark.
tar = gzip.decompress(whole)
end = len(tar.rstrip(b"\0"))
end = (end + 511) // 512 * 512
with gzip.open(target("cut-at-member"), "wb") as file:
    file.write(tar[:end])
# The header promises more than there is.
body = io.BytesIO()
with tarfile.open(fileobj=body, mode="w") as short:
    short.addfile(info("short", size=1024), io.BytesIO(bytes(1024)))
with gzip.open(target("short-data"), "wb") as file:
    file.write(body.getvalue()[:1024])
