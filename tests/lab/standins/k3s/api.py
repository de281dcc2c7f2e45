"""The HTTPS side of the stand-in's server: what K3s' supervisor answers, and a little of Kubernetes."""
import base64
import hashlib
import http.server
import json
import os
import ssl
import threading
import time

import authority
import client
from settings import log

READY_SECONDS = 5


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store = None
    tls = ""
    secrets = {}

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", kind="text/plain"):
        if isinstance(body, str):
            body = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()

    # Who asks: "server" or "node" with a secret, the common name of a certificate, or nobody.
    def caller(self):
        certificate = self.connection.getpeercert()
        if certificate:
            names = dict(pair[0] for pair in certificate["subject"])
            return names["commonName"]
        word, _, value = self.headers.get("Authorization", "").partition(" ")
        if word != "Basic":
            return ""
        user, _, secret = base64.b64decode(value).decode().partition(":")
        if secret == self.secrets["server"]:
            return user
        if user == "node" and secret == self.secrets["node"]:
            return "node"
        log("info", "somebody came with credentials that are not this cluster's")
        return ""

    def do_GET(self):
        self.handle_request("GET")

    def do_PUT(self):
        self.handle_request("PUT")

    def do_DELETE(self):
        self.handle_request("DELETE")

    def handle_request(self, method):
        body = self.body()
        path = self.path.split("?")[0]
        if path == "/cacerts":
            return self.answer(200, open(f"{self.tls}/server-ca.crt", "rb").read())
        if path == "/ping":
            return self.answer(200, "pong")
        caller = self.caller()
        if not caller:
            return self.answer(401, "Unauthorized")
        if path == "/v1-k3s/readyz":
            return self.answer(200, "ok")
        if path == "/v1-k3s/server-bootstrap":
            return self.bootstrap(caller)
        # A server that joined has no data of its own here: the first one answers for all.
        if self.store.data["upstream"]:
            return self.forward(method, body)
        with self.store.lock:
            return self.answer_itself(method, path, body, caller)

    def answer_itself(self, method, path, body, caller):
        if path == "/readyz":
            return self.answer(200, "ok")
        if path == "/v1-k3s/client-kubelet.crt":
            return self.client_kubelet()
        parts = path.strip("/").split("/")
        if parts[:3] == ["api", "v1", "nodes"]:
            return self.nodes(method, parts[3:], body, caller)
        if parts[0] == "standin" and caller == "system:admin":
            return self.objects(method, "/".join(parts[1:]), body)
        return self.answer(403, "Forbidden")

    def bootstrap(self, caller):
        if caller != "server":
            return self.answer(403, "Forbidden")
        files = {}
        for name in authority.AUTHORITIES:
            for end in (".crt", ".key"):
                files[name + end] = open(f"{self.tls}/{name}{end}", encoding="utf-8").read()
        return self.answer(200, json.dumps(files))

    def forward(self, method, body):
        ca = open(f"{self.tls}/server-ca.crt", "rb").read()
        headers = {key: value for key, value in self.headers.items() if key.lower().startswith("k3s-node")}
        pair = self.server.admin_pair()
        try:
            if self.path.startswith("/v1-k3s/"):
                data = client.request(self.store.data["upstream"], self.path, method, body, ca,
                                      user=("server", self.secrets["server"]), headers=headers)
            else:
                data = client.request(self.store.data["upstream"], self.path, method, body, ca, certificate=pair)
            self.answer(200, data)
        except client.Refused as error:
            self.answer(error.status, str(error))
        except OSError as error:
            self.answer(503, str(error))

    def client_kubelet(self):
        name, password = self.headers.get("k3s-Node-Name", ""), self.headers.get("k3s-Node-Password", "")
        if not name or not password:
            return self.answer(400, "node name not set")
        digest = hashlib.sha256(password.encode()).hexdigest()
        node = self.store.data["nodes"].setdefault(name, {"password": digest, "seen": 0, "labels": {}, "gone": True})
        if node["password"] != digest:
            return self.answer(403, "Node password validation failed")
        self.store.save()
        pair = authority.issue(self.tls, "client-ca", f"/O=system:nodes/CN=system:node:{name}")
        return self.answer(200, pair[0] + pair[1])

    def shown(self, name):
        node = self.store.data["nodes"][name]
        ready = time.time() - node["seen"] < READY_SECONDS
        return {"kind": "Node", "metadata": {"name": name, "labels": node["labels"]},
                "status": {"address": node.get("address", ""),
                           "conditions": [{"type": "Ready", "status": "True" if ready else "Unknown"}]}}

    def nodes(self, method, parts, body, caller):
        nodes = self.store.data["nodes"]
        if not parts:
            names = sorted(name for name, node in nodes.items() if not node.get("gone"))
            return self.answer(200, json.dumps({"items": [self.shown(name) for name in names]}))
        name = parts[0]
        if caller not in ("system:admin", f"system:node:{name}") or name not in nodes:
            return self.answer(403 if name in nodes else 404, "nodes is forbidden")
        if method == "PUT":
            is_news = nodes[name].get("gone", False)
            nodes[name].update(json.loads(body), seen=time.time(), gone=False)
            if is_news:
                self.store.save()
        elif method == "DELETE":
            if caller != "system:admin" or nodes[name].get("gone"):
                return self.answer(404, "not found")
            del nodes[name]
            self.store.save()
            return self.answer(200, "deleted")
        if nodes[name].get("gone"):
            return self.answer(404, f'nodes "{name}" not found')
        return self.answer(200, json.dumps(self.shown(name)))

    def objects(self, method, key, body):
        objects = self.store.data["objects"]
        kind, _, rest = key.partition("/")
        job = "Job/" + rest.rpartition("/")[0] + "/helm-install-" + rest.rpartition("/")[2]
        if method == "PUT":
            objects[key] = body
            if kind == "HelmChart":  # the Helm controller's part
                objects[job] = "succeeded" if "chartContent:" in body else "Failed"
            self.store.save()
        if key not in objects:
            return self.answer(404, f'"{key}" not found')
        text = objects[key]
        if method == "DELETE":
            del objects[key]
            if kind == "HelmChart":
                objects.pop(job, None)
            self.store.save()
        return self.answer(200, text)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def admin_pair(self):
        """Files of a certificate with which a joined server speaks for its callers."""
        directory = os.path.dirname(self.tls)
        paths = [f"{directory}/proxy.crt", f"{directory}/proxy.key"]
        if not os.path.exists(paths[1]):
            for path, data in zip(paths, authority.issue(self.tls, "client-ca", "/CN=system:admin")):
                with open(path, "wb") as out:
                    out.write(data)
        return paths

    # The handshake belongs to the connection's own thread: a caller that is silent holds up nobody.
    def finish_request(self, request, client_address):
        request.settimeout(10)
        try:
            connection = self.context.wrap_socket(request, server_side=True)
        except (OSError, ssl.SSLError):
            return
        with connection:
            self.RequestHandlerClass(connection, client_address, self)

    def handle_error(self, *_):
        pass


def serve(store, tls, pem, port, secrets):
    handler = type("OwnHandler", (Handler,), {"store": store, "tls": tls, "secrets": secrets})
    server = Server(("0.0.0.0", port), handler)
    server.tls = tls
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.context.load_cert_chain(pem)
    server.context.verify_mode = ssl.CERT_OPTIONAL
    server.context.load_verify_locations(f"{tls}/client-ca.crt")
    threading.Thread(target=server.serve_forever, daemon=True).start()
