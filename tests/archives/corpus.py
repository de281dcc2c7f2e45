#!/usr/bin/env python3
"""Writes archives that attack an unpacker or are damaged, and good ones: corpus.py DIR

DIR/NAME.tgz each, the same bytes every time, and DIR/verdicts.tsv, one line an archive:
NAME, verdict ("accept" or the reason of the refusal), a part of its message (the member's name,
printable), and limits other than the usual ones ("entries=100").
"""
import os
import sys

sys.dont_write_bytecode = True  # nothing is left beside the sources

import containers
import damage
import forms
import names
import types_of_members

PARTS = (names, types_of_members, forms, damage, containers)


def cases():
    for part in PARTS:
        yield from part.cases()


def write(folder):
    lines = []
    known = set()
    for name, verdict, words, data, *limits in cases():
        if name in known:
            raise SystemExit(f"two archives are called {name}")
        known.add(name)
        with open(os.path.join(folder, name + ".tgz"), "wb") as file:
            file.write(data)
        lines.append("\t".join([name, verdict, words, *(limits or [""])]))
    with open(os.path.join(folder, "verdicts.tsv"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write(sys.argv[1])
