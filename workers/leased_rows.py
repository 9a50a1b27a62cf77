"""Rows of work, each done once: by whoever holds its lease, and by somebody else when the holder dies.

A table of such rows has the columns ``wake_at``, ``attempts``, ``lease_token``, ``lease_until``, ``finished_at``,
``outcome`` and ``error_class``, as app.scheduled_run has them. Time is PostgreSQL's, so that the clocks of workers do
not matter.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from msgspec import Struct

from eventstore.database.transaction import SystemTx
from workers.actors import Timing


class Unheld(Struct, frozen=True):
    """A row that somebody should work on."""

    kind: str
    id: UUID


class Lease(Struct, frozen=True):
    """A row that is ours until the lease ends. ``attempt`` counts from 1."""

    kind: str
    id: UUID
    token: UUID
    attempt: int


class LeaseLost(Exception):
    """Somebody else may be working on it by now."""


class LeasedRows(Struct, frozen=True, kw_only=True, dict=True):
    """One table. ``identity`` is the column of the rows' ids, ``kind`` the one that says which work a row is of."""

    table: str
    identity: str
    kind: str

    async def sweep(self, tx: SystemTx, kinds: Sequence[str], timing: Timing) -> tuple[Unheld, ...]:
        """Rows whose wake-up was lost, whose worker died, or whose pause after a failure is over.

        Of the given kinds only: during a deployment a newer worker may have made one that this one does not know.
        """
        return self.unheld(await tx.fetch(self.sweep_rows, list(kinds), timedelta(seconds=timing.resend_seconds)))

    async def abandon(self, tx: SystemTx, kinds: Sequence[str], timing: Timing) -> tuple[Unheld, ...]:
        """Gives up rows whose last allowed attempt died without a word."""
        return self.unheld(await tx.fetch(self.abandon_rows, list(kinds), timing.attempt_limit))

    async def take(self, tx: SystemTx, id_: UUID, token: UUID, timing: Timing) -> Lease | None:
        """None when it is finished, being worked on, pausing after a failure, given up, or gone."""
        lease = timedelta(seconds=timing.lease_seconds)
        row = await tx.fetchrow(self.take_row, id_, token, lease, timing.attempt_limit)
        return Lease(row["kind"], id_, token, row["attempts"]) if row else None

    async def renew(self, tx: SystemTx, lease: Lease, timing: Timing) -> None:
        """Raises LeaseLost."""
        if not await tx.fetchval(self.renew_row, lease.id, lease.token, timedelta(seconds=timing.lease_seconds)):
            raise LeaseLost(lease.kind)

    async def finish(self, tx: SystemTx, lease: Lease) -> None:
        """Only by the lease's token: a stalled worker cannot finish what another has taken over. Raises LeaseLost."""
        if not await tx.fetchval(self.finish_row, lease.id, lease.token):
            raise LeaseLost(lease.kind)

    async def release(self, tx: SystemTx, lease: Lease, error_class: str, timing: Timing) -> None:
        """After a failure: with a pause that doubles with each attempt. The last allowed attempt ends the row as
        failed."""
        pause = timedelta(seconds=timing.retry_seconds)
        await tx.execute(self.release_row, lease.id, lease.token, timing.attempt_limit, pause, error_class)

    def unheld(self, rows: Sequence[Any]) -> tuple[Unheld, ...]:
        """Of rows with ``kind`` and ``id``."""
        return tuple(Unheld(row["kind"], row["id"]) for row in rows)

    @cached_property
    def sweep_rows(self) -> str:
        return f"""
    UPDATE {self.table}
       SET wake_at = now() + $2
     WHERE {self.identity} IN (
           SELECT {self.identity}
             FROM {self.table}
            WHERE finished_at IS NULL
              AND {self.kind} = ANY ($1)
              AND wake_at <= now()
              AND (lease_until IS NULL OR lease_until <= now())
            ORDER BY wake_at
            LIMIT 100
              FOR UPDATE SKIP LOCKED)
 RETURNING {self.kind} AS kind, {self.identity} AS id
"""  # noqa: S608  # names of our own

    @cached_property
    def abandon_rows(self) -> str:
        return f"""
    UPDATE {self.table}
       SET finished_at = now(),
           outcome = 'failed',
           lease_token = NULL,
           error_class = coalesce(error_class, 'Abandoned')
     WHERE finished_at IS NULL
       AND {self.kind} = ANY ($1)
       AND attempts >= $2
       AND lease_until <= now()
 RETURNING {self.kind} AS kind, {self.identity} AS id
"""  # noqa: S608  # names of our own

    @cached_property
    def take_row(self) -> str:
        return f"""
    UPDATE {self.table}
       SET lease_token = $2,
           lease_until = now() + $3,
           attempts = attempts + 1
     WHERE {self.identity} = $1
       AND finished_at IS NULL
       AND attempts < $4
       AND (lease_until IS NULL OR lease_until <= now())
 RETURNING {self.kind} AS kind, attempts
"""  # noqa: S608  # names of our own

    @cached_property
    def renew_row(self) -> str:
        return f"""
    UPDATE {self.table}
       SET lease_until = now() + $3
     WHERE {self.identity} = $1 AND lease_token = $2
 RETURNING TRUE
"""  # noqa: S608  # names of our own

    @cached_property
    def finish_row(self) -> str:
        return f"""
    UPDATE {self.table}
       SET finished_at = now(),
           outcome = 'done',
           lease_token = NULL,
           error_class = NULL
     WHERE {self.identity} = $1 AND lease_token = $2
 RETURNING TRUE
"""  # noqa: S608  # names of our own

    @cached_property
    def release_row(self) -> str:
        return f"""
    UPDATE {self.table}
       SET finished_at = CASE WHEN attempts >= $3 THEN now() END,
           outcome = CASE WHEN attempts >= $3 THEN 'failed' END,
           lease_token = NULL,
           lease_until = now() + $4::interval * power(2, attempts - 1),
           wake_at = now() + $4::interval * power(2, attempts - 1),
           error_class = left($5, 200)
     WHERE {self.identity} = $1 AND lease_token = $2
"""  # noqa: S608  # names of our own
