"""Members that are neither regular files nor directories, or want more rights than those have."""
from package import GOOD, REFUSED, TOO_LARGE, accepted, archive, refused
from tar_bytes import (BLOCK_DEVICE, CHAR, CONTIGUOUS, END, FIFO, GNU, HARD_LINK, SOCKET_MODE, SYMLINK, base256,
                       directory, filled, gnu_long, gzipped, header, member, octal, pax)


def links():
    symbolic = ": a symbolic link may not be in a package"
    hard = ": a hard link may not be in a package"

    def link(name, to, **fields):
        return member(name, kind=SYMLINK, link=to, **fields)

    yield refused("symlink-out", "link" + symbolic, link("link", "/etc/shadow"))
    yield refused("symlink-dotdot", "a/link" + symbolic, link("a/link", "../../../etc/shadow"))
    yield refused("symlink-inside", "link" + symbolic, link("link", "profile.yaml"))
    yield refused("symlink-chain", "a" + symbolic, link("a", "b"), link("b", "c"), link("c", "/tmp"))
    yield refused("symlink-to-itself", "a" + symbolic, link("a", "a"))
    yield refused("write-through-symlink", "d" + symbolic, link("d", "/tmp"), member("d/klubster-evil", "x"))
    yield refused("symlink-replaces-directory", "d" + symbolic, directory("d"), link("d", "/tmp"),
                  member("d/klubster-evil", "x"))
    yield refused("symlink-replaces-file", "bin/one" + symbolic, link("bin/one", "/etc/shadow"))
    yield refused("symlink-as-root", "." + symbolic, link(".", "/tmp"))
    yield refused("symlink-by-pax", "link" + symbolic, pax({"linkpath": "/etc/shadow"}), link("link", "fine"))
    yield refused("symlink-with-long-target", "link" + symbolic, gnu_long("/" + "t" * 500, ord("K")),
                  link("link", "fine", magic=GNU))
    yield refused("symlink-with-data", "link" + symbolic, link("link", "/tmp", size=512) + bytes(512))
    yield refused("hard-link-out", "hard" + hard, member("hard", kind=HARD_LINK, link="/etc/passwd"))
    yield refused("hard-link-dotdot", "hard" + hard, member("hard", kind=HARD_LINK, link="../../etc/passwd"))
    yield refused("hard-link-inside", "hard" + hard, member("hard", kind=HARD_LINK, link="profile.yaml"))
    yield refused("hard-link-to-itself", "hard" + hard, member("hard", kind=HARD_LINK, link="hard"))
    yield refused("hard-link-with-data", "hard" + hard, member("hard", "data", kind=HARD_LINK, link="bin/one"))
    yield refused("linkpath-of-a-file", "fine" + hard, pax({"linkpath": "/etc/shadow"}),
                  member("fine", kind=HARD_LINK, link="x"))


def special():
    device = ": a device may not be in a package"
    yield refused("character-device", "null" + device, member("null", kind=CHAR, device=(1, 3)))
    yield refused("block-device", "loop" + device, member("loop", kind=BLOCK_DEVICE, device=(7, 0)))
    yield refused("kernel-memory", "kmem" + device, member("kmem", kind=CHAR, device=(1, 2), mode=0o666))
    yield refused("fifo", "fifo: a FIFO may not be in a package", member("fifo", kind=FIFO))
    yield refused("gnu-directory-dump", "dump: a directory may not have data", member("dump", "Yfile\0\0", kind=ord("D"), magic=GNU))
    yield refused("gnu-multi-volume", "", member("part", "x", kind=ord("M"), magic=GNU))
    yield accepted("gnu-volume-label", member("label", kind=ord("V"), magic=GNU))
    yield accepted("solaris-acl", member("acl", b"1000000\0user::rwx\0", kind=ord("A")), member("fine", "x"))
    # What is no type at all counts as a file (POSIX, ustar): of a socket's mode bits nothing is left.
    yield accepted("socket-by-mode", member("socket", "x", mode=SOCKET_MODE))
    yield accepted("contiguous-file", member("contiguous", "x", kind=CONTIGUOUS))
    yield accepted("unknown-type-is-a-file", member("unknown", "x", kind=ord("Q")))


