#!/usr/bin/env python3
"""A web server with manners and vices for the tests: the path says which.

server.py [--cert FILE --key FILE [--client-ca FILE]]   prints its port, serves until killed.
"""
import argparse
import gzip
import http.server
import json
import socket
import ssl
import struct
import sys
import threading
import time

BLOB = bytes(i * 7 % 251 for i in range(300_000))
ETAG = '"v1"'
requests_seen = []
posts_seen = []


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
        posts_seen.append({"body": body.decode(errors="replace"),
                           "headers": {name.lower(): value for name, value in self.headers.items()}})
        kind, _, rest = self.path.lstrip("/").partition("/")
        if kind == "answer":
            return self.get_status(rest)
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

    def get_posted(self, _):
        self.send(200, json.dumps({"posted": posts_seen}).encode(), Content_Type="application/json")

    def get_ok(self, _):
        self.send(200, b"hello", Content_Type="text/plain")

    def get_name(self, _):
        peer = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        name = dict(part[0] for part in peer["subject"])["commonName"] if peer else "nobody"
        self.send(200, name.encode())

    def get_port(self, _):
        self.send(200, str(self.client_address[1]).encode())

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

    def raw(self, head, *pieces, reset=False):
        """An answer word for word, which no library would write; then the connection ends."""
        self.close_connection = True
        self.wfile.write(head.encode("latin-1"))
        for piece in pieces:
            self.wfile.write(piece)
        self.wfile.flush()
        if reset:
            time.sleep(0.2)  # what was written arrives first
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
            self.connection.close()

    def get_lie(self, kind):
        whole = f"HTTP/1.1 200 OK\r\nETag: {ETAG}\r\n"
        length = f"{whole}Content-Length: {len(BLOB)}\r\n"
        part = f"HTTP/1.1 206 Partial Content\r\nContent-Length: {len(BLOB) - 1000}\r\n"
        of = f"Content-Range: bytes 1000-{len(BLOB) - 1}/"
        chunked = whole + "Transfer-Encoding: chunked\r\n"
        chunk = b"10000\r\n" + b"c" * 65536 + b"\r\n"
        lies = {
            "chunked-longer": lambda: self.raw(chunked + "\r\n", chunk * 20, b"0\r\n\r\n"),
            "chunked-shorter": lambda: self.raw(chunked + "\r\n", chunk, b"0\r\n\r\n"),
            "chunked-cut": lambda: self.raw(chunked + "\r\n", chunk, b"10000\r\ncc"),
            "chunked-rubbish": lambda: self.raw(chunked + "\r\n", b"zzz\r\n" * 9),
            "length-smaller": lambda: self.raw(whole + "Content-Length: 5000\r\n\r\n", BLOB),
            "length-larger": lambda: self.raw(whole + "Content-Length: 300001\r\n\r\n", BLOB),
            "length-none-cut": lambda: self.raw(whole + "Connection: close\r\n\r\n", BLOB[:70_000]),
            "length-negative": lambda: self.raw(whole + "Content-Length: -1\r\n\r\n", BLOB[:9]),
            "empty": lambda: self.raw(whole + "Content-Length: 0\r\n\r\n"),
            "trailing": lambda: self.raw(length + "\r\n", BLOB, b"!" * 100_000),
            "reset": lambda: self.raw(length + "\r\n", BLOB[:100_000], reset=True),
            "page": lambda: self.raw(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 22\r\n\r\n",
                b"<h1>please log in</h1>"),
            "html": lambda: self.raw(length + "Content-Type: text/html\r\n\r\n", BLOB),
            "gzip": lambda: self.raw(length + "Content-Encoding: gzip\r\n\r\n", BLOB),
            "bomb": lambda: self.raw(
                whole + "Transfer-Encoding: gzip, chunked\r\n\r\n", *self.bomb()),
            "part": lambda: self.raw(f"{part}{of}{len(BLOB)}\r\n\r\n", BLOB[1000:]),
            "part-other-total": lambda: self.raw(f"{part}ETag: {ETAG}\r\n{of}400000\r\n\r\n", BLOB[1000:]),
            "part-other-tag": lambda: self.raw(
                f'{part}ETag: "v2"\r\n{of}{len(BLOB)}\r\n\r\n', BLOB[1000:]),
            "part-no-range": lambda: self.raw(f"{part}ETag: {ETAG}\r\n\r\n", BLOB[1000:]),
            "part-multipart": lambda: self.raw(
                f"{part}{of}{len(BLOB)}\r\nContent-Type: multipart/byteranges; boundary=x\r\n\r\n",
                BLOB[1000:]),
            "part-shorter": lambda: self.raw(
                f"HTTP/1.1 206 P\r\nContent-Length: 9000\r\nETag: {ETAG}\r\n"
                f"Content-Range: bytes 1000-9999/{len(BLOB)}\r\n\r\n", BLOB[1000:10_000]),
            "no-content": lambda: self.raw("HTTP/1.1 204 No Content\r\n\r\n"),
            "not-modified": lambda: self.raw(f"HTTP/1.1 304 Not Modified\r\nETag: {ETAG}\r\n\r\n"),
            "created": lambda: self.raw("HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\n", b"hello"),
            "only-100": lambda: self.raw("HTTP/1.1 100 Continue\r\n\r\n" * 3),
            "endless-100": lambda: self.endless("", b"HTTP/1.1 100 Continue\r\n\r\n"),
            "endless-headers": lambda: self.endless(whole, b"X-More: and more\r\n"),
            "huge-header": lambda: self.raw(whole + "X-Huge: " + "h" * 1_000_000 + "\r\n\r\n", BLOB),
            "endless-trailers": lambda: self.endless(
                chunked + "\r\n1\r\nc\r\n0\r\n", b"X-More: and more\r\n"),
            "slow-headers": lambda: self.endless(whole, b"X", 0.1),
            "slow-body": lambda: self.endless(length + "\r\n", b"x", 0.1),
            "http-0.9": lambda: self.raw("", BLOB),
            "http-9": lambda: self.raw("HTTP/9.9 200 OK\r\nContent-Length: 5\r\n\r\n", b"hello"),
            "nothing": lambda: self.raw(""),
        }
        lies[kind]()

    def bomb(self):
        packed = gzip.compress(bytes(100_000_000), mtime=0)
        return (b"%x\r\n" % len(packed), packed, b"\r\n0\r\n\r\n")

    def endless(self, head, piece, pause=0.0):
        self.close_connection = True
        self.wfile.write(head.encode())
        for _ in range(3_000_000):  # until the client has had enough
            self.wfile.write(piece)
            if pause:
                self.wfile.flush()
                time.sleep(pause)

    def get_loop(self, _):
        self.send(302, Location="/loop")

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
