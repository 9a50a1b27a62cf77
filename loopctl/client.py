"""The client: one server, one key, one connection. What it says is in conversation.py, how it is carried in wire.py."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

from loopctl.answers import Answer, Pause, Request, read_answer, whole
from loopctl.conversation import Conversation, Course, Lost, Query, Recorded, Steps, T, Wish, is_last_page
from loopctl.failures import Refused, Unreachable, Unusable, Write
from loopctl.seen import Cosign, Store
from loopctl.wire import FAILURES, Wire

__all__ = ["Client", "Query", "Recorded", "Refused", "Unreachable", "Unusable", "Write"]

PIECE = 1 << 16


class Client:
    """Asks one server with one key, over one connection. Every method raises Refused, Unreachable and Unusable.

    A write is sent again only with the same idempotency key, so that it is carried out once.
    """

    def __init__(
        self, server: str, api_key: str | None, *, sleep: Callable[[float], None] = time.sleep,
        notice: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        server = server.rstrip("/")
        self._wire = Wire(server)
        self._talk = Conversation(server, api_key, clock)
        self._course = Course()
        self._sleep = sleep
        self._notice = notice
        self.requests = 0
        """How many were sent, attempts included."""

    @property
    def server(self) -> str:
        return self._talk.server

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._wire.close()

    @property
    def under_way(self) -> Write | None:
        """Sent, and not known to be carried out or refused."""
        return self._course.under_way

    @under_way.setter
    def under_way(self, write: Write | None) -> None:
        self._course.under_way = write

    @property
    def wrote(self) -> bool:
        """Whether the server has carried out what changes something."""
        return self._course.wrote

    @wrote.setter
    def wrote(self, wrote: bool) -> None:
        self._course.wrote = wrote

    def keep_heads_in(self, store: Store, cosign: Cosign | None = None) -> None:
        """So that it stays when this client is gone; ``cosign`` signs them with the agent's own key (cosigning.py)."""
        if self._talk.seen is not None:
            self._talk.seen.keep_in(store, cosign)

    def act_in(self, tenant_id: str, role: str | None = None) -> None:
        """A superadmin asks from now on in this tenant, in this role."""
        self._talk.headers["X-Impersonate-Tenant"] = tenant_id
        if role is not None:
            self._talk.headers["X-Effective-Role"] = role

    def repeat(self, idempotency_key: str) -> None:
        """The first write is the one that was sent with this key, and is carried out once."""
        self._talk.first_key = idempotency_key

    @property
    def key_is_left(self) -> bool:
        """Whether there was no write for the key of ``repeat``."""
        return self._talk.first_key is not None

    def patient(self, seconds: float = math.inf) -> None:
        """What passes is waited for so long from now on, instead of for four attempts."""
        self._talk.patient(seconds)

    def get(self, path: str, /, **query: Query) -> Any:
        return self.request("GET", path, query=query)

    def post(self, path: str, body: Any = None, /, **query: Query) -> Any:
        return self.request("POST", path, body, query=query)

    def request(
        self, method: str, path: str, body: Any = None, *, query: Mapping[str, Query] | None = None,
        idempotency_key: str | None = None,
    ) -> Any:  # fmt: skip
        """What the answer's JSON object says; None where there is nothing to say."""
        return self._talk.object_of(method, self._asked(Wish(method, path, body, query, idempotency_key)))

    def recorded(self, method: str, path: str, body: Any = None) -> Recorded:
        """A write, with the receipt of its event."""
        return self._talk.recorded_of(method, self._asked(Wish(method, path, body, receipt=True)))

    def raw(self, method: str, path: str, body: Any = None) -> Any:
        """What the answer's JSON says, an object or not; None for no body, text for what is no JSON."""
        return read_answer(self._asked(Wish(method, path, body)))

    def pages(self, path: str, /, **query: Query) -> Iterator[Any]:
        """The items of all pages of a list."""
        page, size = 0, 100
        while True:
            page += 1
            answer = self.get(path, **{**query, "page": page, "page_size": size})
            yield from answer["data"]
            if is_last_page(answer, page, size):
                return

    def download(self, path: str, write: Callable[[bytes], object]) -> None:
        """The body of an answer that may be large, piece by piece; not asked for twice."""
        try:
            answer = self._wire.opened(self._counted(self._talk.reading(path)))
            if not 200 <= answer.status < 300:
                raise self._talk.refusal(whole(answer), self._talk.target(path))
            while part := answer.read(PIECE):
                write(part)
        except FAILURES as error:
            raise Unreachable(str(self._wire.lost(error))) from None

    def once(self, path: str, seconds: float) -> tuple[int, str]:
        """Status of an answer, whatever it is, and what its server takes for the time."""
        try:
            answer = self._wire.opened(self._counted(self._talk.reading(path, seconds)))
            content = answer.read(PIECE)
        except FAILURES as error:
            raise Unreachable(str(self._wire.lost(error))) from None
        self.close()
        if not 200 <= answer.status < 300:
            self._talk.refusal(Answer(answer.status, content, location=answer.headers.get("Location") or ""), path)
        return answer.status, answer.headers.get("Date") or ""

    def _asked(self, wish: Wish) -> Answer:
        return self._carried_out(self._talk.asked(wish, self._course))

    def _carried_out(self, steps: Steps[T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    said = self._taken(step)
                except Lost as lost:
                    step = steps.throw(lost)
                else:
                    step = steps.send(said)
        except StopIteration as done:
            result: T = done.value
            return result

    def _taken(self, step: Request | Pause) -> Answer | None:
        if isinstance(step, Request):
            return self._wire.answered(self._counted(step))
        self._notice(f"{step.problem}; trying again in {step.seconds:.1f} s")
        self._sleep(step.seconds)
        return None

    def _counted(self, request: Request) -> Request:
        self.requests += 1
        return request
