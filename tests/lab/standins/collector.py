#!/usr/bin/env python3
"""Where telemetry goes in a lab: collector.py ADDRESS CERTIFICATE KEY FILE. Each POST is a line of JSON in FILE."""
import http.server
import json
import ssl
import sys

address, certificate, key, file = sys.argv[1:]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        seen = {"path": self.path, "body": json.loads(body),
                "headers": {name.lower(): value for name, value in self.headers.items()}}
        with open(file, "a", encoding="utf-8") as out:
            out.write(json.dumps(seen) + "\n")
        self.send_response(204)
        self.end_headers()


server = http.server.ThreadingHTTPServer((address, 443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
