#!/usr/bin/env python3
"""What several nodes showed of each other over time, one look a line: {"observer","peers"} as `klubster peers --json` said.

  peer_views.py check FILE      per observer nothing goes back, over restarts of its klubster-peerd as well; every record
                                that was shown is signed by the key that it names
  peer_views.py equal FILE…     the last looks of all observers say the same of everybody (exit 1: not yet)

`check` prints how much it looked at; the first violation ends it with exit 1.
"""
import base64
import json
import subprocess
import sys
import tempfile

HEADER = b"klubster node record v1\n"
# An Ed25519 public key as DER is this and 32 bytes (RFC 8410).
DER = bytes.fromhex("302a300506032b6570032100")


def looks(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def is_signed(record, directory):
    signature = record["signature"]
    content = {key: value for key, value in record.items() if key != "signature"}
    text = HEADER + json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    for name, data in (("text", text), ("signature", base64.b64decode(signature["value"])),
                       ("key", DER + base64.b64decode(signature["key"]))):
        with open(f"{directory}/{name}", "wb") as file:
            file.write(data)
    done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", f"{directory}/key",
                           "-rawin", "-in", f"{directory}/text", "-sigfile", f"{directory}/signature"],
                          capture_output=True, check=False)
    return done.returncode == 0


def check(path):
    newest, proven, seen = {}, set(), 0
    with tempfile.TemporaryDirectory() as directory:
        for look in looks(path):
            for peer in look["peers"]["peers"]:
                record = peer.get("record")
                if record is None:
                    continue
                seen += 1
                about = (look["observer"], peer["name"])
                version = (record["incarnation"], record["seq"])
                if version < newest.get(about, (0, 0)):
                    sys.exit(f"{about[0]} went back from {newest[about]} to {version} of {about[1]}")
                newest[about] = version
                if record["node"] != peer["name"]:
                    sys.exit(f"{about[0]} shows a record of {record['node']} as {peer['name']}'s")
                value = record["signature"]["value"]
                if value not in proven and not is_signed(record, directory):
                    sys.exit(f"{about[0]} accepted a record of {about[1]} that its key did not sign: {record}")
                proven.add(value)
    print(f"    {seen} records shown by {len({who for who, _ in newest})} nodes, {len(proven)} different ones, all signed, "
          "none older than the one before")


def equal(paths):
    views = []
    for path in paths:
        last = list(looks(path))[-1]
        views.append({peer["name"]: (peer.get("record") or {}).get("signature") for peer in last["peers"]["peers"]})
    sys.exit(0 if all(view == views[0] and None not in view.values() for view in views) else 1)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "check":
        check(sys.argv[2])
    elif len(sys.argv) > 2 and sys.argv[1] == "equal":
        equal(sys.argv[2:])
    else:
        sys.exit(__doc__)
