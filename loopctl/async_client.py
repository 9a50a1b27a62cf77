"""The client for asyncio: the same conversation and the same connections, each of these in a thread of its own.

Other tasks go on while a server is waited for, and several calls can be under way at once, up to ``connections``. A
call that is cancelled may have been carried out all the same, as one whose answer was lost.
"""

import asyncio
from asyncio import sleep
from collections import deque
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

from loopctl.answers import Answer, Pause, Request, read_answer
from loopctl.conversation import Conversation, Course, Lost, Query, Recorded, Steps, T, Wish, is_last_page
from loopctl.failures import Failed
from loopctl.seen import Cosign, Store
from loopctl.wire import Wire

CONNECTIONS = 8


class AsyncClient:
    """Asks one server with one key. Every method raises Refused, Unreachable and Unusable, each with the ``write`` that
    may have been carried out all the same."""

    def __init__(self, server: str, api_key: str | None, *, connections: int = CONNECTIONS) -> None:
        server = server.rstrip("/")
        self._server = server
        self._talk = Conversation(server, api_key)
        self._idle = deque([Wire(server)])
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="loopctl")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """What is under way comes to its end first."""
        await asyncio.to_thread(self._threads.shutdown)
        while self._idle:
            self._idle.pop().close()

    def keep_heads_in(self, store: Store, cosign: Cosign | None = None) -> None:
        """As of Client."""
        if self._talk.seen is not None:
            self._talk.seen.keep_in(store, cosign)

    async def get(self, path: str, /, **query: Query) -> Any:
        return await self.request("GET", path, query=query)

    async def post(self, path: str, body: Any = None, /, **query: Query) -> Any:
        return await self.request("POST", path, body, query=query)

    async def request(
        self, method: str, path: str, body: Any = None, *, query: Mapping[str, Query] | None = None,
        idempotency_key: str | None = None,
    ) -> Any:  # fmt: skip
        """What the answer's JSON object says; None where there is nothing to say."""
        answer = await self._asked(Wish(method, path, body, query, idempotency_key))
        return self._talk.object_of(method, answer)

    async def recorded(self, method: str, path: str, body: Any = None) -> Recorded:
        """A write, with the receipt of its event."""
        return self._talk.recorded_of(method, await self._asked(Wish(method, path, body, receipt=True)))

    async def raw(self, method: str, path: str, body: Any = None) -> Any:
        """What the answer's JSON says, an object or not; None for no body, text for what is no JSON."""
        return read_answer(await self._asked(Wish(method, path, body)))

    async def pages(self, path: str, /, **query: Query) -> AsyncIterator[Any]:
        """The items of all pages of a list."""
        page, size = 0, 100
        while True:
            page += 1
            answer = await self.get(path, **{**query, "page": page, "page_size": size})
            for item in answer["data"]:
                yield item
            if is_last_page(answer, page, size):
                return

    async def _asked(self, wish: Wish) -> Answer:
        course = Course()
        try:
            return await self._carried_out(self._talk.asked(wish, course))
        except Failed as failed:
            failed.write = course.under_way
            raise

    async def _carried_out(self, steps: Steps[T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    said = await self._taken(step)
                except Lost as lost:
                    step = steps.throw(lost)
                else:
                    step = steps.send(said)
        except StopIteration as done:
            result: T = done.value
            return result

    async def _taken(self, step: Request | Pause) -> Answer | None:
        if isinstance(step, Request):
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._answered, step)
        await sleep(step.seconds)
        return None

    def _answered(self, request: Request) -> Answer:
        """In a thread: with a connection that nobody else uses meanwhile."""
        try:
            wire = self._idle.pop()
        except IndexError:
            wire = Wire(self._server)
        try:
            return wire.answered(request)
        finally:
            self._idle.append(wire)
