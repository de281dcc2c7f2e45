"""k3s server: tokens and authority, the datastore, then the API, then the agent inside."""
import base64
import hashlib
import json
import os
import secrets
import signal
import sys
import threading
import time

import agent
import api
import authority
import client
from settings import die, log, notify_ready


class Store:
    """The cluster's data: one file, where the datastore that was chosen keeps its own."""

    def __init__(self, path):
        self.path = path
        self.lock = threading.Lock()
        self.data = {"token": "", "upstream": "", "nodes": {}, "objects": {}}
        if os.path.exists(path):
            self.data = json.load(open(path, encoding="utf-8"))

    def save(self):
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.path + ".new", "w", encoding="utf-8") as out:
            json.dump(self.data, out)
            out.flush()
            os.fsync(out.fileno())
        os.rename(self.path + ".new", self.path)


def open_store(given, server_dir):
    if os.path.exists(f"{server_dir}/db/etcd/tombstone"):
        os.rename(f"{server_dir}/db/etcd", f"{server_dir}/db/etcd-old-{time.time():.0f}")
    etcd, sqlite = f"{server_dir}/db/etcd/member/wal/standin.json", f"{server_dir}/db/state.db"
    if os.path.exists(etcd):
        return Store(etcd)
    if given.get("cluster-init") or "server" in given:
        return Store(etcd)
    return Store(sqlite)


def take_bootstrap(given, tls):
    """A server that joins takes the authorities from the one that it joins."""
    url = given["server"]
    ca, user = agent.connect(given)
    try:
        files = json.loads(client.request(url, "/v1-k3s/server-bootstrap", ca=ca, user=("server", user[1])))
    except client.Refused as error:
        die(f"starting kubernetes: preparing server: failed to get CA certs: {error}")
    os.makedirs(f"{tls}/etcd", exist_ok=True)
    for name, text in files.items():
        with open(f"{tls}/{name}", "w", encoding="utf-8") as out:
            out.write(text)


def write_token(path, token):
    with open(path, "w", encoding="utf-8") as out:
        out.write(token + "\n")
    os.chmod(path, 0o600)


def write_tokens(given, server_dir, secret, bundle):
    write_token(f"{server_dir}/token", authority.full_token(f"server:{secret}", bundle))
    links = ["node-token"]
    if given.get("agent-token"):
        agent_secret = authority.parse_token(given["agent-token"], "node")[2]
        if os.path.islink(f"{server_dir}/agent-token"):
            os.unlink(f"{server_dir}/agent-token")
        write_token(f"{server_dir}/agent-token", authority.full_token(f"node:{agent_secret}", bundle))
    else:
        agent_secret = secret
        links.append("agent-token")
    for link in links:
        if not os.path.lexists(f"{server_dir}/{link}"):
            os.symlink(f"{server_dir}/token", f"{server_dir}/{link}")
    return agent_secret


def own_secret(given, store, server_dir, bundle):
    hash_, _, secret = authority.parse_token(given.get("token", ""), "server")
    if not secret and os.path.exists(f"{server_dir}/token"):
        secret = authority.parse_token(open(f"{server_dir}/token", encoding="utf-8").read().strip(), "server")[2]
    secret = secret or secrets.token_hex(16)
    if hash_ and hash_ != authority.ca_hash(bundle):
        die("token CA hash does not match the Cluster CA certificate hash: "
            f"{hash_} != {authority.ca_hash(bundle)}")
    digest = hashlib.sha256(secret.encode()).hexdigest()
    if store.data["token"] and store.data["token"] != digest:
        die("starting kubernetes: preparing server: bootstrap data already found and encrypted with different token")
    store.data["token"] = digest
    return secret


def write_admin_config(tls, port):
    pair = authority.issue(tls, "client-ca", "/O=system:masters/CN=system:admin")
    ca = open(f"{tls}/server-ca.crt", "rb").read()
    encode = lambda data: base64.b64encode(data).decode()  # noqa: E731
    client.write_kubeconfig("/etc/rancher/k3s/k3s.yaml", f"https://127.0.0.1:{port}", {
        "ca": f"certificate-authority-data: {encode(ca)}",
        "certificate": f"client-certificate-data: {encode(pair[0])}",
        "key": f"client-key-data: {encode(pair[1])}"})


def run(given):
    server_dir = given["data-dir"] + "/server"
    tls = server_dir + "/tls"
    store = open_store(given, server_dir)
    is_new = not store.data["token"]
    if "server" in given and is_new:
        store.data["upstream"] = given["server"]
        take_bootstrap(given, tls)
    authority.make_authorities(tls)
    bundle = open(f"{tls}/server-ca.crt", "rb").read()
    secret = own_secret(given, store, server_dir, bundle)
    store.save()
    agent_secret = write_tokens(given, server_dir, secret, bundle)

    port = int(given["https-listen-port"])
    names = ["127.0.0.1", "localhost", given["node-name"], given["node-ip"], *given.get("tls-san", [])]
    pair = authority.issue(tls, "server-ca", "/O=k3s/CN=k3s", list(dict.fromkeys(filter(None, names))))
    with open(f"{server_dir}/serving.pem", "wb") as out:
        out.write(pair[0] + pair[1])
    write_admin_config(tls, port)
    # As in K3s, another datastore than the one that is there would simply be a new, empty cluster.
    api.serve(store, tls, f"{server_dir}/serving.pem", port, {"server": secret, "node": agent_secret})
    notify_ready()
    log("info", "k3s is up and running")

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    inside = dict(given, server=f"https://127.0.0.1:{port}", token=authority.full_token(f"node:{agent_secret}", bundle))
    roles = ["control-plane", "etcd"] if "/etcd/" in store.path else ["control-plane"]
    config = agent.join(inside)
    threading.Thread(target=agent.keep_beating, args=(config, inside, roles), daemon=True).start()
    while True:
        time.sleep(3600)
