"""The dialects of tar: good ones of each, and their headers turned against the reader."""
import io
import tarfile

from package import ACCEPT, GOOD, MANIFEST, REFUSED, accepted, refused
from tar_bytes import END, GNU, base256, directory, gnu_long, gzipped, member, octal, pax


def by_tarfile(form):
    """What Python's own tarfile makes of a small package."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name, data, mode in (("./", None, 0o755), ("./profile.yaml", MANIFEST.encode(), 0o600), ("./bin", None, 0o700),
                                 ("./bin/one", b"#!/bin/sh\n", 0o777), ("./deep/er/file", b"", 0o644)):
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
            info.size, info.mode = len(data or b""), mode
            tar.addfile(info, io.BytesIO(data or b""))
    return gzipped(out.getvalue())


def good_ones():
    yield ("good", ACCEPT, "", gzipped(GOOD + END))
    for name, form in (("ustar", tarfile.USTAR_FORMAT), ("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT)):
        yield ("good-" + name, ACCEPT, "", by_tarfile(form))
    v7 = {"magic": b""}
    yield ("good-v7", ACCEPT, "", gzipped(member("profile.yaml", MANIFEST, **v7) +
                                          member("bin/one", "x", mode=0o755, kind=0, **v7) + END))
    star = bytes(131) + octal(0, 12) + octal(0, 12) + bytes(8) + b"tar\0"
    yield ("good-star", ACCEPT, "", gzipped(member("profile.yaml", MANIFEST, tail=star) +
                                            member("bin/one", "x", mode=0o755, tail=star) + END))
    yield accepted("v7-directory-by-slash", member("d/", magic=b"", kind=0))
    yield accepted("global-pax-header", pax({"comment": "made by git"}, ord("g")), member("more", "x"))
    yield accepted("many-directories", *(directory(f"d{i}/{i}") for i in range(500)))
    yield accepted("empty-file", member("empty"))
    yield accepted("pax-path", pax({"path": "from/pax"}), member("short", "x"))
    yield accepted("gnu-long-name", gnu_long("l" * 120), member("short", "x", magic=GNU))
    yield accepted("unknown-pax-key", pax({"KLUBSTER.note": "x"}), member("more", "x"))
    yield ("filling-to-10240", ACCEPT, "", gzipped(GOOD + END + bytes(16 * 512)))


def sizes():
    yield accepted("size-in-base-256", member("b", "data", size_field=base256(4, 12)))
    yield accepted("size-with-spaces", member("b", "data", size_field=b"          4 "))
    yield accepted("pax-size", pax({"size": "4"}), member("p", "data"))
    yield refused("size-negative", "", member("negative", "x", size_field=base256(-512, 12)))
    yield refused("size-negative-one", "", member("negative", "x", size_field=base256(-1, 12)))
    yield ("size-2-to-the-63", "TooLarge|ArchiveRefused", "", gzipped(
        GOOD + member("huge", "x", size_field=b"\x80" + b"\0\0\0" + b"\x80" + bytes(7)) + END))
    yield ("size-all-bits", "TooLarge|ArchiveRefused", "", gzipped(
        GOOD + member("huge", "x", size_field=b"\x80" + b"\xff" * 11) + END))
    yield ("size-8-gib-octal", "TooLarge", "huge: the file is larger than", gzipped(
        GOOD + member("huge", "x", size_field=b"77777777777\0") + END))
    yield ("size-129-mib", "TooLarge", "huge: the file is larger than", gzipped(
        GOOD + member("huge", "x", size=129 << 20) + END))
    yield refused("size-not-octal", "", member("rubbish", "x", size_field=b"zzzzzzzzzzz\0"))
    # The TARmageddon kind: two readers that take another of these two sizes see other members.
    inner = member("klubster-evil", "x")
    yield accepted("pax-size-hides-a-header", pax({"size": str(len(inner))}), member("outer", inner, size=0))
    yield refused("pax-size-shorter", "", pax({"size": "0"}), member("outer", b"x" * 512))
    yield refused("pax-size-negative", "", pax({"size": "-512"}), member("outer", "x"))
    yield accepted("pax-size-with-rubbish-behind", pax({"size": "4x"}), member("outer", "data"))
    yield ("pax-size-overflow", "TooLarge|ArchiveRefused", "", gzipped(
        GOOD + pax({"size": "99999999999999999999999"}) + member("outer", "x") + END))
    yield refused("directory-with-data", "after d", directory("d", size=512), b"x" * 512)
    yield refused("fifo-with-size", "fifo", member("fifo", b"x" * 512, kind=ord("6")))


def extended():
    yield refused("pax-length-too-long", "", pax(b"999 path=x\n"), member("fine", "x"))
    yield refused("pax-length-zero", "", pax(b"0 path=x\n"), member("fine", "x"))
    yield refused("pax-length-rubbish", "", pax(b"abc path=x\n"), member("fine", "x"))
    yield refused("pax-without-equals", "", pax(b"10 pathxxx\n"), member("fine", "x"))
    yield refused("pax-without-newline", "", pax(b"10 path=xxx"), member("fine", "x"))
    yield refused("pax-without-member", "", pax({"path": "nobody"}))
    yield ("pax-of-64-mib", REFUSED + "|TooLarge", "", gzipped(
        GOOD + member("PaxHeaders/x", kind=ord("x"), size=64 << 20) + bytes(1 << 20), 1))
    yield refused("gnu-long-name-without-member", "", gnu_long("nobody"))
    yield ("gnu-long-name-of-64-mib", REFUSED + "|TooLarge", "", gzipped(
        GOOD + member("././@LongLink", kind=ord("L"), magic=GNU, size=64 << 20) + bytes(1 << 20), 1))
    yield refused("gnu-long-name-empty", "", gnu_long(""), member("", "x", magic=GNU))
    # Of two names for one member the one that stands first is taken, and only that.
    yield accepted("gnu-long-name-then-pax", gnu_long("fine"), pax({"path": "../klubster-evil"}), member("short", "x"))
    yield refused("pax-then-gnu-long-name", "../klubster-evil", pax({"path": "../klubster-evil"}), gnu_long("fine"),
                  member("fine", "x", magic=GNU))
    yield refused("pax-charset-binary", "", pax({"hdrcharset": "BINARY", "path": b"a\xff"}), member("fine", "x"))
    yield accepted("pax-charset-unknown", pax({"hdrcharset": "EBCDIC", "path": "x"}), member("fine", "x"))


def for_races():
    """Two packages of the same size, and one that takes a while."""
    for word in ("good", "evil"):
        yield ("swap-" + word, ACCEPT, "", gzipped(
            member("profile.yaml", MANIFEST) + member("bin/one", f"#!/bin/sh\necho {word}\n", mode=0o755) + END, 0))
    yield accepted("many-files", *(member(f"d{i % 50}/{i}", "x" * 100) for i in range(400)))


def cases():
    yield from good_ones()
    yield from for_races()
    yield from sizes()
    yield from extended()
