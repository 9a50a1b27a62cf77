"""The HTTP client of commands: key, timeouts, attempts, one idempotency key for each write, errors as exceptions.

On the standard library's client: httpx2 takes longer to load than everything else that a command does.
"""

import math
import secrets
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http.client import BadStatusLine, HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, responses
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

from msgspec import Struct
from msgspec.json import encode

from loopctl import __version__
from loopctl.answers import Answer, Request, read_answer, spelled, whole, words
from loopctl.seen import HEAD, Contradiction, Cosign, InMemory, Kept, Seen, Store
from loopctl.trust import BadBundle, distrust, trusting

SECONDS = 30.0
IMPORT_SECONDS = 120.0
LEAST_SECONDS = 1.0
"""For an answer, however little is left of somebody's patience."""
ATTEMPTS = 4
LONGEST_WAIT_SECONDS = 61.0
"""The server's rate limit ends within a minute and a second; a longer Retry-After is not waited for."""
LONGEST_PAUSE_SECONDS = 15.0
"""Between two attempts of who is patient, when the server does not say how long."""
PASSING = {429, 502, 503, 504}
UNPROVEN = {"witness_divergence_unproven", "witness_ahead_unproven"}
"""Codes of a server that does not know a head that it has signed, as far as we can see."""
NEVER_AGAIN = {"tenant_halted", "sealed", "head_refused"}
"""Codes of 503 that do not pass by themselves: a person has to look."""

PERHAPS_DONE = {500, 502, 504}
"""Statuses of a write after which it may have been carried out: they can come from what stands before the server."""

FAILURES = (OSError, HTTPException)
PIECE = 1 << 16
AS_IT_IS = "/?&=%:,;@!$'()*+-._~"  # of a path; everything else is not sent as it is
NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}
TLS_ALERT = "\x15\x03"

Query = str | int | bool | None


class Refused(Exception):
    """The server answered, and not with success. ``body`` is what it said: JSON, else text."""

    def __init__(self, status: int, body: Any) -> None:
        self.status = status
        self.body = body
        self.asked_with: Mapping[str, str] = {}
        """Which key it was, for whoever is told."""
        super().__init__(f"the server answered {status}")

    @property
    def error(self) -> Mapping[str, Any]:
        """As the server has it; of whatever stands in front of it, a sentence."""
        found = self.body.get("error") if isinstance(self.body, dict) else None
        if isinstance(found, dict):
            return found
        return {"message": f"The server answers {self.status} {responses.get(self.status, '')}{words(self.body)}."}

    @property
    def code(self) -> str:
        return str(self.error.get("code", ""))


class Unreachable(Exception):
    """No answer, after every attempt."""


