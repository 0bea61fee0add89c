"""A reverse proxy that takes a prefix off, as nginx does with `proxy_pass` of a location."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

PIECE = 1 << 16
OF_ONE_HOP = {"connection", "keep-alive", "transfer-encoding"}


@contextmanager
def behind_prefix(address: str, prefix: str, keep_host: bool, port: int = 0) -> Iterator[str]:
    """The page at `address`, served as .../`prefix`/; what is asked for elsewhere is a 404.
    `keep_host`: whether the page learns the name by which the browser knows the proxy."""
    upstream = urlsplit(address).netloc

    class Handler(BaseHTTPRequestHandler):
        def forward(self) -> None:
            if self.path == "/favicon.ico":  # the host's own, which browsers ask for by themselves
                self.send_response(204)
                self.end_headers()
                return
            if not self.path.startswith(f"/{prefix}/"):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name: text for name, text in self.headers.items()
                       if name.lower() not in OF_ONE_HOP}  # fmt: skip
            if not keep_host:
                headers["Host"] = upstream
            page = http.client.HTTPConnection(upstream)
            page.request(self.command, self.path[len(prefix) + 1 :], body, headers)
            answer = page.getresponse()
            self.send_response(answer.status)
            for name, text in answer.getheaders():
                if name.lower() not in OF_ONE_HOP:
                    self.send_header(name, text)
            self.end_headers()
            while piece := answer.read1(PIECE):  # events go on as they come
                self.wfile.write(piece)
            page.close()

        do_GET = do_HEAD = do_POST = forward

        def log_message(self, *_: object) -> None:
            pass

        def handle(self) -> None:
            try:
                super().handle()
            except (ConnectionError, http.client.HTTPException):  # one of the two went away
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{prefix}/"
    finally:
        server.shutdown()
        server.server_close()
