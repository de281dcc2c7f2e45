"""Names that lead out of the package, hide in it, or cannot be on every file system."""
from package import accepted, refused
from tar_bytes import GNU, directory, gnu_long, member, pax


def leading_out():
    absolute = "the name is absolute"
    parts = "the name has an empty part, . or .."
    yield refused("absolute", "/tmp/klubster-evil: " + absolute, member("/tmp/klubster-evil", "x"))
    yield refused("absolute-twice", "//tmp/klubster-evil: " + absolute, member("//tmp/klubster-evil", "x"))
    yield refused("absolute-directory", "/tmp/klubster-evil/: " + absolute, directory("/tmp/klubster-evil/"))
    yield refused("absolute-after-dot", ".//tmp/klubster-evil: " + absolute, member(".//tmp/klubster-evil", "x"))
    yield refused("dotdot", "../klubster-evil: " + parts, member("../klubster-evil", "x"))
    yield refused("dotdot-after-dot", "./../klubster-evil: " + parts, member("./../klubster-evil", "x"))
    yield refused("dotdot-inside", "a/../../klubster-evil: " + parts, member("a/../../klubster-evil", "x"))
    yield refused("dotdot-that-stays", "a/../b: " + parts, member("a/../b", "x"))
    yield refused("dotdot-alone", "..: " + parts, directory(".."))
    yield refused("dotdot-at-the-end", "a/..: " + parts, directory("a/.."))
    yield refused("dotdot-in-prefix", "../../klubster-evil: " + parts, member("klubster-evil", "x", prefix="../.."))
    yield refused("dot-part", "a/./b: " + parts, member("a/./b", "x"))
    yield refused("empty-part", "a//b: " + parts, member("a//b", "x"))
    yield refused("file-with-slash", "a", member("a/", "x"))
    yield refused("pax-path-out", "../klubster-evil: " + parts, pax({"path": "../klubster-evil"}), member("fine", "x"))
    yield refused("pax-path-absolute", "/tmp/klubster-evil: " + absolute,
                  pax({"path": "/tmp/klubster-evil"}), member("fine", "x"))
    yield refused("global-pax-path", "../klubster-evil: " + parts,
                  pax({"path": "../klubster-evil"}, ord("g")), pax({"path": "../klubster-evil"}), member("fine", "x"))
    yield refused("gnu-long-name-out", "../klubster-evil: " + parts, gnu_long("../klubster-evil"),
                  member("fine", "x", magic=GNU))
    yield refused("gnu-long-name-absolute", "/tmp/klubster-evil: " + absolute, gnu_long("/tmp/klubster-evil"),
                  member("fine", "x", magic=GNU))


def strange():
    control = "the name holds control characters"
    dash = "a part of the name begins with -"
    yield refused("escape-sequence", r"a\x1b[2Jb: " + control, member("a\x1b[2Jb", "x"))
    yield refused("newline", r"a\x0ab: " + control, member("a\nb", "x"))
    yield refused("carriage-return", r"a\x0db: " + control, member("a\rb", "x"))
    yield refused("tabulator", r"a\x09b: " + control, member("a\tb", "x"))
    yield refused("delete-character", r"a\x7fb: " + control, member("a\x7fb", "x"))
    yield refused("c1-control", r"a\xc2\x9bb: ", member("a\u009bb", "x"))
    yield refused("not-utf8", "not UTF-8", member(b"a\xff", "x"))
    yield refused("overlong-utf8", "not UTF-8", member(b"a\xc0\xafb", "x"))
    yield refused("surrogate", "not UTF-8", member(b"a\xed\xa0\x80", "x"))
    yield refused("latin-1", "not UTF-8", member(b"gr\xfcn", "x"))
    yield refused("dash", "-rf: " + dash, member("-rf", "x"))
    yield refused("dash-inside", "a/-rf: " + dash, member("a/-rf", "x"))
    yield refused("empty-name", "", member("", "x"))
    # On Linux a backslash is a letter like others: systemd's own unit names hold it.
    yield accepted("backslashes", member("..\\klubster-evil", "x"), member("C:\\klubster-evil", "x"))
    yield accepted("umlauts-and-kanji", member("gr\u00fcn/\u8ca8\u7269", "x"))
    yield accepted("spaces-and-quotes", member("a b/it's \"$(fine)\" * ?", "x"))
    yield accepted("dots-in-names", member("..a/b../...", "x"))


def long_ones():
    deep = "/".join("d" * 33)
    long = "/".join(["d" * 100] * 11)
    yield refused("deep", deep[:40], member(deep, "x"))
    yield refused("deep-directory", "the name is more than 32 deep", directory(deep))
    yield refused("long-in-pax", "the name is longer than 1024 bytes", pax({"path": long}), member("short", "x"))
    yield refused("long-in-gnu", "the name is longer than 1024 bytes", gnu_long(long), member("short", "x", magic=GNU))
    yield refused("1025-bytes", "the name is longer than 1024 bytes", gnu_long("a/" * 10 + "b" * 1005),
                  member("short", "x", magic=GNU))
    yield refused("long-part", "a part of the name is too long", pax({"path": "d" * 256}), member("short", "x"))
    yield accepted("deep-that-fits", member("/".join("d" * 32), "x"))
    yield accepted("long-that-fits", pax({"path": "/".join(["d" * 204] * 5)}), member("short", "x"))
    yield accepted("part-that-fits", gnu_long("d" * 255), member("short", "x", magic=GNU))
    yield accepted("ustar-prefix", member("f" * 100, "x", prefix="p" * 100))


def twice():
    yield refused("file-twice", "twice: the name stands twice", member("twice", "1"), member("twice", "2"))
    yield refused("manifest-twice", "profile.yaml: the name stands twice", member("profile.yaml", "evil"))
    yield refused("file-twice-with-dot", "./twice: the name stands twice", member("twice", "1"), member("./twice", "2"))
    yield refused("directory-twice", "d/: the name stands twice", directory("d"), directory("d/"))
    yield refused("case-pair", "makefile: the name differs from Makefile in case only",
                  member("Makefile", "1"), member("makefile", "2"))
    yield refused("case-pair-of-directories", "lib/b: the name differs from Lib in case only",
                  member("Lib/a", "1"), member("lib/b", "2"))
    yield refused("case-pair-of-umlauts", "differs from", member("\u00c4", "1"), member("\u00e4", "2"))
    # A name ends at its first NUL, for the one reader that there is.
    yield accepted("nul-in-pax-path", pax({"path": "fine\0/../klubster-evil"}), member("short", "x"))
    # Names are bytes: other normal forms are other names, here and on every file system of Linux.
    yield accepted("normal-forms", member("gr\u00fcn", "1"), member("gru\u0308n", "2"))
    yield accepted("ligature", member("\ufb01le", "1"), member("file", "2"))
    yield refused("file-below-file", "both a file and a directory", member("a", "1"), member("a/b", "2"))
    yield refused("directory-replaces-file", "both a file and a directory", member("a", "1"), directory("a"))
    yield refused("file-replaces-directory", "both a file and a directory", directory("a"), member("a", "1"))
    yield refused("file-replaces-unnamed-directory", "both a file and a directory", member("a/b", "1"), member("a", "2"))
    yield refused("file-replaces-root", "", member(".", "1"))
    yield refused("file-replaces-root-with-slash", "", member("./", "1"))
    yield accepted("directory-after-its-files", member("a/b", "1"), directory("a/"))
    yield accepted("root-twice", directory("./"), directory("."))


def cases():
    yield from leading_out()
    yield from strange()
    yield from long_ones()
    yield from twice()
