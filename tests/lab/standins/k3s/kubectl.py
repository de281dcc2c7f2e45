"""k3s kubectl: the verbs and outputs that the example uses, against a stand-in's server."""
import json
import os
import re
import sys

import client

VALUED = {"--kubeconfig", "--request-timeout", "--timeout", "-n", "--namespace", "-o", "--output", "-l", "--selector",
          "-f", "--filename", "--raw", "--field-manager"}
FLAGS = {"--server-side", "--force-conflicts", "--ignore-not-found", "--no-headers", "--wait", "--overwrite"}


def parse(argv):
    words, options = [], {}
    argv = list(argv)
    while argv:
        word = argv.pop(0)
        name, equals, value = word.partition("=")
        if name in FLAGS:
            options[name] = True
        elif name in VALUED:
            options[name] = value if equals else argv.pop(0)
        elif word.startswith("-"):
            raise SystemExit(f"error: unknown flag: {word} (stand-in for kubectl)")
        else:
            words.append(word)
    for short, long in (("-n", "--namespace"), ("-o", "--output"), ("-l", "--selector"), ("-f", "--filename")):
        if long in options:
            options[short] = options[long]
    return words, options


def documents(path):
    """(kind/namespace/name, text) of each resource in a file of YAML."""
    text = sys.stdin.read() if path == "-" else open(path, encoding="utf-8").read()
    for part in re.split(r"(?m)^---\s*$", text):
        if not re.search(r"(?m)^\s*[^#\s]", part):
            continue
        kind = re.search(r"(?m)^kind:\s*(\S+)", part)
        metadata = re.search(r"(?ms)^metadata:\n((?:[ ]+.*?\n)+)", part)
        name = metadata and re.search(r"(?m)^  name:\s*(\S+)", metadata.group(1))
        if not kind or not name:
            raise SystemExit(f"error: error parsing {path}: a resource without kind or metadata.name")
        namespace = re.search(r"(?m)^  namespace:\s*(\S+)", metadata.group(1))
        yield f"{kind.group(1)}/{namespace.group(1) if namespace else 'default'}/{name.group(1)}", part


def is_true(node):
    return next((c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready"), "")


def print_nodes(nodes, form):
    if form.startswith("jsonpath={range .items[*]}"):
        for node in nodes:
            print(node["metadata"]["name"], is_true(node))
    elif form.startswith("jsonpath={.status.conditions"):
        print(is_true(nodes[0]), end="")
    elif form == "name":
        for node in nodes:
            print("node/" + node["metadata"]["name"])
    elif form == "json":
        print(json.dumps(nodes[0] if len(nodes) == 1 else {"items": nodes}))
    elif form and form != "wide":
        raise SystemExit(f"error: the stand-in for kubectl has no output {form}")
    else:
        print("NAME   STATUS   ROLES")
        for node in nodes:
            roles = [key.split("/")[1] for key in node["metadata"]["labels"] if key.startswith("node-role")]
            state = "Ready" if is_true(node) == "True" else "NotReady"
            print(node["metadata"]["name"], state, ",".join(roles) or "<none>", sep="   ")


def get_nodes(config, words, options):
    if words:
        nodes = [json.loads(config.request(f"/api/v1/nodes/{words[0]}"))]
    else:
        nodes = json.loads(config.request("/api/v1/nodes"))["items"]
    wanted = options.get("-l", "")
    if wanted:
        key, _, value = wanted.partition("=")
        nodes = [node for node in nodes if node["metadata"]["labels"].get(key) == value]
    print_nodes(nodes, options.get("-o", ""))


def get(config, words, options):
    if "--raw" in options:
        print(config.request(options["--raw"]).decode())
    elif "-f" in options:
        for key, _ in documents(options["-f"]):
            config.request("/standin/" + key)
            print(key)
    elif words[0] in ("node", "nodes"):
        get_nodes(config, words[1:], options)
    elif words[0] == "deployment":
        text = config.request(f"/standin/Deployment/{options.get('-n', 'default')}/{words[1]}").decode()
        if options.get("-o", "").startswith("jsonpath={.status.conditions"):
            print("False" if "available: no" in text else "True", end="")
        else:
            print(f"deployment.apps/{words[1]}")
    elif words[0] == "storageclass":
        for name in ("local-path", "longhorn"):
            try:
                print(name, config.request(f"/standin/StorageClass/default/{name}").decode())
            except client.Refused:
                pass
    elif words[0] == "job":
        text = config.request(f"/standin/Job/{options.get('-n', 'default')}/{words[1]}").decode()
        print("1," if text == "succeeded" else f",{text}", end="")
    else:
        raise SystemExit(f"error: the stand-in for kubectl cannot get {words[0]}")


def apply(config, options):
    for key, text in documents(options["-f"]):
        config.request("/standin/" + key, "PUT", text)
        print(f"{key} serverside-applied")


def delete(config, words, options):
    paths = [f"/api/v1/nodes/{words[1]}"] if words else []
    if "-f" in options:
        paths = ["/standin/" + key for key, _ in documents(options["-f"])]
    for path in paths:
        try:
            config.request(path, "DELETE")
            print(f"{path} deleted")
        except client.Refused as error:
            if error.status != 404 or "--ignore-not-found" not in options:
                raise


def run(argv):
    words, options = parse(argv)
    path = options.get("--kubeconfig") or os.environ.get("KUBECONFIG") or "/etc/rancher/k3s/k3s.yaml"
    try:
        config = client.KubeConfig(path)
        if words[0] == "get":
            get(config, words[1:], options)
        elif words[0] == "apply":
            apply(config, options)
        elif words[0] == "annotate":
            config.request(f"/standin/StorageClass/default/{words[2]}", "PUT", words[3].partition("=")[2])
        elif words[0] == "delete":
            delete(config, words[1:], options)
        else:
            raise SystemExit(f"error: the stand-in for kubectl has no verb {words[0]}")
    except (OSError, client.Refused) as error:
        print(f"Error from server: {error}", file=sys.stderr)
        return 1
    return 0
