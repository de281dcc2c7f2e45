#!/usr/bin/env python3
"""A web server with manners and vices for the tests: the path says which.

server.py [--cert FILE --key FILE [--client-ca FILE]]   prints its port, serves until killed.
"""
import argparse
import http.server
import ssl
import sys
import threading
import time

BLOB = bytes(i * 7 % 251 for i in range(300_000))
ETAG = '"v1"'
requests_seen = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def send(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send(200, self.command.encode() + b" " + body, Content_Type="text/plain",
                  X_Sent_Type=self.headers.get("Content-Type", ""))

    do_PUT = do_POST

    def do_HEAD(self):
        self.send(200, b"", ETag=ETAG)

    def do_GET(self):
        requests_seen.append(self.path)
        kind, _, rest = self.path.lstrip("/").partition("/")
        getattr(self, "get_" + kind.replace("-", "_"), self.get_missing)(rest)

    def get_missing(self, _):
        self.send(404, b"nothing of that name here\nsecond line", Content_Type="text/plain")

    def get_ok(self, _):
        self.send(200, b"hello", Content_Type="text/plain")

    def get_name(self, _):
        peer = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        name = dict(part[0] for part in peer["subject"])["commonName"] if peer else "nobody"
        self.send(200, name.encode())

    def get_status(self, rest):
        status, _, retry = rest.partition("/")
        headers = {"Retry_After": retry} if retry else {}
        self.send(int(status), b"busy", Content_Type="text/plain", **headers)

    def get_bigerror(self, _):
        self.send(500, b"e" * 1_000_000)

    def get_redirect(self, rest):
        left = int(rest)
        self.send(302, Location="/ok" if left <= 1 else f"/redirect/{left - 1}")

    def get_redirect_to(self, rest):
        self.send(302, Location=rest)

    def get_chunked(self, rest):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for _ in range(int(rest)):
            self.wfile.write(b"400\r\n" + b"c" * 1024 + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def get_short(self, rest):
        self.send(200, BLOB[: int(rest)], Content_Length=str(len(BLOB)), ETag=ETAG)
        self.close_connection = True

    def get_silent(self, _):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"x")
        self.wfile.flush()
        time.sleep(60)

    def get_slowly(self, rest):
        pieces = int(rest)
        self.send_response(200)
        self.send_header("Content-Length", str(pieces * 10))
        self.end_headers()
        for _ in range(pieces):
            self.wfile.write(b"0123456789")
            self.wfile.flush()
            time.sleep(0.05)

    # A server that knows ranges; after "changed" its object is another one.
    def get_blob(self, rest):
        etag = '"v2"' if rest == "changed" else ("W/" + ETAG if rest == "weak" else ETAG)
        wanted = self.headers.get("Range", "")
        if not wanted or self.headers.get("If-Range") != etag or rest == "norange":
            return self.send(200, BLOB, ETag=etag)
        if rest == "status412":
            return self.send(412)
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if start >= len(BLOB):
            return self.send(416, Content_Range=f"bytes */{len(BLOB)}")
        shown = start + 1 if rest == "liar" else start
        self.send(206, BLOB[start:], ETag=etag,
                  Content_Range=f"bytes {shown}-{len(BLOB) - 1}/{len(BLOB)}")

    def get_encoded(self, _):
        self.send(200, self.headers.get("Accept-Encoding", "none").encode())

    def get_seen(self, _):
        self.send(200, "\n".join(requests_seen).encode())


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--client-ca")
    options = parser.parse_args()
    server = Server(("127.0.0.1", 0), Handler)
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
        if options.client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(options.client_ca)
        # The handshake happens in the connection's own thread, at its first read.
        server.socket = context.wrap_socket(server.socket, server_side=True,
                                            do_handshake_on_connect=False)
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()  # until the test closes its end, also when it crashes


main()
