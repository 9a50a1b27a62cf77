"""The HTTP client of commands: key, timeouts, attempts, one idempotency key for each write, errors as exceptions."""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx2
from msgspec import MsgspecError
from msgspec.json import decode, encode

from loopctl import __version__

SECONDS = 30.0
IMPORT_SECONDS = 120.0
ATTEMPTS = 4
LONGEST_WAIT_SECONDS = 60.0
"""The server's rate limit ends within a minute; a longer Retry-After is not waited for."""
PASSING = {429, 502, 503, 504}
NEVER_AGAIN = {"tenant_halted", "sealed", "head_refused"}
"""Codes of 503 that do not pass by themselves: a person has to look."""

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


class Client:
    """Asks one server with one key. Every method raises Refused and Unreachable.

    A write is sent again only with the same idempotency key, so that it is carried out once.
    """

    def __init__(
        self, server: str, api_key: str | None, *, sleep: Callable[[float], None] = time.sleep,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        headers = {"User-Agent": f"loopctl/{__version__}", "Accept": "application/json"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        # Certificates are loaded only where they are looked at: that takes longer than a request.
        secure = server.startswith("https:")
        self._http = httpx2.Client(base_url=server, headers=headers, timeout=SECONDS, verify=secure)
        self._sleep = sleep
        self._notice = notice
        self.requests = 0
        """How many were sent, attempts included."""

    def close(self) -> None:
        self._http.close()

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
        request = self._http.build_request(
            method, _address(path), content=content, headers=headers, params=parameters or None,
            timeout=IMPORT_SECONDS if path.endswith("/import") else SECONDS,
        )  # fmt: skip
        return self._carried_out(request)

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
            with self._http.stream("GET", _address(path)) as answer:
                if not answer.is_success:
                    answer.read()
                    raise _refusal(answer)
                for part in answer.iter_bytes():
                    write(part)
        except httpx2.TransportError as error:
            raise Unreachable(_problem(error, self._http.base_url)) from None

    def _carried_out(self, request: httpx2.Request) -> Any:
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            try:
                self.requests += 1
                answer = self._http.send(request)
            except httpx2.TransportError as error:
                problem = _problem(error, self._http.base_url)
                if last:
                    raise Unreachable(problem) from None
                self._wait(_pause(attempt), problem)
                continue
            if answer.is_success:
                return _said(answer)
            refused, pause = _refusal(answer), _pause(attempt, answer)
            if last or answer.status_code not in PASSING or refused.code in NEVER_AGAIN or pause is None:
                raise refused
            self._wait(pause, f"the server answered {answer.status_code}")
        raise AssertionError("the last attempt returns or raises")

    def _wait(self, seconds: float | None, problem: str) -> None:
        seconds = 0.0 if seconds is None else seconds
        self._notice(f"{problem}; trying again in {seconds:.1f} s")
        self._sleep(seconds)


def _address(path: str) -> str:
    return path if path.startswith("/") else f"/api/v1/{path}"


def _spelled(value: str | int | bool | None) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _pause(attempt: int, answer: httpx2.Response | None = None) -> float | None:
    """Seconds before the next attempt; None when the server asks for more than is waited for."""
    asked = "" if answer is None else answer.headers.get("retry-after", "")
    if asked.isdigit():
        return float(asked) if int(asked) <= LONGEST_WAIT_SECONDS else None
    return float(0.2 * 3 ** (attempt - 1))


def _said(answer: httpx2.Response) -> Any:
    if not answer.content:
        return None
    try:
        return decode(answer.content)
    except MsgspecError:
        return answer.text


def _refusal(answer: httpx2.Response) -> Refused:
    return Refused(answer.status_code, _said(answer))


def _problem(error: httpx2.TransportError, server: httpx2.URL) -> str:
    return f"{server} does not answer ({type(error).__name__}: {error})"
