"""A private package index on the loopback."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextlib.contextmanager
def private_index(wheels: Path, user: str, password: str) -> Iterator[tuple[int, list[str]]]:
    """A simple index (PEP 503) on the loopback that wants a name and a password."""
    wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != wanted:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="private"')
                self.end_headers()
                return
            asked.append(self.path)
            name = self.path.rstrip("/").rpartition("/")[2]
            if name.endswith(".whl"):
                body = (wheels / name).read_bytes()
            else:
                found = sorted(wheels.glob(f"{name.replace('-', '_')}-*.whl"))
                body = "".join(
                    f'<a href="/files/{path.name}#sha256={_sha256(path)}">{path.name}</a>' for path in found
                ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/zip" if name.endswith(".whl") else "text/html")
            self.end_headers()
            self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.send_response(404)  # uv then asks for the whole file
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], asked
        server.shutdown()
