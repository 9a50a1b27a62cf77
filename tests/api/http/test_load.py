"""How long a request may take, how many may run, and what becomes of the others."""

import asyncio
from contextlib import suppress
from typing import Any

from litestar import get
from litestar.handlers import HTTPRouteHandler

from api.http.limits import Limits, Share
from tests.api.asgi import JSON, ask, echo, made

GOOD = b'{"name": "ann", "count": 2}'
PUBLIC = {"access": "public"}


async def test_a_body_that_does_not_arrive_in_time_is_408_and_ends_the_connection() -> None:
    app = made(echo, limits=Limits(body_seconds=0.05))

    async def never() -> Any:
        await asyncio.sleep(60)

    async def slow(scope: Any, _: Any, send: Any) -> None:
        await app(scope, never, send)

    answer = await ask(slow, "/echo", method="POST", headers=JSON, body=GOOD)
    assert (answer.status, answer.error["code"]) == (408, "request_timeout")
    assert answer.headers["connection"] == "close"


def sleeping(seconds: float, name: str = "/sleep", **opt: Any) -> HTTPRouteHandler:
    @get(name, opt={**PUBLIC, **opt})
    async def sleep() -> str:
        await asyncio.sleep(seconds)
        return "rested"

    return sleep


async def test_a_handler_that_takes_too_long_is_ended_and_the_outcome_is_said_to_be_unknown() -> None:
    answer = await ask(made(sleeping(60), limits=Limits(request_seconds=0.05)), "/sleep")
    assert (answer.status, answer.error["code"]) == (503, "deadline_exceeded")
    assert "Idempotency-Key" in answer.error["message"]
    assert answer.headers["retry-after"] == "1"


async def test_a_route_can_have_more_time_than_the_others() -> None:
    app = made(sleeping(0.2, request_seconds=5), limits=Limits(request_seconds=0.05))
    assert (await ask(app, "/sleep")).status == 200


async def test_one_too_many_waits_briefly_and_is_told_to_come_back_while_health_answers() -> None:
    app = made(sleeping(0.3), limits=Limits(running=Share(2, 2, 2), admission_seconds=0.05))
    async with asyncio.TaskGroup() as group:
        first = [group.create_task(ask(app, "/sleep")) for _ in range(2)]
        await asyncio.sleep(0.02)
        third = await ask(app, "/sleep")
        assert (third.status, third.error["code"], third.headers["retry-after"]) == (503, "overloaded", "1")
        assert (await ask(app, "/health")).status == 200
    assert [task.result().status for task in first] == [200, 200]


async def test_whoever_waits_gets_the_place_that_becomes_free() -> None:
    app = made(sleeping(0.05), limits=Limits(running=Share(1, 1, 1), admission_seconds=5))
    answers = await asyncio.gather(*(ask(app, "/sleep") for _ in range(5)))
    assert [answer.status for answer in answers] == [200] * 5
    assert (await ask(app, "/sleep")).status == 200


async def test_a_stop_that_has_run_out_of_patience_says_so() -> None:
    app = made(sleeping(60))
    task = asyncio.create_task(ask_and_keep(app))
    await asyncio.sleep(0.02)
    task.cancel()
    answers = await task
    assert answers[0]["status"] == 503


async def test_a_handler_that_waits_for_something_cancelled_is_a_bug_and_not_a_stop() -> None:
    @get("/waits", opt=PUBLIC)
    async def waits() -> str:
        task = asyncio.create_task(asyncio.sleep(60))
        task.cancel()
        await task
        return "never"

    assert (await ask(made(waits), "/waits")).error["code"] == "internal_error"


async def ask_and_keep(app: Any) -> list[Any]:
    """What was sent before the request was cancelled."""
    sent: list[Any] = []

    async def recording(scope: Any, receive: Any, send: Any) -> None:
        async def note(message: Any) -> None:
            sent.append(message)
            await send(message)

        await app(scope, receive, note)

    with suppress(asyncio.CancelledError):
        await ask(recording, "/sleep")
    return sent
