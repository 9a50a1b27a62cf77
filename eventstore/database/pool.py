"""Connections of one role, kept open and lent out one user at a time, without a task, a proxy or a timer for each loan.

asyncpg's own pool does the same for 40 microseconds of processor time a loan; this one takes two, because taking and
giving back are plain function calls whenever a connection is free.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    AnyConnection = asyncpg.Connection[asyncpg.Record]
else:
    AnyConnection = asyncpg.Connection  # subscripted in the stubs only

MOST_LOANS = 20_000
"""After which a connection is replaced, so that what the server remembers for it does not grow for ever."""
IDLE_SECONDS = 300.0
"""After which a connection that nobody needed is closed."""
LOOKING_SECONDS = 60.0


class Connection(AnyConnection):
    """Comes back to the pool without a round trip.

    Right only because nothing of ours ever outlives a transaction: no SET without LOCAL, no session advisory lock,
    no LISTEN, no temporary table. tests/eventstore/database/test_pool.py holds us to it.
    """

    __slots__ = ("generation", "idle_since", "loans")

    generation: int
    idle_since: float
    loans: int


class Pool:
    """At most ``max_size`` connections, opened when they are needed. Who waits for one is served in order.

    A place is a connection, or the right to open one; there are ``max_size``. Whoever takes a connection gives it back,
    whatever has happened to it: a closed one, or one inside a transaction, is replaced when the next user needs one.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], max_size: int) -> None:
        self._connect = connect
        self._max_size = max_size
        self._free: list[Connection] = []
        self._open: set[Connection] = set()
        self._opening = 0
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._generation = 0
        self._closing = False
        self._ended = False
        self.suspended = False
        """The server is silent: nobody gets a connection, and nobody waits for one."""
        self._came_back = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._looking: asyncio.TimerHandle | None = None

    @property
    def connections(self) -> tuple[int, int]:
        """Open ones, and those of them that are lent out."""
        size = sum(not connection.is_closed() for connection in self._open)
        return size, size - sum(not connection.is_closed() for connection in self._free)

    @property
    def all_lent(self) -> bool:
        """Is every place a connection that somebody uses?"""
        return self.connections == (self._max_size, self._max_size)

    async def fill(self, count: int) -> None:
        """Opens ``count`` connections at once, to find out now what else a user would."""
        opened = await asyncio.gather(*(self.take() for _ in range(count)), return_exceptions=True)
        for each in opened:
            if isinstance(each, Connection):
                self.give_back(each)
        for each in opened:
            if isinstance(each, BaseException):
                raise each

    def take_free(self) -> Connection | None:
        """The one that was given back last, None when the caller has to wait or to open one: see ``take``."""
        while self._free and not self._closing:
            connection = self._free.pop()
            if not connection.is_closed():
                return connection
            self._drop(connection)
        return None

    async def take(self) -> Connection:
        """Raises what connecting raises, InterfaceError once the pool is closing, and TimeoutError while it is
        suspended. Waits as long as it takes."""
        if self._closing:
            raise asyncpg.InterfaceError("the pool is closing")
        if self.suspended:
            raise TimeoutError
        found = self.take_free()
        if found is not None:
            return found
        if len(self._open) + self._opening < self._max_size:
            self._opening += 1
            return await self._opened()
        given = await self._turn()
        return given if given is not None else await self._opened()

    def give_back(self, connection: Connection) -> None:
        connection.loans += 1
        if (
            connection.is_closed()
            or connection.is_in_transaction()
            or connection.generation != self._generation
            or connection.loans >= MOST_LOANS
        ):
            self._drop(connection)
            return
        waiting = self._next_waiting()
        if waiting is not None:
            waiting.set_result(connection)
            return
        connection.idle_since = self._loop.time()
        self._free.append(connection)
        self._came_back.set()
        if self._looking is None:
            self._look_later()

    def renew(self) -> None:
        """Every connection that is open now is closed as soon as nobody uses it: what it has prepared is outdated."""
        self._generation += 1
        free, self._free = self._free, []
        for connection in free:
            self._drop(connection)

    async def another(self) -> Connection:
        """One that has no place here, and is its caller's to close."""
        return await self._connect()

    def suspend(self) -> None:
        """Ends every connection, so that whoever waits for an answer hears that there is none."""
        self.suspended = True
        for connection in self._open:
            connection.terminate()
        self.renew()
        while (waiting := self._next_waiting()) is not None:
            waiting.set_exception(TimeoutError())

    def resume(self) -> None:
        self.suspended = False

    async def close(self) -> None:
        """Waits for whoever uses a connection or is in the queue for one; cancelled, it closes them all by force."""
        self._closing = True
        try:
            while self._opening or self._waiting or len(self._free) < len(self._open):
                self._came_back.clear()
                await self._came_back.wait()
            await asyncio.gather(*(connection.close() for connection in self._open))
        finally:
            self.terminate()

    def terminate(self) -> None:
        """Closes every connection, used or not, and lets nobody have another one."""
        self._closing = self._ended = True
        if self._looking is not None:
            self._looking.cancel()
        for connection in self._open:
            connection.terminate()
        self._open.clear()
        self._free.clear()
        while (waiting := self._next_waiting()) is not None:
            waiting.set_exception(asyncpg.InterfaceError("the pool is closed"))

    async def _turn(self) -> Connection | None:
        """Waits in the queue: for a connection, or for a place to open one in."""
        turn: asyncio.Future[Connection | None] = self._loop.create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                if turn in self._waiting:
                    self._waiting.remove(turn)
                self._came_back.set()
            elif turn.exception() is None:
                # Served and cancelled in the same moment: the next in the queue gets it.
                given = turn.result()
                if given is None:
                    self._place_is_free()
                else:
                    self.give_back(given)
            raise

    async def _opened(self) -> Connection:
        """In a place that the caller has."""
        try:
            connection = await self._connect()
        except BaseException:
            self._place_is_free()
            raise
        if self._ended:
            connection.terminate()
            self._place_is_free()
            raise asyncpg.InterfaceError("the pool is closed")
        self._opening -= 1
        connection.generation, connection.loans = self._generation, 0
        self._open.add(connection)
        return connection

    def _drop(self, connection: Connection) -> None:
        connection.terminate()
        if connection in self._open:
            self._open.discard(connection)
            self._opening += 1  # the place is kept until it is clear who gets it
            self._place_is_free()

    def _place_is_free(self) -> None:
        waiting = self._next_waiting()
        if waiting is None:
            self._opening -= 1
            self._came_back.set()
        else:
            waiting.set_result(None)

    def _next_waiting(self) -> "asyncio.Future[Connection | None] | None":
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                return waiting
        return None

    def _look_later(self) -> None:
        self._looking = self._loop.call_later(LOOKING_SECONDS, self._look)

    def _look(self) -> None:
        """Closes what was not needed for long; the longest unused stand in front."""
        self._looking = None
        long_ago = self._loop.time() - IDLE_SECONDS
        idle = [connection for connection in self._free if connection.idle_since < long_ago]
        self._free = self._free[len(idle) :]
        for connection in idle:
            self._drop(connection)
        if self._free:
            self._look_later()
