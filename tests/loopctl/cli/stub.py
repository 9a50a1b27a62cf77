"""A server on loopback that answers as it is told, and remembers what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Asked(NamedTuple):
    method: str
    path: str
    key: str | None
    """The idempotency key."""
    bearer: str | None = None


class Answer(NamedTuple):
    """``status`` 0 cuts the connection. A body of bytes is sent as it is. ``held`` is waited for before that."""

    status: int
    body: Any = None
    headers: dict[str, str] = {}  # noqa: RUF012  # never changed
    held: threading.Event | None = None


class Stub:
    def __init__(self, answers: Sequence[Answer], before: Callable[[str], object]) -> None:
        self.asked: list[Asked] = []
        self._before = before
        self._answers = list(answers)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                bearer = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
                stub.asked.append(Asked(self.command, self.path, self.headers.get("Idempotency-Key"), bearer))
                stub._before(self.path)
                answer = stub._answers.pop(0) if len(stub._answers) > 1 else stub._answers[0]
                if answer.held is not None:
                    answer.held.wait(60)
                if answer.status == 0:
                    self.close_connection = True
                    return
                body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(body)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer  # noqa: N815  # names of the library

            def log_message(self, *_: object) -> None:
                """Nothing."""

        return Handler


@contextmanager
def stub(*answers: Answer, before: Callable[[str], object] = str) -> Iterator[Stub]:
    """The last answer is given again and again. ``before`` is called with the path of what is asked."""
    made = Stub(answers, before)
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
