"""What a client says to a server and how it takes the answers, whoever carries them: attempts, one idempotency key for
each write, the heads of the log that it has seen.

It does no I/O. Every method that needs an answer is a generator: it yields a ``Request`` and is sent the ``Answer``, or
thrown ``Lost``; it yields a ``Pause`` when time is to pass. ``client.py`` and ``async_client.py`` carry it out.
"""

import base64
import math
import secrets
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urljoin, urlsplit

from msgspec import Struct
from msgspec.json import encode
from msgspec.structs import replace

from loopctl import __version__
from loopctl.answers import Answer, Pause, Request, read_answer, spelled, words
from loopctl.failures import Refused, Unreachable, Unusable, Write
from loopctl.seen import Contradiction, InMemory, Kept, Seen

SECONDS = 30.0
IMPORT_SECONDS = 120.0
LEAST_SECONDS = 1.0
"""For an answer, however little is left of somebody's patience."""
ATTEMPTS = 4
LONGEST_WAIT_SECONDS = 61.0
"""The server's rate limit ends within a minute and a second; a longer Retry-After is not waited for."""
LONGEST_PAUSE_SECONDS = 15.0
"""Between two attempts of who is patient, when the server does not say how long."""
UNPROVEN = {"witness_divergence_unproven", "witness_ahead_unproven"}
"""Codes of a server that does not know a head that it has signed, as far as we can see."""
PERHAPS_DONE = {500, 502, 504}
"""Statuses of a write after which it may have been carried out: they can come from what stands before the server."""
AS_IT_IS = "/?&=%:,;@!$'()*+-._~"  # of a path; everything else is not sent as it is

Query = str | int | bool | None
T = TypeVar("T")
Steps = Generator[Request | Pause, Any, T]


class Lost(Exception):
    """No answer came. What it says is why."""


class Wish(Struct, frozen=True):
    """What a caller wants. ``body`` is any JSON; ``receipt`` asks for the proof that the event is in the log."""

    method: str
    path: str
    body: Any = None
    query: Mapping[str, Query] | None = None
    idempotency_key: str | None = None
    receipt: bool = False


class Course(Struct):
    """How far the wishes of one caller have come."""

    under_way: Write | None = None
    """Sent, and not known to be carried out or refused."""
    wrote: bool = False
    """Whether the server has carried out what changes something."""


class Recorded(Struct, frozen=True):
    """What the server said to a write, and where its event stands in the log."""

    body: Any
    position: int | None
    receipt: bytes | None
    """A C2SP tlog-proof of the event: with its entry it can be checked offline for ever (`loopctl log receipt`)."""


