"""A web server on loopback that serves one blob, slowly."""
import http.server


class Request(http.server.BaseHTTPRequestHandler):
    """Pieces with pauses, so that a download has many calls; with ranges."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        blob = self.server.blob
        body, code = blob, 200
        wanted = self.headers.get("Range", "")
        if wanted.startswith("bytes=") and self.headers.get("If-Range") == '"one"':
            first = int(wanted[len("bytes=") :].split("-")[0])
            body, code = blob[first:], 206
        self.send_response(code)
        self.send_header("ETag", '"one"')
        self.send_header("Content-Length", str(len(body)))
        if code == 206:
            self.send_header("Content-Range", f"bytes {first}-{len(blob) - 1}/{len(blob)}")
        self.end_headers()
        try:
            for at in range(0, len(body), 24 * 1024):
                self.wfile.write(body[at : at + 24 * 1024])
                self.wfile.flush()
        except OSError:
            pass  # the program was killed

    def log_message(self, *_):
        pass


class BlobServer(http.server.ThreadingHTTPServer):
    def __init__(self, blob):
        super().__init__(("127.0.0.1", 0), Request)
        self.blob = blob

    def handle_error(self, *_):
        pass  # who was killed resets the connection
