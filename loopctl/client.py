"""The HTTP client of commands: key, timeouts, attempts, one idempotency key for each write, errors as exceptions.

On the standard library's client: httpx2 takes longer to load than everything else that a command does.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from msgspec import MsgspecError, Struct
from msgspec.json import decode, encode

from loopctl import __version__

SECONDS = 30.0
IMPORT_SECONDS = 120.0
ATTEMPTS = 4
LONGEST_WAIT_SECONDS = 61.0
"""The server's rate limit ends within a minute and a second; a longer Retry-After is not waited for."""
PASSING = {429, 502, 503, 504}
NEVER_AGAIN = {"tenant_halted", "sealed", "head_refused"}
"""Codes of 503 that do not pass by themselves: a person has to look."""

FAILURES = (OSError, HTTPException)
PIECE = 1 << 16

Query = str | int | bool | None


class Refused(Exception):
    """The server answered, and not with success. ``body`` is what it said: JSON, else text."""

    def __init__(self, status: int, body: Any) -> None:
        self.status = status
        self.body = body
        super().__init__(f"the server answered {status}")

    @property
    def error(self) -> Mapping[str, Any]:
        found = self.body.get("error") if isinstance(self.body, dict) else None
        return found if isinstance(found, dict) else {"message": str(self.body)[:500]}

    @property
    def code(self) -> str:
        return str(self.error.get("code", ""))


class Unreachable(Exception):
    """No answer, after every attempt."""


class _Request(Struct, frozen=True):
    method: str
    target: str
    content: bytes | None
    headers: Mapping[str, str]
    seconds: float


class _Answer(Struct, frozen=True):
    status: int
    content: bytes
    retry_after: str

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class Client:
    """Asks one server with one key, over one connection. Every method raises Refused and Unreachable.

    A write is sent again only with the same idempotency key, so that it is carried out once.
    """

    def __init__(
        self, server: str, api_key: str | None, *, sleep: Callable[[float], None] = time.sleep,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._headers = {"User-Agent": f"loopctl/{__version__}", "Accept": "application/json"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._server = server
        address = urlsplit(server)
        self._prefix = address.path.rstrip("/")
        kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
        self._connection = kind(address.hostname or "", address.port, timeout=SECONDS)
        self._sleep = sleep
        self._notice = notice
        self.requests = 0
        """How many were sent, attempts included."""

    def close(self) -> None:
        self._connection.close()

    def get(self, path: str, /, **query: Query) -> Any:
        return self.request("GET", path, query=query)

    def post(self, path: str, body: Any = None, /, **query: Query) -> Any:
        return self.request("POST", path, body, query=query)

    def request(self, method: str, path: str, body: Any = None, *, query: Mapping[str, Query] | None = None) -> Any:
        """What the answer's JSON says; None for no body, text for what is no JSON."""
        content = None if method in {"GET", "DELETE"} and body is None else encode({} if body is None else body)
        headers = {} if method == "GET" else {"Idempotency-Key": secrets.token_hex(16)}
        if content is not None:
            headers["Content-Type"] = "application/json"
        parameters = {name: _spelled(value) for name, value in (query or {}).items() if value is not None}
        target = self._target(path) + (f"?{urlencode(parameters)}" if parameters else "")
        seconds = IMPORT_SECONDS if path.endswith("/import") else SECONDS
        return self._carried_out(_Request(method, target, content, {**self._headers, **headers}, seconds))

    def pages(self, path: str, /, **query: Query) -> Iterator[Any]:
        """The items of all pages of a list."""
        page, size = 1, 100
        while True:
            answer = self.get(path, **{**query, "page": page, "page_size": size})
            yield from answer["data"]
            meta = answer.get("meta") or answer.get("pagination") or {}
            total = meta.get("total_count", meta.get("total", 0))
            if page * meta.get("page_size", size) >= total:
                return
            page += 1

    def download(self, path: str, write: Callable[[bytes], object]) -> None:
        """The body of an answer that may be large, piece by piece; not asked for twice."""
        try:
            answer = self._send(_Request("GET", self._target(path), None, self._headers, SECONDS))
            if not 200 <= answer.status < 300:
                raise _refusal(_Answer(answer.status, answer.read(), ""))
            while part := answer.read(PIECE):
                write(part)
        except FAILURES as error:
            self.close()
            raise Unreachable(self._problem(error)) from None

    def _carried_out(self, request: _Request) -> Any:
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            try:
                answer = self._answered(request)
            except FAILURES as error:
                self.close()
                if last:
                    raise Unreachable(self._problem(error)) from None
                self._wait(_pause(attempt), self._problem(error))
                continue
            if answer.is_success:
                return _said(answer)
            refused, pause = _refusal(answer), _pause(attempt, answer)
            if last or answer.status not in PASSING or refused.code in NEVER_AGAIN or pause is None:
                raise refused
            self._wait(pause, f"the server answered {answer.status}")
        raise AssertionError("the last attempt returns or raises")

    def _answered(self, request: _Request) -> _Answer:
        answer = self._send(request)
        return _Answer(answer.status, answer.read(), answer.headers.get("Retry-After") or "")

    def _send(self, request: _Request) -> HTTPResponse:
        self.requests += 1
        self._connection.timeout = request.seconds
        if self._connection.sock is not None:
            self._connection.sock.settimeout(request.seconds)
        self._connection.request(request.method, request.target, request.content, dict(request.headers))
        return self._connection.getresponse()

    def _target(self, path: str) -> str:
        return self._prefix + (path if path.startswith("/") else f"/api/v1/{path}")

    def _problem(self, error: Exception) -> str:
        return f"{self._server} does not answer ({type(error).__name__}: {error})"

    def _wait(self, seconds: float | None, problem: str) -> None:
        seconds = 0.0 if seconds is None else seconds
        self._notice(f"{problem}; trying again in {seconds:.1f} s")
        self._sleep(seconds)


def _spelled(value: str | int | bool | None) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _pause(attempt: int, answer: _Answer | None = None) -> float | None:
    """Seconds before the next attempt; None when the server asks for more than is waited for."""
    asked = "" if answer is None else answer.retry_after
    if asked.isdigit():
        return float(asked) if int(asked) <= LONGEST_WAIT_SECONDS else None
    return float(0.2 * 3 ** (attempt - 1))


def _said(answer: _Answer) -> Any:
    if not answer.content:
        return None
    try:
        return decode(answer.content)
    except MsgspecError:
        return answer.content.decode(errors="replace")


def _refusal(answer: _Answer) -> Refused:
    return Refused(answer.status, _said(answer))