class Conversation:
    def __init__(self, server: str, api_key: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.headers = {"User-Agent": f"loopctl/{__version__}", "Accept": "application/json"}
        if api_key:
            self.headers["Authorization"] = f"Bearer {api_key}"
        self.server = server
        self.seen = Seen(server, api_key, InMemory()) if api_key else None
        self.first_key: str | None = None
        """Of the next write, where somebody has said it."""
        self._prefix = urlsplit(server).path.rstrip("/")
        self._clock = clock
        self._patient_until: float | None = None

    def patient(self, seconds: float = math.inf) -> None:
        """What passes is waited for so long from now on, with pauses that grow to LONGEST_PAUSE_SECONDS."""
        self._patient_until = self._clock() + seconds

    def asked(self, wish: Wish, course: Course) -> Steps[Answer]:
        """Raises Refused, Unreachable and Unusable."""
        write = None if wish.method == "GET" else Write(wish.method, wish.path, self.key_for(wish))
        request = self._request(wish, write)
        course.under_way = write
        try:
            answer = yield from self._witnessed(request)
        except Refused as refused:
            if refused.status not in PERHAPS_DONE:
                course.under_way = None
            raise
        course.wrote |= write is not None
        course.under_way = None
        return answer

    def reading(self, path: str, seconds: float = SECONDS) -> Request:
        """Of an answer that its caller reads by itself."""
        return self._sent(Request("GET", self.target(path), None, self.headers, seconds))

    def target(self, path: str) -> str:
        return self._prefix + quote(path if path.startswith("/") else f"/api/v1/{path}", AS_IT_IS)

    def object_of(self, method: str, answer: Answer) -> Any:
        """The object of JSON, or None for nothing. Raises Unusable for an answer that no loopctl server gives."""
        said = read_answer(answer)
        if isinstance(said, dict) or (said is None and (answer.status == 204 or method == "DELETE")):
            return said
        what = "nothing" if said is None else f"a list of {len(said)}" if isinstance(said, list) else ""
        what = what or f"{answer.kind.partition(';')[0] or 'something'} that is no object of JSON"
        deed = "" if method == "GET" else " Whether it was done is not known."
        message = f"{self.server} answers {answer.status} with {what}: {words(said)}".removesuffix(": ")
        hint = "Is this the address of a loopctl server? See: loopctl config show --origin; loopctl doctor"
        raise Unusable("not_loopctl", f"{message}.{deed}", hint)

    def recorded_of(self, method: str, answer: Answer) -> Recorded:
        told = answer.receipt + "=" * (-len(answer.receipt) % 4)
        position = int(answer.position) if answer.position.isdecimal() else None
        return Recorded(self.object_of(method, answer), position, base64.urlsafe_b64decode(told) if told else None)

    def refusal(self, answer: Answer, target: str) -> Refused:
        """Raises Unusable for a redirect: the key goes nowhere that nobody has named."""
        if 300 <= answer.status < 400:
            raise self._moved(answer, target)
        refused = Refused(answer.status, read_answer(answer))
        if answer.status == 400 and b"HTTPS port" in answer.content:
            raise needs_tls(self.server)
        return refused

    def _request(self, wish: Wish, write: Write | None) -> Request:
        nothing = wish.method in {"GET", "DELETE"} and wish.body is None
        content = None if nothing else encode({} if wish.body is None else wish.body)
        headers = {**self.headers}
        if write is not None:
            headers["Idempotency-Key"] = write.idempotency_key
        if content is not None:
            headers["Content-Type"] = "application/json"
        if wish.receipt:
            headers["Prefer"] = "receipt"
        parameters = {name: spelled(value) for name, value in (wish.query or {}).items() if value is not None}
        target = self.target(wish.path) + (f"?{urlencode(parameters)}" if parameters else "")
        return Request(wish.method, target, content, headers, seconds_for(wish.path))

    def key_for(self, wish: Wish) -> str:
        """The key that it is sent with, which is then no other's."""
        if wish.idempotency_key:
            return wish.idempotency_key
        key, self.first_key = self.first_key, None
        return key or secrets.token_hex(16)

    def _witnessed(self, request: Request) -> Steps[Answer]:
        if (seen := self.seen) is None:
            return (yield from self._carried_out(request))
        try:
            answer = yield from self._carried_out(request)
        except Refused as refused:
            if refused.code not in UNPROVEN or seen.kept is None:
                raise
            code = yield from self._shown(seen)
            raise self._contradicted(code, seen.kept) from None
        if seen.due:
            yield from self._follow(seen)
        return answer

    def _follow(self, seen: Seen) -> Steps[None]:
        """Raises Unusable when the log is no longer the one that was seen. What cannot be asked now is, next time."""
        try:
            with suppress(Refused, Unreachable):
                yield from seen.follow(self._asked_of_the_log)
        except Contradiction as error:
            raise self._contradicted(error.code, error.kept, str(error)) from None

    def _asked_of_the_log(self, path: str, /, **query: Query) -> Steps[Any]:
        answer = yield from self._carried_out(self._request(Wish("GET", path, query=query), None), following=True)
        return read_answer(answer)

    def _shown(self, seen: Seen) -> Steps[str]:
        """What the server says to the signed head itself, which halts custody there when it contradicts its log."""
        headers = {**self.headers, **seen.note_header()}
        try:
            yield from self._carried_out(Request("GET", self.target("tenants/me"), None, headers, SECONDS))
        except Refused as refused:
            return refused.code
        return "none"

    def _contradicted(self, code: str, kept: Kept, problem: str = "") -> Unusable:
        said = problem or f"it has no more the head of size {kept.size:,} that it has signed ({code})"
        hint = "Stop all work that is confirmed here, and tell a person. The signed head is in heads.json: keep it."
        return Unusable("log_contradicts", f"{self.server} has rolled its log back, or forked it: {said}.", hint)

    def _carried_out(self, request: Request, *, following: bool = False) -> Steps[Answer]:
        """``following``: while the log is looked after, nothing is tried again, and no newer head is heard of."""
        attempt = 0
        while True:
            attempt += 1
            try:
                answer: Answer = yield self._sent(request)
            except Lost as lost:
                pause = self._pause(attempt, "", following=following)
                if pause is None:
                    raise Unreachable(str(lost)) from None
                yield Pause(pause, str(lost))
                continue
            if self.seen is not None and not following:
                self.seen.hear(answer.head)
            if answer.is_success:
                return answer
            refused = self.refusal(answer, request.target)
            pause = self._pause(attempt, answer.retry_after, following=following)
            if pause is None or not refused.passes:
                raise refused
            yield Pause(pause, f"the server answered {answer.status}")

    def _sent(self, request: Request) -> Request:
        seconds = request.seconds
        if self._patient_until is not None:
            seconds = min(seconds, max(LEAST_SECONDS, self._patient_until - self._clock()))
        said = self.seen.headers() if self.seen is not None else {}
        return replace(request, headers={**said, **request.headers}, seconds=seconds)

    def _pause(self, attempt: int, asked: str, *, following: bool) -> float | None:
        """Seconds before the next attempt; None when there is none. ``asked`` is the answer's Retry-After."""
        said = asked.isascii() and asked.isdigit()
        pause = float(asked) if said else 0.2 * 3 ** min(attempt - 1, 5)
        if following:
            return None
        if self._patient_until is None:
            return pause if attempt < ATTEMPTS and pause <= LONGEST_WAIT_SECONDS else None
        pause = pause if said else min(pause, LONGEST_PAUSE_SECONDS)
        return pause if self._clock() + pause < self._patient_until else None

    def _moved(self, answer: Answer, target: str) -> Unusable:
        try:
            there = urlsplit(urljoin(self.server + "/", answer.location))
            base = f"{there.scheme}://{there.netloc}{there.path.removesuffix(urlsplit(target).path)}".rstrip("/")
        except ValueError:
            base = ""
        said = f"{self.server} answers {answer.status}, that it is somewhere else"
        if not answer.location or not base.startswith(("http://", "https://")):
            return Unusable("moved", f"{said}, but not where.", "Which address? loopctl config set server URL")
        if urlsplit(base).netloc == urlsplit(self.server).netloc and base.startswith(self.server):
            hint = "Something in front of the server asks for a login of its own? See: loopctl doctor"
            return Unusable("moved", f"{self.server} answers {answer.status} and leads to {answer.location}.", hint)
        hint = f"If that is right: loopctl config set server {base} (or LOOPCTL_SERVER). The key was not sent there."
        return Unusable("moved", f"{said}: {base}.", hint)


def seconds_for(path: str) -> float:
    return IMPORT_SECONDS if path.endswith("/import") else SECONDS


def is_last_page(answer: Any, page: int, size: int) -> bool:
    """Of a list that is asked for page by page."""
    meta = answer.get("meta") or answer.get("pagination") or {}
    total = meta.get("total_count", meta.get("total", 0))
    return not answer["data"] or page * meta.get("page_size", size) >= total


def needs_tls(server: str) -> Unusable:
    secure = f"https://{server.partition('://')[2]}"
    return Unusable("needs_tls", f"{server} speaks TLS only.", f"loopctl config set server {secure}")
