"""Archives that are cut, changed or too much of something."""
from package import GOOD, REFUSED, TOO_LARGE, tar
from tar_bytes import BLOCK, END, deflated, directory, gzip_header, gzip_trailer, gzipped, member


def damaged(name, words, data, verdict=REFUSED):
    return (name, verdict, words, data)


def tars():
    cut = "end mark is missing"
    whole = tar(member("last", b"x" * 2000))
    last = len(whole) - len(END) - 2048
    yield damaged("no-end-mark", cut, gzipped(GOOD))
    yield damaged("half-an-end-mark", cut, gzipped(GOOD + bytes(BLOCK)))
    yield damaged("end-mark-of-other-bytes", "", gzipped(GOOD + bytes(BLOCK) + b"x" * BLOCK))
    yield damaged("cut-in-header", "after bin/one", gzipped(whole[:last - 200]))
    yield damaged("cut-after-header", "last", gzipped(whole[:last]))
    yield damaged("cut-in-data", "last", gzipped(whole[:last + 1000]))
    yield damaged("cut-in-filling", "", gzipped(whole[:last + 2010]))
    yield damaged("cut-at-member", cut, gzipped(whole[:last + 2048]))
    yield damaged("checksum-of-header", "after bin/one", gzipped(GOOD + member("bad", "x", checksum=b"000001\0 ") + END))
    yield damaged("checksum-not-octal", "after bin/one", gzipped(GOOD + member("bad", "x", checksum=b"zzzzzz\0 ") + END))
    yield damaged("bit-flip-in-name", "after bin/one", gzipped(GOOD + b"X" + member("name", "x")[1:] + END))
    yield damaged("rubbish-between-members", "after bin/one", gzipped(GOOD + b"rubbish " * 64 + member("more", "x") + END))
    yield damaged("member-after-end-mark", "follows the end mark", gzipped(GOOD + END + member("klubster-evil", "x") + END))
    yield damaged("byte-after-end-mark", "follows the end mark", gzipped(GOOD + END + bytes(8000) + b"x"))
    yield damaged("second-tar-after-much-filling", "follows the end mark", gzipped(GOOD + END + bytes(600000) + GOOD + END))
    yield damaged("only-an-end-mark", "", gzipped(END))
    yield damaged("only-zeros", "", gzipped(bytes(10240)))
    yield damaged("one-byte", "", gzipped(b"x"))
    yield damaged("nothing-compressed", "", gzipped(b""))
    yield damaged("only-the-root", "", gzipped(directory("./") + END), "ManifestInvalid")
    yield damaged("no-manifest", "profile.yaml", gzipped(member("bin/one", "x", mode=0o755) + END), "ManifestInvalid")


def gzips():
    plain = tar()
    good = gzipped(plain)
    body = deflated(plain)
    trailer = gzip_trailer(plain)
    cut = "the compressed data is cut"
    follows = "something follows the compressed data"
    gzip = "it cannot be read as gzip"
    yield damaged("cut-in-gzip-header", cut, good[:5])
    yield damaged("cut-in-compressed-data", cut, good[:len(good) // 2])
    yield damaged("cut-before-gzip-trailer", cut, good[:-8])
    yield damaged("cut-in-gzip-trailer", cut, good[:-3])
    yield damaged("gzip-checksum", gzip, good[:-8] + b"\0\0\0\0" + good[-4:])
    yield damaged("gzip-length", gzip, good[:-4] + b"\0\0\0\0")
    yield damaged("gzip-data-of-another-file", gzip, gzip_header() + deflated(tar(member("other", "x"))) + trailer)
    yield damaged("two-gzip-members", follows, good + good)
    yield damaged("tar-in-two-gzip-members", follows, gzipped(plain[:1024]) + gzipped(plain[1024:]))
    yield damaged("rubbish-after-gzip", follows, good + b"rubbish")
    yield damaged("zeros-after-gzip", follows, good + bytes(512))
    yield damaged("gzip-reserved-flags", gzip, gzip_header(0xE0) + body + trailer)
    yield damaged("gzip-header-checksum", gzip, gzip_header(0x02) + b"\0\0" + body + trailer)
    yield damaged("gzip-other-method", gzip, b"\x1f\x8b\x07" + good[3:])
    yield damaged("deflate-block-of-type-3", gzip, gzip_header() + b"\x07" + body[1:] + trailer)
    yield damaged("deflate-without-gzip", gzip, body)
    yield ("gzip-with-name-and-comment", "accept", "", gzip_header(0x18) + b"profile.tar\0a comment\0" + body + trailer)
    yield ("gzip-with-extra-field", "accept", "", gzip_header(0x04) + b"\4\0extr" + body + trailer)
    yield ("gzip-stored", "accept", "", gzipped(plain, 0))


def bombs():
    def over(name, words, data, limits=""):
        return (name, TOO_LARGE, words, data, limits)

    zeros = "times its size"
    yield over("bomb-in-a-file", zeros, gzipped(GOOD + member("zeros", bytes(32 << 20)) + END, 9))
    yield over("bomb-after-the-end-mark", zeros, gzipped(GOOD + END + bytes(32 << 20), 9))
    yield over("bomb-of-headers", "20000 members", gzipped(
        GOOD + b"".join(directory("./", mtime=i * 7919) for i in range(20000)) + END, 1))
    yield over("bomb-of-directories", "100 members", gzipped(
        GOOD + b"".join(directory(f"d{i}") for i in range(200)) + END), "entries=100")
    noise = bytes(range(256)) * 4096
    yield over("file-over-budget", "large: the file is larger than 1000 bytes",
               gzipped(tar(member("large", noise[:1001]))), "file_bytes=1000")
    yield over("sum-over-budget", "part1: the package unpacks to more than 1048576 bytes",
               gzipped(tar(*(member(f"part{i}", noise[:524288]) for i in range(4)))), "bytes=1048576")
    yield over("ratio-over-budget", zeros, gzipped(tar(member("even", bytes(2 << 20)))), "ratio=10")
    yield over("long-headers-over-budget", "bytes", gzipped(
        GOOD + b"".join(member("././@LongLink", bytes(1 << 19), kind=ord("L"), magic=b"ustar  \0") for _ in range(12)), 0),
        "entries=1 bytes=1")


def cases():
    yield from tars()
    yield from gzips()
    yield from bombs()
