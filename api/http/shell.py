"""The ASGI application around the routes: every request goes through here, in this order, and no other way.

id → route, Accept, query → access → body (type, length, room, time) → admission → body's content → handler → answer
or refusal. What costs time for each byte comes after admission, and only for a handler that takes a body.
Each step is a module of its own; this one only says in which order they stand and what happens when one raises.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import structlog
from litestar import Litestar
from litestar.enums import ScopeType
from litestar.response import Stream
from litestar.types import Receive, Scope, Send
from msgspec import Struct, structs

from api.http import body as request_body
from api.http.asking import Gate, asking, fresh
from api.http.body import check_body_type
from api.http.endpoints import Answer, Called, Endpoint, Endpoints, Found, framework_request, without_body
from api.http.errors import JSON, ErrorPage, Failure, failure_of, render
from api.http.exchange import CommonHeaders, Exchange, check_once
from api.http.identifiers import LOGGED
from api.http.limits import Limits
from api.http.negotiation import accepts_json, wants_page, wants_problem
from api.http.packed import as_json, is_packed
from api.http.page_headers import PAGE
from api.http.policy import Policy
from api.http.query import check_path, check_query
from api.http.recording import AccessLog, Metrics
from api.http.refusal import ClientGone, Header, Refused
from api.http.running import NOBODY, Budget, Deadline, Deadlines, Held, Holder, Pace, admissions
from domain.caller import Caller

log = structlog.get_logger("api")

JSON_TYPE = "application/json"

PAGE_HEADERS: tuple[Header, ...] = tuple((name.lower().encode(), value.encode()) for name, value in PAGE.items())

CLIENT_GONE = 499
"""Never sent; how figures and logs show a client that left before its request was complete."""

CHECKING_THREADS = 1
"""Long bodies that are checked at a time: a second would be no faster, and the loop would wait for both."""


class Surroundings(Struct, frozen=True):
    """What the shell works with besides the routes."""

    limits: Limits
    metrics: Metrics
    access_log: AccessLog
    clock: Callable[[], float]
    common_headers: CommonHeaders
    gate: Gate
    error_page: Callable[[Failure, str], ErrorPage]
    """Of a refusal and what was asked for, for a browser; what is below /api/ is answered in JSON all the same."""


class Sender(Struct, frozen=True):
    """Whose request it is, and how long it may take."""

    caller: Caller | None
    holder: Holder
    deadline: Deadline


class Shell:
    """The ASGI application that is served."""

    def __init__(self, app: Litestar, around: Surroundings, services: object) -> None:
        """``services`` go to the handlers that ask for them."""
        self._app = app
        self._around = around
        self._limits = limits = around.limits
        self._endpoints = Endpoints(app, limits, services)
        self._admissions = admissions(limits)
        self._bodies = Budget(limits.held_bodies, "Wait until the large bodies that it sends are answered.", 2)
        self._answers = Budget(limits.held_answers, "Read the large answers that it has asked for.", 2)
        self._deadlines = Deadlines(min(0.05, limits.request_seconds / 10, limits.body_seconds / 10))
        self._checking = ThreadPoolExecutor(CHECKING_THREADS, "check")
        self.limits = limits
        self.refused = around.metrics.refused
        """To be told the code of each request that never got here because it was not HTTP."""

    def close(self) -> None:
        """Writes what waits to be written, and takes this process out of the shared figures."""
        self._checking.shutdown(wait=False, cancel_futures=True)
        self._around.access_log.flush()
        self._around.metrics.process_ends()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send, self._around.common_headers, self._around.clock())
        LOGGED.set(exchange.request_id)
        try:
            await self._respond(exchange)
        except ClientGone:
            exchange.status = CLIENT_GONE
        except asyncio.CancelledError as error:
            if not _is_cancelled():
                await self._refuse(exchange, error)
                return
            if not exchange.status:
                # A stop has run out of patience; the client should know to ask somebody else.
                await self._refuse(exchange, Refused("stopping", headers={"Retry-After": "1"}))
            raise
        except Exception as error:  # noqa: BLE001  # the last resort: a client never sees what went wrong inside
            await self._refuse(exchange, error)
        finally:
            self._record(exchange)

    async def _respond(self, exchange: Exchange) -> None:
        found = await self._found(exchange)
        policy = found.endpoint.policy
        deadline = self._deadlines.begin(policy.body_seconds if exchange.body_left else policy.request_seconds)
        caller, reading = None, False
        try:
            if policy.access != "public":
                caller = await self._around.gate.admit(exchange.headers, exchange.peer, policy, exchange.more)
            reading = True
            if policy.not_built:
                does = "GET /api/v1/routes lists what this version of the server does."
                raise Refused("not_built", f"Not built yet: {policy.not_built}. {does}")
            holder = NOBODY if caller is None else Holder(caller.tenant_id, caller.key_id)
            if not exchange.body_left:
                await self._admitted(exchange, found, Sender(caller, holder, deadline), b"", False)
                return
            with Held(self._bodies, holder) as held:
                body, form = await self._read(exchange, found.endpoint, deadline, held)
                await self._admitted(exchange, found, Sender(caller, holder, deadline), body, form)
        except asyncio.CancelledError:
            if not deadline.passed():
                raise
            raise _too_late(exchange, reading=reading) from None
        finally:
            self._deadlines.end(deadline)

    async def _found(self, exchange: Exchange) -> Found:
        """Raises Refused. What is refused by its first lines counts and says its limits like everything else."""
        public = False
        try:
            found = self._find(exchange)
            public = found.endpoint.policy.access == "public"
            self._check_head(exchange, found.endpoint.policy)
        except Refused:
            if not public:
                deadline = self._deadlines.begin(self._limits.request_seconds)
                try:
                    await self._around.gate.count(exchange.headers, exchange.peer, exchange.more)
                except asyncio.CancelledError:
                    if not deadline.passed():
                        raise
                finally:
                    self._deadlines.end(deadline)
            raise
        return found

    async def _admitted(self, exchange: Exchange, found: Found, sender: Sender, body: bytes, form: bool) -> None:
        policy = found.endpoint.policy
        admission = self._admissions[policy.places]
        if policy.always_admitted:
            await self._send(exchange, found, sender, await self._work(exchange, found, sender.caller, body, form))
            return
        if not admission.enter_now(sender.holder):
            await admission.enter(sender.holder)
        try:
            answer = await self._work(exchange, found, sender.caller, body, form)
            if policy.held_to_the_end:
                await self._send(exchange, found, sender, answer)
        finally:
            admission.leave(sender.holder)
        if not policy.held_to_the_end:
            await self._send(exchange, found, sender, answer)

    def _find(self, exchange: Exchange) -> Found:
        scope = exchange.scope
        if len(exchange.headers) < len(scope["headers"]):
            check_once(scope["headers"], exchange.headers)
        raw_path = scope.get("raw_path") or b""
        if b"%" in raw_path:
            check_path(raw_path)
        found = self._endpoints.find("GET" if exchange.method == "HEAD" else exchange.method, scope["path"])
        exchange.route = found.endpoint.template
        exchange.quiet = found.endpoint.policy.always_admitted
        return found

    def _check_head(self, exchange: Exchange, policy: Policy) -> None:
        accept = exchange.headers.get(b"accept")
        if accept is not None and not policy.any_accept and not accepts_json(accept):
            raise Refused("not_acceptable")
        if query := exchange.scope["query_string"]:
            check_query(query, self._limits.query_parameters)

    async def _read(self, exchange: Exchange, endpoint: Endpoint, deadline: Deadline, held: Held) -> tuple[bytes, bool]:
        """The bytes as they came, and whether they are a form; of the type nothing is asked where nobody reads them."""
        policy = endpoint.policy
        packed = bool(policy.packed) and is_packed(exchange.headers, policy.packed)
        form = endpoint.reads_body and not packed and check_body_type(exchange.headers)
        most = min(policy.body_bytes, request_body.FORM_BYTES) if form else policy.body_bytes
        length = request_body.announced_length(exchange.headers, most)
        large = length is None or length > self._limits.small_bytes
        came = self._room(held, length, deadline) if large and endpoint.reads_body else request_body.unnoticed
        body = await request_body.read(exchange.receive, most, came, keep=endpoint.reads_body)
        exchange.body_left = False
        deadline.start_again(policy.request_seconds)
        if packed:
            make = partial(as_json, exchange.headers, body, policy.packed)
            if len(body) <= request_body.FORM_BYTES:
                return make(), False
            return await asyncio.get_running_loop().run_in_executor(self._checking, make), False
        # `curl -d '{…}'` without a type calls it a form; no form begins like this.
        return body, form and not body.startswith(b"{")

    def _room(self, held: Held, length: int | None, deadline: Deadline) -> Callable[[int], None]:
        """Room for a large body, before any of it is read, or step by step where it does not say how long it is; and
        what is to be called as it comes. Raises Refused."""
        pace, step, small = Pace(deadline, self._limits, deadline.at), self._limits.pace_bytes, self._limits.small_bytes
        held.grow_to(length or 0)
        known = 0

        def came(size: int) -> None:
            nonlocal known
            if length is None and size > small:
                held.grow_to(size + step - size % step)
            pace.passed(size - known)
            known = size

        return came

    async def _work(self, exchange: Exchange, found: Found, caller: Caller | None, body: bytes, form: bool) -> Answer:
        if found.endpoint.reads_body and (body or form):
            body = await self._checked(body, form)
        if caller is not None:
            halts = found.endpoint.policy.halts
            request = (exchange.method, _target(exchange.scope))
            exchange.asking = asking(caller, request, exchange.headers, body, halts=halts)
            if found.endpoint.policy.fresh:
                confirmed = fresh(*request, exchange.headers, body)
                exchange.asking = structs.replace(exchange.asking, fresh=confirmed)
        return await found.endpoint.call(
            Called(
                found.parameters, body if found.endpoint.reads_body else b"", form, exchange.asking,
                exchange.scope["query_string"], exchange.headers, exchange.peer, self,
            )
        )  # fmt: skip

    async def _checked(self, body: bytes, form: bool) -> bytes:
        depth = self._limits.json_depth
        if not request_body.is_long(body, form=form):
            return request_body.checked(body, depth, form=form)
        check = partial(request_body.checked_aside, body, depth, form=form)
        # In a pool of our own: a check whose request was given up keeps its thread until it is done.
        return await asyncio.get_running_loop().run_in_executor(self._checking, check)

    async def _send(self, exchange: Exchange, found: Found, sender: Sender, answer: Answer) -> None:
        content = answer if isinstance(answer, bytes) else answer.content
        size = len(content) if isinstance(content, bytes | str) else 0
        if size <= self._limits.small_bytes and not isinstance(answer, Stream):
            await self._send_on(exchange, found, answer)
            return
        if found.endpoint.policy.places == "streams":
            exchange.goes_on()
        else:
            exchange.pace = Pace(sender.deadline, self._limits)
        with Held(self._answers, sender.holder) as held:
            held.grow_to(size)
            await self._send_on(exchange, found, answer)

    async def _send_on(self, exchange: Exchange, found: Found, answer: Answer) -> None:
        handler = found.endpoint.handler
        if isinstance(answer, bytes):
            await exchange.answer(handler.status_code, JSON, answer)
        elif not isinstance(answer, Stream) and isinstance(answer.content, bytes) and answer.media_type == JSON_TYPE:
            headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
            await exchange.answer(answer.status_code or handler.status_code, JSON, answer.content, headers)
        else:  # pages, files, streams
            if exchange.method == "HEAD" and isinstance(answer, Stream):
                answer = without_body(answer)
            sending = answer.to_asgi_response(
                None, framework_request(exchange.scope), media_type=handler.media_type, status_code=handler.status_code
            )
            await sending(exchange.scope, exchange.receive, exchange.send)

    async def _refuse(self, exchange: Exchange, error: BaseException) -> None:
        failure = failure_of(error)
        if failure.code == "internal_error":
            self._around.metrics.bug()
            log.error("internal_error", error_class=type(error).__name__, exc_info=error)
        if exchange.status:
            # Half an answer is out: only cutting the connection tells the client that it is not whole.
            raise error
        headers = [(name.lower().encode(), value.encode()) for name, value in failure.headers.items()]
        closes = any(name == b"connection" for name, _ in headers)
        if exchange.body_left and not closes and not await self._drained(exchange):
            headers.append((b"connection", b"close"))
        accept = exchange.headers.get(b"accept", b"")
        if wants_page(accept, exchange.scope["path"]):
            shown = self._around.error_page(failure, _target(exchange.scope))
            headers += [
                *PAGE_HEADERS,
                *((name.lower().encode(), value.encode()) for name, value in shown.headers.items()),
            ]
            await exchange.answer_page(shown.status, shown.body, headers)
            return
        content, kind = render(failure, problem=wants_problem(accept))
        await exchange.answer(failure.status, kind, content, headers)

    async def _drained(self, exchange: Exchange) -> bool:
        """The next request on this connection can be told from the rest of this one."""
        return b"expect" not in exchange.headers and await request_body.drain(exchange.receive)

    def _record(self, exchange: Exchange) -> None:
        around = self._around
        seconds = around.clock() - exchange.started_at
        around.metrics.answered(exchange.method, exchange.route, exchange.status, seconds)
        around.access_log.record(exchange, seconds)


def _target(scope: Any) -> str:
    """Path and query: with another query it is another request, whatever the Idempotency-Key says."""
    query = scope["query_string"]
    path: str = scope["path"]
    return f"{path}?{query.decode('latin-1')}" if query else path


def _is_cancelled() -> bool:
    """This very task is; a handler that awaits something cancelled raises the same exception, which is a bug."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _too_late(exchange: Exchange, *, reading: bool) -> Exception:
    if exchange.status and exchange.cut():
        return ClientGone()  # it has left the rest unread for too long
    if reading and exchange.body_left:
        return Refused("request_timeout", headers={"Connection": "close"})
    return TimeoutError()
