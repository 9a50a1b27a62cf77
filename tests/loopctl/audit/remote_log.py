"""A log on a server of this process that can be told to be wrong."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from loopctl.audit.export import write_bundle
from loopctl.audit.names import parse_path
from loopctl.tlog.tile import Bundle
from tests.support.sample_log import SampleLog

TENANT = "01980000-0000-7000-8000-000000000001"
API_KEY = "the tenant's key"


class Server:
    """``refusals``: what to answer instead, by path, as often as it is in the list."""

    def __init__(self, log: SampleLog) -> None:
        self.files: dict[str, bytes] = {}
        self.heads: dict[int, bytes] = {}
        self.keys: bytes = b""
        self.serve(log)
        self.refusals: dict[str, list[int]] = {}
        self.asked: list[str] = []
        self.keyed: list[str] = []
        self.address = ""

    def serve(self, log: SampleLog) -> None:
        self.files = dict(write_bundle(log))
        self.heads = dict(log.notes)
        keys = [
            {
                "vkey": key.vkey, "first_size": key.first_size, "last_size": key.last_size, "reason": key.reason,
                "created_at": key.created_at, "retired_at": key.retired_at, "key_id": "x", "public_key": "x",
            }
            for key in log.known.keys if key.purpose == "log"
        ]  # fmt: skip
        self.keys = json.dumps({"origin": log.known.origin, "data": keys}).encode()

    @property
    def log(self) -> str:
        return f"{self.address}/t/{TENANT}"

    def answer(self, path: str, key: str | None) -> tuple[int, bytes]:
        self.asked.append(path)
        if key is not None:
            self.keyed.append(path)
        if waiting := self.refusals.get(path):
            return waiting.pop(0), b"no"
        if path == f"/api/v1/tenants/{TENANT}/audit_public_keys":
            return 200, self.keys
        if path.startswith(f"/api/v1/audit/sth/{TENANT}?at="):
            size = min((size for size in self.heads if size > int(path.partition("=")[2])), default=0)
            body = {"data": {"size": size, "note": self.heads[size].decode()}} if size else {}
            return (200 if size else 404), json.dumps(body).encode()
        name = path.removeprefix(f"/t/{TENANT}/")
        if name not in self.files:
            return 404, b"not found"
        if name.startswith("tile/") and isinstance(parse_path(name), Bundle) and key != f"Bearer {API_KEY}":
            return 401, b"who?"
        return 200, self.files[name]


@contextmanager
def served_log(log: SampleLog) -> Iterator[Server]:
    server = Server(log)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # the name that http.server calls
            status, body = server.answer(self.path, self.headers.get("Authorization"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server.address = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