class Unusable(Exception):
    """Something answers, but not as a loopctl server that is trusted. To ask again would help nobody."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        self.code = code
        self.hint = hint
        super().__init__(message)


class Write(Struct, frozen=True):
    """What would change something. With the same idempotency key it is carried out once, however often it is sent."""

    method: str
    path: str
    idempotency_key: str


class Client:
    """Asks one server with one key, over one connection. Every method raises Refused, Unreachable and Unusable.

    A write is sent again only with the same idempotency key, so that it is carried out once.
    """

    def __init__(
        self, server: str, api_key: str | None, *, sleep: Callable[[float], None] = time.sleep,
        notice: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._headers = {"User-Agent": f"loopctl/{__version__}", "Accept": "application/json"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._seen = Seen(server, api_key, InMemory()) if api_key else None
        self._following = False
        self.server = server
        self._connection = _connection(server)
        self._prefix = urlsplit(server).path.rstrip("/")
        self._sleep = sleep
        self._notice = notice
        self._clock = clock
        self._patient_until: float | None = None
        self._first_key: str | None = None
        self.requests = 0
        """How many were sent, attempts included."""
        self.under_way: Write | None = None
        """Sent, and not known to be carried out or refused."""
        self.wrote = False
        """Whether the server has carried out what changes something."""

    def close(self) -> None:
        self._connection.close()

    def keep_heads_in(self, store: Store, cosign: Cosign | None = None) -> None:
        """So that it stays when this client is gone; ``cosign`` signs them with the agent's own key (cosigning.py)."""
        if self._seen is not None:
            self._seen.keep_in(store, cosign)

    def act_in(self, tenant_id: str, role: str | None = None) -> None:
        """A superadmin asks from now on in this tenant, in this role."""
        self._headers["X-Impersonate-Tenant"] = tenant_id
        if role is not None:
            self._headers["X-Effective-Role"] = role

    def repeat(self, idempotency_key: str) -> None:
        """The first write is the one that was sent with this key, and is carried out once."""
        self._first_key = idempotency_key

    @property
    def key_is_left(self) -> bool:
        """Whether there was no write for the key of ``repeat``."""
        return self._first_key is not None

    def patient(self, seconds: float = math.inf) -> None:
        """What passes is waited for so long from now on, with pauses that grow to LONGEST_PAUSE_SECONDS."""
        self._patient_until = self._clock() + seconds

    def get(self, path: str, /, **query: Query) -> Any:
        return self.request("GET", path, query=query)

    def post(self, path: str, body: Any = None, /, **query: Query) -> Any:
        return self.request("POST", path, body, query=query)

    def request(self, method: str, path: str, body: Any = None, *, query: Mapping[str, Query] | None = None) -> Any:
        """What the answer's JSON object says; None where there is nothing to say."""
        return self._object(method, self._asked(method, path, body, query))

    def raw(self, method: str, path: str, body: Any = None) -> Any:
        """What the answer's JSON says, an object or not; None for no body, text for what is no JSON."""
        return read_answer(self._asked(method, path, body, None))

    def _asked(self, method: str, path: str, body: Any, query: Mapping[str, Query] | None) -> Answer:
        content = None if method in {"GET", "DELETE"} and body is None else encode({} if body is None else body)
        write = None if method == "GET" else Write(method, path, self._next_key())
        headers = {"Idempotency-Key": write.idempotency_key} if write else {}
        if content is not None:
            headers["Content-Type"] = "application/json"
        parameters = {name: spelled(value) for name, value in (query or {}).items() if value is not None}
        target = self._target(path) + (f"?{urlencode(parameters)}" if parameters else "")
        seconds = IMPORT_SECONDS if path.endswith("/import") else SECONDS
        self.under_way = write
        try:
            answer = self._witnessed(Request(method, target, content, {**self._headers, **headers}, seconds))
        except Refused as refused:
            if refused.status not in PERHAPS_DONE:
                self.under_way = None
            raise
        self.wrote |= write is not None
        self.under_way = None
        return answer

    def _witnessed(self, request: Request) -> Answer:
        if (seen := self._seen) is None or self._following:
            return self._carried_out(request)
        try:
            answer = self._carried_out(request)
        except Refused as refused:
            if refused.code not in UNPROVEN or seen.kept is None:
                raise
            raise self._contradicted(self._shown(seen), seen.kept) from None
        if seen.due:
            self._follow(seen)
        return answer

    def _follow(self, seen: Seen) -> None:
        """Raises Unusable when the log is no longer the one that was seen. What cannot be asked now is, next time."""
        self._following = True
        under_way = self.under_way
        try:
            with suppress(Refused, Unreachable):
                seen.follow(lambda path, /, **query: read_answer(self._asked("GET", path, None, query)))
        except Contradiction as error:
            raise self._contradicted(error.code, error.kept, str(error)) from None
        finally:
            self._following, self.under_way = False, under_way

    def _shown(self, seen: Seen) -> str:
        """What the server says to the signed head itself, which halts custody there when it contradicts its log."""
        headers = {**self._headers, **seen.note_header()}
        try:
            self._carried_out(Request("GET", self._target("tenants/me"), None, headers, SECONDS))
        except Refused as refused:
            return refused.code
        return "none"

    def _contradicted(self, code: str, kept: Kept, problem: str = "") -> Unusable:
        said = problem or f"it has no more the head of size {kept.size:,} that it has signed ({code})"
        hint = "Stop all work that is confirmed here, and tell a person. The signed head is in heads.json: keep it."
        return Unusable("log_contradicts", f"{self.server} has rolled its log back, or forked it: {said}.", hint)

    def pages(self, path: str, /, **query: Query) -> Iterator[Any]:
        """The items of all pages of a list."""
        page, size = 1, 100
        while True:
            answer = self.get(path, **{**query, "page": page, "page_size": size})
            yield from answer["data"]
            if not answer["data"]:
                return
            meta = answer.get("meta") or answer.get("pagination") or {}
            total = meta.get("total_count", meta.get("total", 0))
            if page * meta.get("page_size", size) >= total:
                return
            page += 1

    def download(self, path: str, write: Callable[[bytes], object]) -> None:
        """The body of an answer that may be large, piece by piece; not asked for twice."""
        try:
            answer = self._send(Request("GET", self._target(path), None, self._headers, SECONDS))
            if not 200 <= answer.status < 300:
                raise self._refusal(whole(answer), self._target(path))
            while part := answer.read(PIECE):
                write(part)
        except FAILURES as error:
            self.close()
            raise Unreachable(self._problem(error)) from None

    def once(self, path: str, seconds: float) -> tuple[int, str]:
        """Status of an answer, whatever it is, and what its server takes for the time."""
        try:
            answer = self._send(Request("GET", self._target(path), None, self._headers, seconds))
            content = answer.read(PIECE)
        except FAILURES as error:
            self._check_trust(error)
            raise Unreachable(self._problem(error)) from None
        self.close()
        if not 200 <= answer.status < 300:
            self._refusal(Answer(answer.status, content, location=answer.headers.get("Location") or ""), path)
        return answer.status, answer.headers.get("Date") or ""

    def _carried_out(self, request: Request) -> Answer:
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = self._answered(request)
            except FAILURES as error:
                self.close()
                self._check_trust(error)
                pause = self._pause(attempt)
                if pause is None:
                    raise Unreachable(self._problem(error)) from None
                self._wait(pause, self._problem(error))
                continue
            if answer.is_success:
                return answer
            refused, pause = self._refusal(answer, request.target), self._pause(attempt, answer.retry_after)
            if pause is None or not passes(refused):
                raise refused
            self._wait(pause, f"the server answered {answer.status}")

    def _pause(self, attempt: int, asked: str = "") -> float | None:
        """Seconds before the next attempt; None when there is none. ``asked`` is the answer's Retry-After."""
        said = asked.isascii() and asked.isdigit()
        pause = float(asked) if said else 0.2 * 3 ** min(attempt - 1, 5)
        if self._patient_until is None or self._following:
            return pause if not self._following and attempt < ATTEMPTS and pause <= LONGEST_WAIT_SECONDS else None
        pause = pause if said else min(pause, LONGEST_PAUSE_SECONDS)
        return pause if self._clock() + pause < self._patient_until else None

    def _answered(self, request: Request) -> Answer:
        return whole(self._send(request))

    def _send(self, request: Request) -> HTTPResponse:
        self.requests += 1
        seconds = request.seconds
        if self._patient_until is not None:
            seconds = min(seconds, max(LEAST_SECONDS, self._patient_until - self._clock()))
        self._connection.timeout = seconds
        if self._connection.sock is not None:
            self._connection.sock.settimeout(seconds)
        said = self._seen.headers() if self._seen is not None else {}
        self._connection.request(request.method, request.target, request.content, {**said, **request.headers})
        answer = self._connection.getresponse()
        if self._seen is not None and not self._following:
            self._seen.hear(answer.headers.get(HEAD))
        return answer

    def _next_key(self) -> str:
        key, self._first_key = self._first_key, None
        return key or secrets.token_hex(16)

    def _target(self, path: str) -> str:
        return self._prefix + quote(path if path.startswith("/") else f"/api/v1/{path}", AS_IT_IS)

    def _object(self, method: str, answer: Answer) -> Any:
        """Raises Unusable for an answer that no loopctl server gives."""
        said = read_answer(answer)
        if isinstance(said, dict) or (said is None and (answer.status == 204 or method == "DELETE")):
            return said
        what = "nothing" if said is None else f"a list of {len(said)}" if isinstance(said, list) else ""
        what = what or f"{answer.kind.partition(';')[0] or 'something'} that is no object of JSON"
        deed = "" if method == "GET" else " Whether it was done is not known."
        message = f"{self.server} answers {answer.status} with {what}: {words(said)}".removesuffix(": ")
        hint = "Is this the address of a loopctl server? See: loopctl config show --origin; loopctl doctor"
        raise Unusable("not_loopctl", f"{message}.{deed}", hint)

    def _refusal(self, answer: Answer, target: str) -> Refused:
        """Raises Unusable for a redirect: the key goes nowhere that nobody has named."""
        if 300 <= answer.status < 400:
            raise self._moved(answer, target)
        refused = Refused(answer.status, read_answer(answer))
        if answer.status == 400 and b"HTTPS port" in answer.content:
            raise self._needs_tls()
        return refused

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

    def _needs_tls(self) -> Unusable:
        secure = f"https://{self.server.partition('://')[2]}"
        return Unusable("needs_tls", f"{self.server} speaks TLS only.", f"loopctl config set server {secure}")

    def _check_trust(self, error: Exception) -> None:
        """Raises Unusable for what a further attempt finds as it is."""
        match error:
            case ssl.SSLCertVerificationError():
                problem, hint = distrust(error)
                raise Unusable("untrusted", f"{self.server} is not trusted: {problem}.", hint) from None
            case ssl.SSLError() if error.reason in NO_TLS:
                plain = f"http://{self.server.partition('://')[2]}"
                message, hint = f"{self.server} does not speak TLS.", f"Perhaps it is {plain}"
                raise Unusable("no_tls", message, f"{hint}, where the key travels unencrypted.") from None
            case BadStatusLine() if str(error).startswith(TLS_ALERT):
                raise self._needs_tls() from None

    def _problem(self, error: Exception) -> str:
        return f"{self.server} does not answer ({type(error).__name__}: {error})"

    def _wait(self, seconds: float, problem: str) -> None:
        self._notice(f"{problem}; trying again in {seconds:.1f} s")
        self._sleep(seconds)


def passes(refused: Refused) -> bool:
    """By itself, so that it is worth to ask again."""
    return refused.status in PASSING and refused.code not in NEVER_AGAIN


def _connection(server: str) -> HTTPConnection:
    """Raises Unusable for an address that is none."""
    hint = "Such as https://loopctl.example: loopctl config set server URL"
    try:
        address = urlsplit(server)
        host, port = address.hostname, address.port
        if not host or not host.encode("idna"):
            raise Unusable("no_address", f"{server} names no server.", hint)
        if address.scheme == "https":
            return HTTPSConnection(host, port, timeout=SECONDS, context=trusting())
        return HTTPConnection(host, port, timeout=SECONDS)
    except (ValueError, HTTPException) as error:
        raise Unusable("no_address", f"{server} is no address of a server: {error}.", hint) from None
    except BadBundle as error:
        raise Unusable("no_certificates", f"{error}.", "It is a file of certificates as text (PEM).") from None
