"""A request must not refer to itself: the collector that clears such things costs more than the request."""

import asyncio
import gc
from typing import Any

import pytest
from litestar import get
from uvicorn.server import ServerState

from api.http.limits import Limits
from api.http.server import server_config
from tests.api.asgi import echo, made
from tests.api.served import GET, WHOLE_POST

REQUESTS = 50


class Deaf(asyncio.Transport):
    """A connection whose other end is nowhere."""

    def write(self, data: Any) -> None: ...
    def close(self) -> None: ...
    def is_closing(self) -> bool:
        return False


async def garbage_of(app: Any, request: bytes) -> float:
    """Objects for each request that only the collector can clear."""
    config = server_config(app, Limits(), 1, lambda _: None)
    config.load()
    state = ServerState()
    protocol: Any = config.http_protocol_class(config=config, server_state=state, app_state={})  # type: ignore[call-arg]  # as uvicorn calls it
    protocol.connection_made(Deaf())

    async def ask() -> None:
        protocol.data_received(request)
        await asyncio.gather(*state.tasks)

    for _ in range(REQUESTS):
        await ask()
    gc.collect()
    gc.disable()
    try:
        for _ in range(REQUESTS):
            await ask()
        return gc.collect() / REQUESTS
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "request_bytes",
    [
        WHOLE_POST,
        GET + b"\r\n",
        GET.replace(b"/livez", b"/health") + b"\r\n",
        GET.replace(b"/livez", b"/nope") + b"\r\n",
        WHOLE_POST.replace(b"{", b"["),
    ],
    ids=["post", "get", "through the framework", "404", "400"],
)
async def test_a_request_leaves_nothing_for_the_collector(request_bytes: bytes) -> None:
    assert await garbage_of(made(echo), request_bytes) < 1


async def test_a_handler_that_leaves_something_is_noticed() -> None:
    @get("/loop", opt={"access": "public"})
    async def loop() -> str:
        itself: list[Any] = []
        itself.append(itself)
        return "made"

    assert await garbage_of(made(loop), GET.replace(b"/livez", b"/loop") + b"\r\n") >= 1
