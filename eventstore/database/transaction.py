"""The only way to a connection: inside a transaction that is bound to one tenant, or to none."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar
from uuid import UUID

import asyncpg
from msgspec import Struct

from eventstore.database.unavailable import Contended, DatabaseUnavailable, Reason, errors_named, is_gone, was_refused
from migrations.connection import DATABASE_ERRORS, MALFORMED, UNREADABLE, in_words

if TYPE_CHECKING:
    Connection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    AnyConnection = asyncpg.Connection[asyncpg.Record]
else:
    AnyConnection = asyncpg.Connection  # subscripted in the stubs only

__all__ = [
    "Contended",
    "Database",
    "DatabaseUnavailable",
    "Reason",
    "Role",
    "SystemTx",
    "TenantTx",
    "Timeouts",
    "TransactionAborted",
    "WrongRole",
    "retrying",
]

Result = TypeVar("Result")

Role = Literal["loopctl_app", "loopctl_worker", "loopctl_audit_ro"]

STATEMENTS_KEPT = 100
"""Prepared ones of each connection; asyncpg's own default."""
UNCACHED = re.compile(r"([?&])statement_cache_size=0(?:&|$)")
WHO_AM_I = "SELECT session_user::text"
PING = "SELECT 1"


class Timeouts(Struct, frozen=True, kw_only=True):
    """Seconds (spec 06, section 3.4). The server has its own, per role, in case the client is the one that hangs."""

    connect: float = 5.0
    acquire: float = 1.0
    command: float = 5.0
    rollback: float = 1.0


class WrongRole(Exception):
    """The address does not lead into the database as the role that this process is meant to have."""


NOT_LET_IN = (
    asyncpg.InvalidAuthorizationSpecificationError,  # 28xxx: unknown role, wrong password
    asyncpg.InvalidCatalogNameError,  # 3D000: no such database
    asyncpg.InsufficientPrivilegeError,  # 42501: no CONNECT on it
)


class TransactionAborted(Exception):
    """A statement failed, its error was swallowed, and the transaction was to be committed: a bug in our code.

    PostgreSQL answers such a COMMIT with a quiet ROLLBACK.
    """


class LeanConnection(AnyConnection):
    """Comes back to the pool without a round trip.

    Right only because nothing of ours ever outlives a transaction: no SET without LOCAL, no session advisory lock,
    no LISTEN, no temporary table. tests/eventstore/database/test_pool.py holds us to it.
    """

    def get_reset_query(self) -> str:
        return ""


class _Transaction:
    """Statements on a connection that nobody can reach. Over when the block that made it ends."""

    __slots__ = ("__connection",)

    def __init__(self, connection: "Connection") -> None:
        self.__connection: Connection | None = connection

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        connection = self.__open()
        with errors_named(connection):
            return await connection.fetch(query, *arguments)

    async def fetchrow(self, query: str, *arguments: object) -> asyncpg.Record | None:
        connection = self.__open()
        with errors_named(connection):
            return await connection.fetchrow(query, *arguments)

    async def fetchval(self, query: str, *arguments: object) -> Any:
        connection = self.__open()
        with errors_named(connection):
            return await connection.fetchval(query, *arguments)

    async def execute(self, query: str, *arguments: object) -> str:
        """The command tag, for example ``UPDATE 3``."""
        connection = self.__open()
        with errors_named(connection):
            return await connection.execute(query, *arguments)

    def _end(self) -> None:
        self.__connection = None

    def __open(self) -> "Connection":
        if self.__connection is None:
            raise RuntimeError("this transaction is over")
        return self.__connection


class TenantTx(_Transaction):
    """Row security shows and accepts the rows of ``tenant_id`` and no others."""

    __slots__ = ("before", "tenant_id")

    def __init__(self, connection: "Connection", tenant_id: UUID) -> None:
        super().__init__(connection)
        self.tenant_id = tenant_id
        self.before: Mapping[Any, Any] = {}
        """States, by Need, as they were before the batch that this transaction writes: what its lane knows, a read
        model need not read."""


