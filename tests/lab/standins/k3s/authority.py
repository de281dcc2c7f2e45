"""Certificates, and K3s' tokens: K10<hash of the CA>::<user>:<secret>."""
import hashlib
import os
import re
import secrets
import ssl
import subprocess
import tempfile

PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.S)
AUTHORITIES = ["server-ca", "client-ca", "request-header-ca", "etcd/peer-ca", "etcd/server-ca"]


def openssl(*words, stdin=b""):
    return subprocess.run(["openssl", *words], input=stdin, check=True, capture_output=True).stdout


def ca_hash(bundle):
    """One certificate: the file's bytes; more: the DER of the root."""
    certificates = PEM.findall(bundle.decode())
    if len(certificates) < 2:
        return hashlib.sha256(bundle).hexdigest()
    for certificate in certificates[1:]:
        names = openssl("x509", "-noout", "-subject_hash", "-issuer_hash", stdin=certificate.encode()).split()
        if names[0] == names[1]:
            return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest()
    return hashlib.sha256(bundle).hexdigest()


def full_token(credentials, bundle):
    return f"K10{ca_hash(bundle)}::{credentials}"


def parse_token(token, user):
    """(hash or '', user, secret) of a token in either form."""
    hash_, name, secret = "", user, token
    if token.startswith("K10") and "::" in token:
        hash_, credentials = token[3:].split("::", 1)
        name, _, secret = credentials.partition(":")
    return hash_, name, secret


def make_authorities(tls):
    """Those that are not there; one that an operator put there is kept."""
    os.makedirs(f"{tls}/etcd", exist_ok=True)
    for name in AUTHORITIES:
        path = f"{tls}/{name}"
        if os.path.exists(path + ".crt") and os.path.exists(path + ".key"):
            continue
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-days", "3650", "-subj", f"/CN=k3s-{name.replace('/', '-')}@0", "-keyout", path + ".key",
                "-out", path + ".crt")


def issue(tls, authority, subject, addresses=()):
    """PEM of a certificate with its chain, and of its key."""
    usage = "serverAuth" if addresses else "clientAuth"
    extensions = f"extendedKeyUsage={usage}\n"
    if addresses:
        names = []
        for address in addresses:
            is_address = re.fullmatch(r"[0-9.]+|.*:.*", address)
            names.append(("IP:" if is_address else "DNS:") + address)
        extensions += "subjectAltName=" + ",".join(names) + "\n"
    with tempfile.TemporaryDirectory() as work:
        key = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        for name, text in (("key", key), ("ext", extensions.encode())):
            with open(f"{work}/{name}", "wb") as file:
                file.write(text)
        openssl("req", "-new", "-key", f"{work}/key", "-subj", subject, "-out", f"{work}/csr")
        certificate = openssl(
            "x509", "-req", "-in", f"{work}/csr", "-days", "365", "-CA", f"{tls}/{authority}.crt", "-CAkey",
            f"{tls}/{authority}.key", "-set_serial", str(secrets.randbits(63)), "-extfile", f"{work}/ext")
    with open(f"{tls}/{authority}.crt", "rb") as chain:
        return certificate + chain.read(), key
