"""The short way, which most batches go: one statement says what has to be known, one writes all that was decided.

Each is a transaction of its own, and nothing is held between them. That is right because of two things. What is looked
up is of one moment, its head included. And every batch ends with a call that compares the head: when somebody has
appended since, nothing of it is written or answered, and it is decided again on what is true then. So a decision stands
only when all that it was made from is still so, whatever it confirms; and nothing is ever decided on what another batch
has not committed yet.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from msgspec import Struct

from domain.event import Recorded
from eventstore.database.transaction import Database
from eventstore.log.append import Batch, Head
from eventstore.log.command import Known, Need


class Found(Struct, frozen=True):
    """What a look finds, all of it under ``head``: states by model and key, and of streams the version and position of
    the last event. What is not there is left out; ends may be more than were asked for."""

    head: Head
    states: Mapping[str, Mapping[Any, Any]]
    ends: Mapping[UUID, tuple[int, int]]


class Moving(Struct, frozen=True):
    """A batch with the states that it has found and left, by what needs them."""

    batch: Batch
    before: Mapping[Need[Any], Any]
    after: Known


class ShortWay(Protocol):
    """What a store knows and writes in one statement each."""

    models: frozenset[str]
    """Names of those that ``look_up`` knows."""

    async def look_up(
        self, database: Database, tenant_id: UUID, asked: Mapping[str, Sequence[Any]], streams: Sequence[UUID]
    ) -> Found:
        """Raises NoLog and DatabaseUnavailable."""

    def fits(self, recorded: Sequence[Recorded], before: Mapping[Need[Any], Any]) -> bool:
        """Whether ``write`` writes all that these events change; ``before`` are the states that they found."""

    async def write(self, database: Database, tenant_id: UUID, moving: Moving) -> None:
        """All of it or nothing. Raises HeadMoved, and DatabaseUnavailable, whose outcome may be unknown."""