class SystemTx(_Transaction):
    """No tenant: row security shows no tenant's rows. For the tables that belong to none."""

    __slots__ = ()


class Database:
    """A pool of one role. Every method but ``connect`` may be used by many tasks at once.

    A cancelled transaction is rolled back, unless the cancellation meets its COMMIT: then nobody knows, and most such
    transactions have happened. Never infer a rollback from CancelledError or a timeout; ask again with the same
    idempotency key, or use ``run_to_end``.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", timeouts: Timeouts) -> None:
        self._pool = pool
        self._timeouts = timeouts
        self._running: set[asyncio.Task[Any]] = set()

    @classmethod
    async def connect(
        cls, url: str, *, role: Role, min_size: int = 1, max_size: int = 10, timeouts: Timeouts | None = None
    ) -> Self:
        """Opens ``min_size`` connections. Raises DatabaseUnavailable, and WrongRole, which no waiting cures.

        ``statement_cache_size=0`` in the address is for a pooler that gives each transaction another connection.
        """
        timeouts = timeouts or Timeouts()
        url, uncached = UNCACHED.subn(r"\1", url)
        try:
            with errors_named():
                pool = await asyncpg.create_pool(
                    url,
                    connection_class=LeanConnection,
                    statement_cache_size=0 if uncached else STATEMENTS_KEPT,
                    init_size=min_size,
                    min_size=0,  # no floor: asyncpg logs a stack trace for each vain attempt to keep it
                    max_size=max_size,
                    timeout=timeouts.connect,
                    command_timeout=timeouts.command,
                    server_settings={"application_name": role},
                )
            database = cls(pool, timeouts)
            await database._check_role(role)
        except MALFORMED:
            raise WrongRole(UNREADABLE) from None
        except NOT_LET_IN as error:
            raise WrongRole(f"The database does not let {role} in: {in_words(error)}.") from error
        return database

    @asynccontextmanager
    async def tenant_transaction(self, tenant_id: UUID) -> AsyncIterator[TenantTx]:
        """Commits when the block ends, rolls back when it raises. Raises DatabaseUnavailable."""
        if not isinstance(tenant_id, UUID):
            raise TypeError("a tenant is a UUID")  # the text below is built from it: nothing else may get there
        async with self._transaction(f"BEGIN; SET LOCAL app.tenant = '{tenant_id}'") as connection:
            tx = TenantTx(connection, tenant_id)
            try:
                yield tx
            finally:
                tx._end()

    @asynccontextmanager
    async def system_transaction(self) -> AsyncIterator[SystemTx]:
        """Commits when the block ends, rolls back when it raises. Raises DatabaseUnavailable."""
        async with self._transaction("BEGIN") as connection:
            tx = SystemTx(connection)
            try:
                yield tx
            finally:
                tx._end()

    async def ask(self, query: str, *arguments: object) -> asyncpg.Record | None:
        """The first row of one query of no tenant, in a transaction of its own that takes no round trip more. For
        reading. Raises DatabaseUnavailable."""
        connection = await self._acquire()
        try:
            with errors_named(connection):
                return await connection.fetchrow(query, *arguments)
        finally:
            with suppress(*DATABASE_ERRORS):
                await asyncio.shield(self._release(connection))

    async def run_to_end(self, tenant_id: UUID, work: Callable[[TenantTx], Awaitable[Result]]) -> Result:
        """Runs ``work`` in a transaction that a cancelled caller only stops waiting for. ``close`` waits for it too."""
        return await self._to_end(self._run(tenant_id, work))

    async def call(self, query: str, *arguments: object) -> None:
        """One statement that writes, and is its whole transaction: one round trip. The function that it calls binds the
        tenant. A cancelled caller only stops waiting for it.

        Raises DatabaseUnavailable. Its outcome is unknown, as of a COMMIT, unless the server itself has refused:
        call it again only with what makes a second time harmless.
        """
        await self._to_end(self._call(query, arguments))

    async def ping(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109  the bound is the point of a ping
        """Returns when the database has answered a query. Raises DatabaseUnavailable after ``timeout`` seconds."""
        with errors_named():
            async with asyncio.timeout(timeout), self.system_transaction() as tx:
                await tx.fetchval(PING)

    async def close(self, timeout_seconds: float = 10.0) -> None:
        """Waits for what still runs, then closes every connection, by force after ``timeout_seconds``."""
        if self._running:
            await asyncio.wait(self._running, timeout=timeout_seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._pool.close()

    @property
    def connections(self) -> tuple[int, int]:
        """Open ones, and those of them that are in use."""
        size = self._pool.get_size()
        return size, size - self._pool.get_idle_size()

    async def _to_end(self, work: Coroutine[Any, Any, Result]) -> Result:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def _call(self, query: str, arguments: Sequence[object]) -> None:
        connection = await self._acquire()
        try:
            with errors_named(connection):
                await connection.execute(query, *arguments)
        except Contended:
            raise
        except DatabaseUnavailable as error:
            raise DatabaseUnavailable(error.reason, outcome_unknown=not was_refused(error.__cause__)) from error
        finally:
            with suppress(*DATABASE_ERRORS):
                await asyncio.shield(self._release(connection))

    async def _run(self, tenant_id: UUID, work: Callable[[TenantTx], Awaitable[Result]]) -> Result:
        async with self.tenant_transaction(tenant_id) as tx:
            return await work(tx)

    async def _check_role(self, role: Role) -> None:
        try:
            async with self.system_transaction() as tx:
                found = await tx.fetchval(WHO_AM_I)
        except BaseException:
            self._pool.terminate()
            raise
        if found != role:
            self._pool.terminate()
            raise WrongRole(f"The database address logs in as {found} and this process needs {role}.")

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen: the caller may have left, and then nobody else looks

    @asynccontextmanager
    async def _transaction(self, begin: str) -> "AsyncIterator[Connection]":
        connection = await self._acquire()
        try:
            with errors_named(connection):
                await connection.execute(begin)
            yield connection
            await _commit(connection)
        except BaseException:
            # Shielded: a second cancellation must not leave a connection that is still inside its transaction.
            await asyncio.shield(self._roll_back(connection))
            raise
        await self._release(connection)

    async def _acquire(self) -> "Connection":
        try:
            with errors_named():
                async with asyncio.timeout(self._timeouts.acquire):  # the pool's own would make a task each time
                    return await self._pool.acquire()
        except DatabaseUnavailable as error:
            size, used = self.connections
            if error.reason == "timeout" and used == size == self._pool.get_max_size():
                raise DatabaseUnavailable("busy") from error
            raise

    async def _release(self, connection: "Connection") -> None:
        """Waits so long for the end of a query that was cancelled."""
        await self._pool.release(connection, timeout=self._timeouts.rollback)

    async def _roll_back(self, connection: "Connection") -> None:
        """Gives the connection back outside any transaction; one that does not answer is thrown away."""
        try:
            if not is_gone(connection):
                # Sent even when no transaction seems open: a cancelled BEGIN may still be on its way.
                await connection.execute("ROLLBACK", timeout=self._timeouts.rollback)
        except DATABASE_ERRORS:
            if not is_gone(connection):
                connection.terminate()
        finally:
            # A dead one too: only when it is given back does the pool see that its place is free.
            with suppress(*DATABASE_ERRORS):
                await self._release(connection)


async def _commit(connection: "Connection") -> None:
    try:
        with errors_named(connection):
            tag = await connection.execute("COMMIT")
    except Contended:
        raise
    except DatabaseUnavailable as error:
        raise DatabaseUnavailable(error.reason, outcome_unknown=True) from error
    if tag != "COMMIT":
        raise TransactionAborted("a statement of this transaction failed and nobody noticed")


async def retrying(
    function: Callable[[], Awaitable[Result]],
    *,
    retries: int = 3,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    jitter: Callable[[], float] = random.random,
) -> Result:
    """Calls ``function``, which must open its own transaction and bear repetition, again when it was Contended.

    ``jitter`` is between 0 and 1: two that collided must not meet again.
    """
    for attempt in range(retries):
        try:
            return await function()
        except Contended:
            await sleep(0.01 * 2**attempt * (0.5 + jitter()))
    return await function()
