"""Who runs the schedule: the one that holds an advisory lock."""

from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg

from eventstore.database.unavailable import DatabaseUnavailable, errors_named

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

LOCK = 0x6C6F_6F70_7363_6864
"""``loopschd`` in ASCII."""

TRY_LOCK = "SELECT pg_try_advisory_lock($1)"
STILL_THERE = "SELECT 1"

SILENCE_SECONDS = 15.0


class Leadership:
    """A session of its own, not from the pool, because the lock belongs to the session.

    PostgreSQL ends the session, and with it the lock, when the process dies, when its network does, and when nobody
    has asked ``held`` for SILENCE_SECONDS: a leader that hangs must not keep the others from taking over.
    """

    def __init__(self, database_url: str, *, lock: int = LOCK, silence_seconds: float = SILENCE_SECONDS) -> None:
        self._url = database_url
        self._lock = lock
        self._settings = {
            "application_name": "loopctl scheduler",
            "idle_session_timeout": f"{silence_seconds * 1000:.0f}ms",
            "tcp_keepalives_idle": "5",
            "tcp_keepalives_interval": "2",
            "tcp_keepalives_count": "3",
        }
        self._connection: Connection | None = None
        self._ours = False

    async def held(self) -> bool:
        """Tries to get the lock, or makes sure of it. Raises DatabaseUnavailable, having given up the session."""
        try:
            with errors_named():
                await self._ask()
        except BaseException:  # a cancelled query, too, leaves a session that we know nothing about
            if self._connection is not None:
                self._connection.terminate()
            self._connection, self._ours = None, False
            raise
        return self._ours

    async def release(self) -> None:
        """Another may lead from now on."""
        connection, self._connection, self._ours = self._connection, None, False
        if connection is not None:
            with suppress(DatabaseUnavailable), errors_named():
                await connection.close(timeout=1)

    async def _ask(self) -> None:
        if self._connection is None:
            self._connection = await asyncpg.connect(
                self._url, timeout=5, command_timeout=5, server_settings=self._settings
            )
        if self._ours:
            await self._connection.execute(STILL_THERE)
        else:
            self._ours = bool(await self._connection.fetchval(TRY_LOCK, self._lock))
