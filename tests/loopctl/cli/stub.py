"""A server on loopback that answers as it is told, and remembers what it was asked."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Asked(NamedTuple):
    method: str
    path: str
    key: str | None
    """The idempotency key."""


class Answer(NamedTuple):
    """``status`` 0 cuts the connection."""

    status: int
    body: Any = None
    headers: dict[str, str] = {}  # noqa: RUF012  # never changed


class Stub:
    def __init__(self, answers: Sequence[Answer]) -> None:
        self.asked: list[Asked] = []
        self._answers = list(answers)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                stub.asked.append(Asked(self.command, self.path, self.headers.get("Idempotency-Key")))
                answer = stub._answers.pop(0) if len(stub._answers) > 1 else stub._answers[0]
                if answer.status == 0:
                    self.close_connection = True
                    return
                body = json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name, value in {**answer.headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer  # noqa: N815  # names of the library

            def log_message(self, *_: object) -> None:
                """Nothing."""

        return Handler


@contextmanager
def stub(*answers: Answer) -> Iterator[Stub]:
    """The last answer is given again and again."""
    made = Stub(answers)
    thread = threading.Thread(target=made._server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        made._server.shutdown()
        made._server.server_close()
        thread.join()


def error(status: int, code: str, **headers: str) -> Answer:
    body = {"error": {"status": status, "code": code, "message": f"It is {code}"}}
    return Answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})
