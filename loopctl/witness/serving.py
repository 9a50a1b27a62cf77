"""A witness over HTTP: heads are posted to ``add-checkpoint``, and read at the id of their log.

The standard library's server is enough: few ask, seldom, and each answer is one write to the disk. What stands open to
the world belongs behind a proxy that keeps off those who send slowly.
"""

import sqlite3
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from loopctl.tlog.note import LARGEST_NOTE
from loopctl.tlog.witness import LARGEST_HEADER
from loopctl.witness.answering import Answer, Witness

LARGEST_BODY = LARGEST_HEADER + 2 + LARGEST_NOTE
CHECKPOINT = "/checkpoint"
SECONDS = 10.0
"""Without a byte."""


class Serving(ThreadingHTTPServer):
    """Bound when it is made; raises OSError when it cannot be."""

    daemon_threads = True

    def __init__(self, witness: Witness, host: str, port: int) -> None:
        self.witness = witness
        super().__init__((host, port), _Handler)

    @property
    def address(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"


class _Handler(BaseHTTPRequestHandler):
    server: Serving
    protocol_version = "HTTP/1.1"
    timeout = SECONDS
    server_version, sys_version = "loopctl-witness", ""

    def do_POST(self) -> None:
        if self.path != "/add-checkpoint":
            self._answer(Answer(404, b"heads are sent to add-checkpoint\n"))
            return
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            self._answer(Answer(411, b"a Content-Length is needed\n"))
        elif int(length) > LARGEST_BODY:
            self._answer(Answer(413, b"a head and its proof are smaller\n"))
        else:
            self._decided(self.rfile.read(int(length)))

    def do_GET(self) -> None:
        if self.path.endswith(CHECKPOINT):
            self._answer(self.server.witness.checkpoint(self.path[1 : -len(CHECKPOINT)]))
        else:
            self._answer(Answer(404, b"a head is at the id of its log, then /checkpoint\n"))

    def _decided(self, body: bytes) -> None:
        try:
            answer = self.server.witness.add_checkpoint(body)
        except sqlite3.Error as error:  # nothing was cosigned: without a record there is no signature
            sys.stderr.write(f"loopctl witness: cannot record heads: {error}\n")
            answer = Answer(503, b"heads cannot be recorded now\n")
        self._answer(answer)

    def _answer(self, answer: Answer) -> None:
        if answer.status >= 400:
            self.close_connection = True  # a body may be left unread
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.media_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # as the library names it
        """Nothing: what was asked of a witness is in the heads that it has cosigned."""
