"""The stand-in's settings: flags, and the configuration file with its directory beside it."""
import glob
import json
import os
import sys

LISTS = {"tls-san", "disable", "node-label", "node-taint"}
FLAGS = {"cluster-init"}
TEXTS = {
    "data-dir", "node-name", "node-ip", "server", "token", "token-file", "agent-token",
    "agent-token-file", "https-listen-port", "write-kubeconfig-mode", "cluster-cidr", "service-cidr",
    "flannel-backend",
}


def die(message):
    print(f"time=now level=fatal msg={json.dumps(message)}", file=sys.stderr, flush=True)
    sys.exit(1)


def log(level, message):
    print(f"time=now level={level} msg={json.dumps(message)}", file=sys.stderr, flush=True)


def plain(text):
    """A scalar of YAML as far as the profile writes it: quoted like JSON, or bare."""
    text = text.strip()
    return json.loads(text) if text.startswith('"') else text


def read_file(path, settings):
    key = None
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line.lstrip().startswith("- ") and key in LISTS:
            settings.setdefault(key, []).append(plain(line.lstrip()[2:]))
            continue
        key, colon, value = line.partition(":")
        key = key.strip()
        if not colon or key not in LISTS | FLAGS | TEXTS:
            die(f"failed to parse {path}:{number}: no such setting: {key}")
        if key in LISTS:
            settings[key] = [plain(value)] if value.strip() else []
        elif key in FLAGS:
            settings[key] = plain(value) == "true"
        else:
            settings[key] = plain(value)


def read(argv):
    settings = {}
    config = "/etc/rancher/k3s/config.yaml"
    words = []
    for word in argv:
        words.extend(word.split("=", 1) if word.startswith("--") else [word])
    flags = {}
    while words:
        name = words.pop(0)
        if not name.startswith("--"):
            die(f"flag provided but not defined: {name}")
        name = name[2:]
        if name in ("config", "c"):
            config = words.pop(0)
        elif name in FLAGS:
            flags[name] = True
        elif name in LISTS:
            flags.setdefault(name, []).append(words.pop(0))
        elif name in TEXTS:
            flags[name] = words.pop(0)
        else:
            die(f"flag provided but not defined: -{name}")
    for path in [config, *sorted(glob.glob(config + ".d/*.yaml"))]:
        if os.path.exists(path):
            read_file(path, settings)
    settings.update(flags)
    settings.setdefault("data-dir", "/var/lib/rancher/k3s")
    settings.setdefault("https-listen-port", "6443")
    settings.setdefault("node-name", os.uname().nodename.lower())
    settings.setdefault("node-ip", "127.0.0.1")
    for kind in ("token", "agent-token"):
        if kind + "-file" in settings:
            settings[kind] = open(settings[kind + "-file"], encoding="utf-8").read().strip()
    return settings


def notify_ready():
    import socket

    where = os.environ.pop("NOTIFY_SOCKET", "")
    if not where:
        return
    if where.startswith("@"):
        where = "\0" + where[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"READY=1\n", where)
