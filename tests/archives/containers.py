"""Other formats under the name of a package."""
import bz2
import io
import lzma
import zipfile

from package import REFUSED, tar
from tar_bytes import gzipped


def zipped():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr(zipfile.ZipInfo("profile.yaml"), "x")
    return out.getvalue()


def cpio():
    name = b"profile.yaml\0"
    head = b"070701" + b"%08x" * 13 % (1, 0o100644, 0, 0, 1, 0, 1, 0, 0, 0, 0, len(name), 0)
    return (head + name).ljust(124, b"\0") + b"x\0\0\0" + b"070701" + b"0" * 88 + b"0000000b" + b"0" * 8 + b"TRAILER!!!\0"


def noise(count):
    """The same bytes every time, and no pattern."""
    state, out = 1, bytearray()
    for _ in range(count):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        out.append(state >> 16 & 0xFF)
    return bytes(out)


def cases():
    plain = tar()
    gzip = "it cannot be read as gzip"
    no_tar = "it is not a tar"
    for name, words, data in (
            ("empty-file-as-package", "the file is empty", b""),
            ("zeros-not-compressed", gzip, bytes(10240)),
            ("tar-not-compressed", gzip, plain),
            ("bzip2", gzip, bz2.compress(plain)),
            ("xz", gzip, lzma.compress(plain)),
            ("zip", gzip, zipped()),
            ("noise", gzip, noise(4096)),
            ("text", gzip, b"#!/bin/sh\nexit 0\n"),
            ("web-page", gzip, b"<!DOCTYPE html><html><title>404</title></html>\n"),
            ("gzip-in-gzip", no_tar, gzipped(gzipped(plain))),
            ("bzip2-in-gzip", no_tar, gzipped(bz2.compress(plain))),
            ("xz-in-gzip", no_tar, gzipped(lzma.compress(plain))),
            ("zip-in-gzip", no_tar, gzipped(zipped())),
            ("cpio-in-gzip", no_tar, gzipped(cpio())),
            ("ar-in-gzip", no_tar, gzipped(b"!<arch>\nprofile.yaml/   0           0     0     100644  1         `\nx\n")),
            ("iso-in-gzip", "something follows the end mark", gzipped(bytes(32769) + b"CD001" + bytes(2048))),
            ("noise-in-gzip", no_tar, gzipped(noise(4096)))):
        yield (name, REFUSED, words, data)
