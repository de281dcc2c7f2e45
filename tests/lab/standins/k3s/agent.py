"""k3s agent, and the agent inside each server."""
import json
import os
import secrets
import signal
import sys
import threading
import time

import authority
import client
import containers
from settings import die, log, notify_ready

HEARTBEAT_SECONDS = 1


def node_password():
    path = "/etc/rancher/node/password"
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    if not os.path.exists(path):
        with open(path, "w", encoding="utf-8") as out:
            out.write(secrets.token_hex(16) + "\n")
    return open(path, encoding="utf-8").read().strip()


def connect(given):
    """Finds out who the server is, as a real agent does: for ever, with a line for each try."""
    url = given["server"]
    hash_, user, secret = authority.parse_token(given["token"], "node")
    while True:
        try:
            ca = client.request(url, "/cacerts")
            if not hash_:
                log("warning", "Cluster CA certificate is not trusted by the host CA bundle, but the token does "
                    "not include a CA hash.")
            elif authority.ca_hash(ca) != hash_:
                raise OSError("token CA hash does not match the Cluster CA certificate hash: "
                              f"{hash_} != {authority.ca_hash(ca)}")
            client.request(url, "/cacerts", ca=ca)
            return ca, ("node" if user == "node" else user, secret)
        except (OSError, client.Refused) as error:
            log("error", f"Failed to validate connection to cluster at {url}: {error}")
            time.sleep(1)


def fetch_identity(given, ca, user, agent_dir):
    headers = {"k3s-Node-Name": given["node-name"], "k3s-Node-Password": node_password()}
    while True:
        try:
            pair = client.request(given["server"], "/v1-k3s/client-kubelet.crt", ca=ca, user=user, headers=headers)
            break
        except client.Refused as error:
            text = str(error)
            if error.status == 403:
                text = ("Node password rejected, duplicate hostname or contents of '/etc/rancher/node/password' "
                        "may not match server node-passwd entry")
            log("info", f"Waiting to retrieve agent configuration; server is not ready: {text}")
        except OSError as error:
            log("info", f"Waiting to retrieve agent configuration; server is not ready: {error}")
        time.sleep(1)
    key_at = pair.index(b"-----BEGIN PRIVATE KEY-----")
    for name, data in (("client-kubelet.crt", pair[:key_at]), ("client-kubelet.key", pair[key_at:]),
                       ("server-ca.crt", ca)):
        with open(f"{agent_dir}/{name}", "wb") as out:
            out.write(data)


def join(given):
    """Registers the node and keeps it ready. Returns what a heartbeat needs."""
    agent_dir = given["data-dir"] + "/agent"
    os.makedirs(agent_dir, exist_ok=True)
    if os.path.exists(f"{agent_dir}/client-kubelet.crt"):
        ca = open(f"{agent_dir}/server-ca.crt", "rb").read()
    else:
        ca, user = connect(given)
        fetch_identity(given, ca, user, agent_dir)
    client.write_kubeconfig(f"{agent_dir}/kubelet.kubeconfig", given["server"], {
        "ca": f"certificate-authority: {agent_dir}/server-ca.crt",
        "certificate": f"client-certificate: {agent_dir}/client-kubelet.crt",
        "key": f"client-key: {agent_dir}/client-kubelet.key"})
    log("info", f"containers: {containers.start(given['data-dir'])}")
    return client.KubeConfig(f"{agent_dir}/kubelet.kubeconfig")


def node_status(given, roles):
    labels = dict(word.partition("=")[::2] for word in given.get("node-label", []))
    for role in roles:
        labels[f"node-role.kubernetes.io/{role}"] = "true"
    return json.dumps({"address": given["node-ip"], "labels": labels, "taints": given.get("node-taint", [])})


def beat(config, given, roles):
    config.request(f"/api/v1/nodes/{given['node-name']}", "PUT", node_status(given, roles))


def keep_beating(config, given, roles):
    failing = False
    while True:
        try:
            beat(config, given, roles)
            failing = False
        except (OSError, client.Refused) as error:
            if not failing:
                log("error", f"Error updating node status: {error}")
            failing = True
        time.sleep(HEARTBEAT_SECONDS)


def run(given):
    if "server" not in given:
        die("--server is required")
    if "token" not in given:
        die("--token is required")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    config = join(given)
    while True:
        try:
            beat(config, given, [])
            break
        except (OSError, client.Refused) as error:
            log("info", f"Waiting to register the node: {error}")
            time.sleep(1)
    notify_ready()
    log("info", "k3s agent is up and running")
    threading.Thread(target=keep_beating, args=(config, given, []), daemon=True).start()
    while True:
        signal.pause()
