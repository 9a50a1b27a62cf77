"""What it means, for a caller, that PostgreSQL did not do what it was asked."""

from types import TracebackType
from typing import TYPE_CHECKING, Literal

import asyncpg
from asyncpg.exceptions import ClientConfigurationError

from migrations.connection import DATABASE_ERRORS

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

Reason = Literal["lost", "timeout", "exhausted", "busy", "contended"]
"""``exhausted``: disk, memory or connections of the server. ``busy``: no free connection in our own pool."""

SENTENCES: dict[Reason, str] = {
    "lost": "The connection to the database was lost or cannot be made.",
    "timeout": "The database did not answer in time.",
    "exhausted": "The database has run out of space, memory or connections.",
    "busy": "Every connection to the database is in use.",
    "contended": "The transaction collided with another one.",
}


class DatabaseUnavailable(Exception):
    """Not the caller's fault and worth another try later (503).

    ``outcome_unknown`` is true when it struck during COMMIT, or a statement that is its whole transaction: it may have
    happened, so that only an idempotent request may simply be sent again. When false, nothing was changed.
    """

    def __init__(self, reason: Reason, *, outcome_unknown: bool = False) -> None:
        super().__init__(SENTENCES[reason])
        self.reason: Reason = reason
        self.outcome_unknown = outcome_unknown


class Contended(DatabaseUnavailable):
    """Deadlock, serialisation failure, or a schema change under a prepared statement. Rolled back: try again now."""

    def __init__(self) -> None:
        super().__init__("contended")


CONTENDED = (
    asyncpg.SerializationError,  # 40001
    asyncpg.DeadlockDetectedError,  # 40P01
    asyncpg.InvalidCachedStatementError,  # a migration changed a table that this connection had a plan for
)

TIMED_OUT = (
    asyncpg.QueryCanceledError,  # 57014: statement_timeout
    asyncpg.LockNotAvailableError,  # 55P03: lock_timeout
    asyncpg.IdleInTransactionSessionTimeoutError,  # 25P03
    TimeoutError,  # the client's own
)

EXHAUSTED = (
    asyncpg.InsufficientResourcesError,  # 53xxx: disk full, out of memory, too many connections
    asyncpg.PostgresSystemError,  # 58xxx: the server cannot read or write a file
)

LOST = (
    asyncpg.PostgresConnectionError,  # 08xxx
    asyncpg.OperatorInterventionError,  # 57Pxx: shutting down, starting up, crashed
    asyncpg.InternalClientError,  # a statement sent between the server's last word and the end of the stream
    OSError,
)

REFUSED = (
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
)
"""Said by the server of a statement that it has given up, before anything of it was committed: one that is its whole
transaction is then known not to have happened."""

TRANSACTION_TIMEOUT = "25P04"
"""PostgreSQL 17 and newer; asyncpg has no class for it."""


class errors_named:  # noqa: N801  reads as the function that it was; a generator would cost four times as much
    """A block that turns the errors that are nobody's mistake into DatabaseUnavailable; every other one passes."""

    __slots__ = ("_connection",)

    def __init__(self, connection: "Connection | None" = None) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and (found := named(error, self._connection)) is not error:
            raise found


def named(error: BaseException, connection: "Connection | None", *, commits: bool = False) -> BaseException:
    """The same as a function, for where nothing is to be paid unless something fails: what to raise, caused by
    ``error``; any other error as it is. ``commits`` when the statement was its whole transaction."""
    found: BaseException = error
    if isinstance(error, CONTENDED):
        found = Contended()
    elif isinstance(error, DATABASE_ERRORS) and (reason := _reason(error, connection)) is not None:
        found = DatabaseUnavailable(reason, outcome_unknown=commits and not isinstance(error, REFUSED))
    if found is not error:
        found.__cause__ = error
    return found


def _reason(error: Exception, connection: "Connection | None") -> Reason | None:
    if isinstance(error, TIMED_OUT) or getattr(error, "sqlstate", None) == TRANSACTION_TIMEOUT:
        return "timeout"
    if isinstance(error, EXHAUSTED):
        return "exhausted"
    if isinstance(error, ClientConfigurationError):
        return None  # an address that cannot be read will not be readable later
    # InterfaceError also means misuse; on a connection that is gone it only means that.
    if isinstance(error, LOST) or (isinstance(error, asyncpg.InterfaceError) and is_gone(connection)):
        return "lost"
    return None


def is_gone(connection: "Connection | None") -> bool:
    return connection is None or connection.is_closed()


def is_outdated(error: BaseException) -> bool:
    """Says this error that what connections have prepared does not fit the schema any more?"""
    return isinstance(error, Contended) and isinstance(error.__cause__, asyncpg.InvalidCachedStatementError)
