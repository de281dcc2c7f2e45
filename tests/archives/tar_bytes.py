"""Tar and gzip byte by byte, also where they are wrong: what a library would refuse to write."""
import struct
import zlib

BLOCK = 512
END = bytes(2 * BLOCK)
USTAR = b"ustar\x0000"
GNU = b"ustar  \x00"

FILE, HARD_LINK, SYMLINK, CHAR, BLOCK_DEVICE, DIRECTORY, FIFO, CONTIGUOUS = b"01234567"
SOCKET_MODE = 0o140777


def raw(text):
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def octal(value, width):
    return b"%0*o\0" % (width - 1, value)


def base256(value, width):
    """GNU's form of numbers that are large or negative."""
    return bytes([0x80 if value >= 0 else 0xFF]) + (value % (1 << (8 * (width - 1)))).to_bytes(width - 1, "big")


def filled(data):
    return data + bytes(-len(data) % BLOCK)


def header(name, kind=FILE, size=0, mode=0o644, link=b"", magic=USTAR, prefix=b"", uid=0, mtime=0,
           device=(0, 0), size_field=None, checksum=None, uname=b"", tail=None):
    """One header block. `tail` replaces the 167 bytes from offset 345 on (prefix or GNU's fields)."""
    fields = bytearray(BLOCK)

    def put(offset, width, value):
        fields[offset:offset + width] = raw(value)[:width].ljust(width, b"\0")

    put(0, 100, name)
    put(100, 8, octal(mode, 8))
    put(108, 8, octal(uid, 8))
    put(116, 8, octal(uid, 8))
    put(124, 12, octal(size, 12) if size_field is None else size_field)
    put(136, 12, octal(mtime, 12))
    put(148, 8, b" " * 8)
    put(156, 1, bytes([kind]))
    put(157, 100, link)
    put(257, 8, magic)
    put(265, 32, uname)
    if magic:
        put(329, 8, octal(device[0], 8))
        put(337, 8, octal(device[1], 8))
    put(345, 155, prefix)
    if tail is not None:
        put(345, 167, tail)
    put(148, 8, (b"%06o\0 " % sum(fields)) if checksum is None else checksum)
    return bytes(fields)


def member(name, data=b"", **fields):
    """Header and data; the size is the data's unless it is given."""
    data = raw(data)
    fields.setdefault("size", len(data))
    return header(name, **fields) + filled(data)


def pax_record(key, value):
    body = b" " + raw(key) + b"=" + raw(value) + b"\n"
    length = len(body)
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    return str(length).encode() + body


def pax(records, kind=ord("x")):
    """An extended header: records of the next member, or (kind g) of all that follow."""
    data = records if isinstance(records, bytes) else b"".join(pax_record(*item) for item in records.items())
    return member("PaxHeaders/member", data, kind=kind)


def gnu_long(text, kind=ord("L")):
    return member("././@LongLink", raw(text) + b"\0", kind=kind, magic=GNU)


def directory(name, **fields):
    fields.setdefault("mode", 0o755)
    return member(name, kind=DIRECTORY, **fields)


def gzip_header(flags=0):
    return b"\x1f\x8b\x08" + bytes([flags]) + bytes(4) + b"\x02\xff"


def gzip_trailer(data):
    return struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def deflated(data, level=6):
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def gzipped(data, level=6):
    return gzip_header() + deflated(data, level) + gzip_trailer(data)