def rights():
    yield accepted("setuid", member("setuid", "x", mode=0o4755))
    yield accepted("setgid-and-sticky", directory("setgid", mode=0o3777), member("setgid/x", "x", mode=0o7777))
    yield accepted("no-rights", directory("closed", mode=0), member("closed/x", "x", mode=0))
    yield accepted("other-owner", member("owned", "x", uid=1000, uname="daemon"))
    yield accepted("capability", pax({"SCHILY.xattr.security.capability": b"\1\0\0\2\xff\xff\xff\xff" + bytes(12)}),
                   member("capable", "x", mode=0o755))
    yield accepted("user-attribute", pax({"SCHILY.xattr.user.note": "x", "LIBARCHIVE.xattr.user.more": "eA=="}),
                   member("noted", "x"))
    yield accepted("access-list", pax({"SCHILY.acl.access": "user::rwx,user:daemon:rwx,group::r--,mask::rwx,other::r--"}),
                   member("listed", "x"))
    yield accepted("immutable-flag", pax({"SCHILY.fflags": "schg,uappnd"}), member("fixed", "x"))
    yield accepted("selinux-label", pax({"RHT.security.selinux": "system_u:object_r:shadow_t:s0"}), member("label", "x"))
    yield accepted("time-before-1970", pax({"mtime": "-1.5"}), member("old", "x"))
    yield accepted("time-after-9999", pax({"mtime": "999999999999"}), member("new", "x"))


def sparse():
    holes = ": a sparse file may not be in a package"
    tebibyte = 1 << 40
    gnu = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "holes", "GNU.sparse.realsize": str(tebibyte)}
    yield refused("sparse-1.0", "holes", pax(gnu), member("s", filled(b"1\n0\n512\n") + b"x" * 512))
    yield ("sparse-1.0-without-a-piece", TOO_LARGE, "holes: the file is larger than",
           archive(pax(gnu), member("s", filled(b"0\n"))))
    yield refused("sparse-1.0-cut-map", "", pax(gnu), member("s", b"5\n1\n"))
    yield refused("sparse-1.0-map-of-rubbish", "", pax(gnu), member("s", filled(b"x\ny\n")))
    yield refused("sparse-0.1", "holes", pax({"GNU.sparse.size": str(tebibyte), "GNU.sparse.numblocks": "1",
                                              "GNU.sparse.name": "holes", "GNU.sparse.map": "1048576,1"}), member("s", "x"))
    yield refused("sparse-0.0", "s" + holes, pax(b"".join(
        b"%d %s\n" % (len(text) + 4, text) for text in
        (b"GNU.sparse.size=1048576", b"GNU.sparse.numblocks=1", b"GNU.sparse.offset=4096", b"GNU.sparse.numbytes=1"))),
        member("s", "x"))
    # Offset 386: four pairs of offset and length, "is extended", real size.
    tail = bytes(41) + octal(4096, 12) + octal(512, 12) + bytes(72) + b"\0" + octal(8192, 12)
    yield refused("sparse-old-gnu", "s" + holes, member("s", b"x" * 512, kind=ord("S"), magic=GNU, tail=tail))
    tail = bytes(41) + octal(4096, 12) + octal(512, 12) + bytes(72) + b"\0" + base256(tebibyte, 12)
    yield refused("sparse-old-gnu-tebibyte", "s" + holes, member("s", b"x" * 512, kind=ord("S"), magic=GNU, tail=tail))
    tail = bytes(41) + bytes(96) + b"\1" + octal(8192, 12)
    yield ("sparse-old-gnu-extended-without-end", REFUSED, "",
           gzipped(GOOD + header("s", kind=ord("S"), size=512, magic=GNU, tail=tail) + (b"\0" * 504 + b"\1" + bytes(7)) * 4 + END))


def cases():
    yield from links()
    yield from special()
    yield from rights()
    yield from sparse()
    yield ("only-a-link", REFUSED, "link: a symbolic link may not be in a package",
           gzipped(member("link", kind=SYMLINK, link="/") + END))
