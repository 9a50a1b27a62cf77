"""uvicorn, with our protocol, our way to stop, and one clock for all connections."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import uvicorn

from api.http.limits import Limits
from api.http.newcomers import Newcomers
from api.http.protocol import GuardedProtocol

SWEEP_SECONDS = 0.1
ACCEPTED_AT_A_TIME = 16
"""uvloop accepts one connection of a listening socket in each turn of the loop, so that of hundreds that arrive at once
the last would wait for as many turns, whatever those before it have the loop do in each (measured: 0.7 s). By so many
descriptors of the same socket it accepts as many."""


class Server(uvicorn.Server):
    """Ends with exit code 0 when asked to: uvicorn's own would die of the signal that it was asked with."""

    def __init__(
        self,
        config: uvicorn.Config,
        limits: Limits,
        *,
        signals: bool = True,
        ready: Callable[[], None] = lambda: None,
        stopping: Callable[[], None] = lambda: None,
    ) -> None:
        """``stopping`` is called when the stop begins: for what would otherwise go on for minutes."""
        super().__init__(config)
        self._ready = ready
        self._stopping = stopping
        self._signals = signals
        self._sweep_seconds = min(SWEEP_SECONDS, limits.linger_seconds / 4, limits.header_seconds / 4)
        self._sweeping: asyncio.TimerHandle | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await super().serve([each for one in sockets or () for each in _several(one)] or None)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if not self._signals:
            yield
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._sweep()
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping()
        try:
            await super().shutdown(sockets)
        finally:
            if self._sweeping is not None:
                self._sweeping.cancel()

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in list(self.server_state.connections):
            if isinstance(connection, GuardedProtocol):
                connection.sweep(now)
        self._sweeping = loop.call_later(self._sweep_seconds, self._sweep)


def _several(listening: socket.socket) -> Iterator[socket.socket]:
    yield listening
    for _ in range(1, ACCEPTED_AT_A_TIME):
        yield listening.dup()


def server_config(app: Any, limits: Limits, shutdown_seconds: int, refused: Callable[[str], None]) -> uvicorn.Config:
    """``refused`` is told the code of each request that ends below HTTP."""
    protocol: Any = partial(GuardedProtocol, limits=limits, refused=refused, newcomers=Newcomers())
    return uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        loop="uvloop",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the address of the peer is what we log; nobody is believed about another one
        timeout_keep_alive=int(limits.idle_seconds) or 1,
        timeout_graceful_shutdown=shutdown_seconds,
        backlog=1024,
    )
