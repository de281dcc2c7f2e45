"""HTTPS towards a stand-in's server."""
import base64
import http.client
import os
import ssl
import tempfile
import urllib.parse


class Refused(Exception):
    def __init__(self, status, text):
        super().__init__(f"{status} {text}")
        self.status = status


def request(url, path, method="GET", body=None, ca=None, user=None, certificate=None, headers=None):
    """ca: PEM, None for a server that is not known yet. user: (name, secret). certificate: (file, key file)."""
    context = ssl.create_default_context(cadata=ca.decode()) if ca else ssl._create_unverified_context()
    if certificate:
        context.load_cert_chain(*certificate)
    where = urllib.parse.urlsplit(url)
    connection = http.client.HTTPSConnection(where.hostname, where.port or 443, timeout=5, context=context)
    headers = dict(headers or {})
    if user:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{user[0]}:{user[1]}".encode()).decode()
    try:
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        data = answer.read()
    finally:
        connection.close()
    if answer.status >= 300:
        raise Refused(answer.status, data.decode(errors="replace").strip() or answer.reason)
    return data


class KubeConfig:
    """As much of a kubeconfig as the stand-ins write: one cluster, one user."""

    def __init__(self, path):
        self.values = {}
        for line in open(path, encoding="utf-8"):
            key, _, value = line.strip().lstrip("- ").partition(": ")
            self.values[key] = value.strip('"')
        self.server = self.values["server"]
        self.ca = self.read("certificate-authority")
        self.directory = tempfile.TemporaryDirectory()
        self.pair = []
        for name in ("client-certificate", "client-key"):
            file = os.path.join(self.directory.name, name)
            with open(file, "wb") as out:
                out.write(self.read(name))
            self.pair.append(file)

    def read(self, name):
        if name + "-data" in self.values:
            return base64.b64decode(self.values[name + "-data"])
        with open(self.values[name], "rb") as file:
            return file.read()

    def request(self, path, method="GET", body=None):
        return request(self.server, path, method, body, self.ca, certificate=self.pair)


def write_kubeconfig(path, server, entries):
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write("apiVersion: v1\nkind: Config\nclusters:\n- name: default\n  cluster:\n")
        out.write(f"    server: {server}\n    {entries['ca']}\nusers:\n- name: default\n  user:\n")
        out.write(f"    {entries['certificate']}\n    {entries['key']}\n")
    os.chmod(path, 0o600)
