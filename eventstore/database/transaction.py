"""The only way to a connection: inside a transaction that is bound to one tenant, or to none."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypeVar
from uuid import UUID

import asyncpg
from msgspec import Struct

from eventstore.database.pool import Connection, Pool
from eventstore.database.unavailable import (
    Contended,
    DatabaseUnavailable,
    Reason,
    errors_named,
    is_gone,
    is_outdated,
    named,
)
from migrations.connection import DATABASE_ERRORS, MALFORMED, UNREADABLE, in_words, of_one_server

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
    "Tx",
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
    """The address does not lead, or not surely, to the server that takes writes, as the role of this process."""


NOT_LET_IN = (
    asyncpg.InvalidAuthorizationSpecificationError,  # 28xxx: unknown role, wrong password
    asyncpg.InvalidCatalogNameError,  # 3D000: no such database
    asyncpg.InsufficientPrivilegeError,  # 42501: no CONNECT on it
)


class TransactionAborted(Exception):
    """A statement failed, its error was swallowed, and the transaction was to be committed: a bug in our code.

    PostgreSQL answers such a COMMIT with a quiet ROLLBACK.
    """


class _Transaction:
    """Statements on a connection that nobody can reach. Over when the block that made it ends."""

    __slots__ = ("__connection",)

    def __init__(self, connection: Connection) -> None:
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

    def __open(self) -> Connection:
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


Tx = TypeVar("Tx", bound=_Transaction)


class Database:
    """A pool of one role. Every method but ``connect`` may be used by many tasks at once.

    A cancelled transaction is rolled back, unless the cancellation meets its COMMIT: then nobody knows, and most such
    transactions have happened. Never infer a rollback from CancelledError or a timeout; ask again with the same
    idempotency key, or use ``run_to_end``.
    """

    def __init__(self, pool: Pool, timeouts: Timeouts) -> None:
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
        url, uncached = UNCACHED.subn(r"\1", of_one_server(url, WrongRole))
        url = url.rstrip("?&") if uncached else url

        def open_one() -> Awaitable[Connection]:
            opened: Awaitable[Connection] = asyncpg.connect(
                url,
                connection_class=Connection,
                statement_cache_size=0 if uncached else STATEMENTS_KEPT,
                timeout=timeouts.connect,
                command_timeout=timeouts.command,
                server_settings={"application_name": role},
            )
            return opened

        pool = Pool(open_one, max_size)
        database = cls(pool, timeouts)
        try:
            with errors_named():
                await pool.fill(min_size)
            await database._check_role(role)
        except BaseException as error:
            pool.terminate()
            if isinstance(error, MALFORMED):
                raise WrongRole(UNREADABLE) from None
            if isinstance(error, NOT_LET_IN):
                raise WrongRole(f"The database does not let {role} in: {in_words(error)}.") from error
            raise
        return database

    def tenant_transaction(self, tenant_id: UUID) -> AbstractAsyncContextManager[TenantTx]:
        """Commits when the block ends, rolls back when it raises. Raises DatabaseUnavailable."""
        if not isinstance(tenant_id, UUID):
            raise TypeError("a tenant is a UUID")  # the text below is built from it: nothing else may get there
        return self._block(f"BEGIN; SET LOCAL app.tenant = '{tenant_id}'", partial(TenantTx, tenant_id=tenant_id))

    def system_transaction(self) -> AbstractAsyncContextManager[SystemTx]:
        """Commits when the block ends, rolls back when it raises. Raises DatabaseUnavailable."""
        return self._block("BEGIN", SystemTx)

    async def ask(self, query: str, *arguments: object) -> asyncpg.Record | None:
        """The first row of a query of no tenant, for reading, in one round trip. Raises DatabaseUnavailable."""
        return await self._alone(lambda connection: connection.fetchrow(query, *arguments))

    async def ask_tenant(self, query: str, tenant_id: UUID, *arguments: object) -> list[asyncpg.Record]:
        """As ``ask``, all rows of a query of one tenant, which is its first parameter.

        The query calls nothing but a function of the schema with the caller's rights, in plpgsql, whose first step is
        to set the tenant for the transaction. A query that reads a table itself may read it before that, and misses
        rows; a foreign row it cannot see either, because no other tenant is ever set.
        """
        if not isinstance(tenant_id, UUID):
            raise TypeError("a tenant is a UUID")
        return await self._alone(lambda connection: connection.fetch(query, tenant_id, *arguments))

    async def run_to_end(self, tenant_id: UUID, work: Callable[[TenantTx], Awaitable[Result]]) -> Result:
        """Runs ``work`` in a transaction that a cancelled caller only stops waiting for. ``close`` waits for it too."""
        return await self._to_end(self._run(tenant_id, work))

    async def call(self, query: str, *arguments: object) -> None:
        """One statement that writes, and is its whole transaction: one round trip. The function that it calls binds the
        tenant. A cancelled caller only stops waiting for it.

        Raises DatabaseUnavailable, of unknown outcome unless the server itself has refused: call it again only with
        what makes a second time harmless.
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
        with suppress(*DATABASE_ERRORS):  # a server that is gone hears no farewell
            async with asyncio.timeout(timeout_seconds):
                await self._pool.close()

    @property
    def pool(self) -> Pool:
        """For whoever watches over the connections."""
        return self._pool

    @property
    def connections(self) -> tuple[int, int]:
        """Open ones, and those of them that are in use."""
        return self._pool.connections

    async def _to_end(self, work: Coroutine[Any, Any, Result]) -> Result:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def _call(self, query: str, arguments: Sequence[object]) -> None:
        connection = await self._acquire()
        try:
            await connection.execute(query, *arguments)
        except BaseException as error:
            failure = named(error, connection, commits=True)
            await self._undo(connection, failure)
            if failure is not error:
                raise failure from error
            raise
        self._pool.give_back(connection)

    async def _run(self, tenant_id: UUID, work: Callable[[TenantTx], Awaitable[Result]]) -> Result:
        async with self.tenant_transaction(tenant_id) as tx:
            return await work(tx)

    async def _check_role(self, role: Role) -> None:
        async with self.system_transaction() as tx:
            found = await tx.fetchval(WHO_AM_I)
        if found != role:
            raise WrongRole(f"The database address logs in as {found} and this process needs {role}.")

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen: the caller may have left, and then nobody else looks

    def _block(self, begin: str, make: Callable[[Connection], Tx]) -> AbstractAsyncContextManager[Tx]:
        return _Block(self, begin, make)

    async def _alone(self, query: Callable[[Connection], Awaitable[Result]]) -> Result:
        connection = await self._acquire()
        try:
            found = await query(connection)
        except BaseException as error:
            failure = named(error, connection)
            await self._undo(connection, failure)
            if failure is not error:
                raise failure from error
            raise
        self._pool.give_back(connection)
        return found

    async def _acquire(self) -> Connection:
        free = self._pool.take_free()
        if free is not None:
            return free
        try:
            with errors_named():
                async with asyncio.timeout(self._timeouts.acquire):
                    return await self._pool.take()
        except DatabaseUnavailable as error:
            if error.reason == "timeout" and self._pool.all_lent:
                raise DatabaseUnavailable("busy") from error
            raise

    async def _undo(self, connection: Connection, error: BaseException) -> None:
        """After ``error``, which may be a cancellation that meets another one while this runs."""
        if is_outdated(error):
            self._pool.renew()
        # Shielded: a second cancellation must not leave a connection that is still inside its transaction.
        await asyncio.shield(self._roll_back(connection))

    async def _roll_back(self, connection: Connection) -> None:
        """Gives the connection back outside any transaction; one that does not answer is thrown away."""
        try:
            if not is_gone(connection):
                # Sent even when no transaction seems open: a cancelled BEGIN may still be on its way.
                await connection.execute("ROLLBACK", timeout=self._timeouts.rollback)
        except DATABASE_ERRORS:
            connection.terminate()
        finally:
            # A dead one too: only when it is given back does the pool see that its place is free.
            self._pool.give_back(connection)


class _Block(Generic[Tx]):
    """A transaction as a block. A class, because a generator costs microseconds that every request would pay."""

    __slots__ = ("_begin", "_connection", "_database", "_make", "_tx")

    def __init__(self, database: Database, begin: str, make: Callable[[Connection], Tx]) -> None:
        self._database = database
        self._begin = begin
        self._make: Callable[[Connection], Tx] = make

    async def __aenter__(self) -> Tx:
        self._connection = connection = await self._database._acquire()
        try:
            with errors_named(connection):
                await connection.execute(self._begin)
        except BaseException as error:
            await self._database._undo(connection, error)
            raise
        self._tx = self._make(connection)
        return self._tx

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tx._end()
        if error is not None:
            await self._database._undo(self._connection, error)
            return
        try:
            await _commit(self._connection)
        except BaseException as failure:
            await self._database._undo(self._connection, failure)
            raise
        self._database._pool.give_back(self._connection)


async def _commit(connection: Connection) -> None:
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
