"""Read models that are the state of an entity: one row for what the events of one stream come to.

The domain says what an event makes of a state; here states are read, folded and written back, all rows of a batch in
one statement each. The same rows are what decisions know an entity by.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct

from domain.event import Event, Recorded
from domain.events import EVENTS
from eventstore.database.transaction import TenantTx
from eventstore.gc_pauses import collector_paused
from eventstore.log.command import Need

State = TypeVar("State", bound=Struct)


class Entity(Struct, Generic[State], frozen=True):
    """``select`` takes tenant and ids; ``delete`` too; ``insert`` takes tenant and rows as JSON.

    With ``replaces`` it is ``insert`` that puts new states in the place of old ones, in one statement that touches no
    index; and ``delete`` is for rows that are gone for good, None where none ever is.
    """

    name: str
    """Of the model for decisions."""
    table: str
    kind: str
    """Of the streams."""
    state: Callable[..., State]
    identity: str
    """The field, and column, that holds the stream's id."""
    evolve: Callable[[Any, Recorded], State | None]
    select: str
    delete: str | None
    insert: str
    replaces: bool = False
    events: tuple[type[Event], ...] = (Event,)
    """Those that can change the state; of the others nothing is read or written."""

    async def load(self, tx: TenantTx, ids: Sequence[UUID]) -> dict[UUID, State]:
        """Those that exist."""
        rows = await tx.fetch(self.select, tx.tenant_id, ids)
        return {row[self.identity]: self.from_row(row) for row in rows}

    def from_row(self, row: Any) -> State:
        values = {name: row[name] for name in self.state.__struct_fields__}  # type: ignore[attr-defined]  # a Struct
        return self.state(**{name: tuple(each) if type(each) is list else each for name, each in values.items()})

    async def apply(self, tx: TenantTx, recorded: Sequence[Recorded]) -> Sequence["Moved[State]"]:
        """Takes events in; returns what each entity that they touched was before and is now."""
        moved = await self.fold(tx, recorded)
        await self.write(tx, moved)
        return moved

    async def fold(self, tx: TenantTx, recorded: Sequence[Recorded]) -> Sequence["Moved[State]"]:
        """What ``apply`` returns, with nothing written yet."""
        mine = [each for each in recorded if each.stream.kind == self.kind and isinstance(each.event, self.events)]
        if not mine:
            return []
        ids = list(dict.fromkeys(each.stream.id for each in mine))
        before = await self._before(tx, mine, ids)
        after: dict[UUID, State | None] = dict(before)
        with collector_paused():
            for each in mine:
                after[each.stream.id] = self.evolve(after.get(each.stream.id), each)
        return [Moved(id_, before.get(id_), after.get(id_)) for id_ in ids]

    async def write(self, tx: TenantTx, moved: Sequence["Moved[State]"]) -> None:
        gone = [each.id for each in moved if each.before is not None and not (self.replaces and each.after)]
        if gone and self.delete:
            await tx.execute(self.delete, tx.tenant_id, gone)
        rows = [each.after for each in moved if each.after is not None]
        if rows:
            await tx.execute(self.insert, tx.tenant_id, msgspec.json.encode(rows).decode())

    async def _before(self, tx: TenantTx, mine: Sequence[Recorded], ids: Sequence[UUID]) -> dict[UUID, State]:
        """States of those that exist. A batch that is the first of each of its streams has nothing to read: an import
        of thousands is one; and what the transaction's lane knows is not read again."""
        if not any(each.version for each in mine):
            return {}
        needs = {id_: Need(self.name, id_) for id_ in ids}
        unknown = [id_ for id_, need in needs.items() if need not in tx.before]
        found = await self.load(tx, unknown) if unknown else {}
        return found | {id_: state for id_, need in needs.items() if (state := tx.before.get(need)) is not None}


class Moved(Struct, Generic[State], frozen=True):
    """None for what is not there."""

    id: UUID
    before: State | None
    after: State | None


class EntityModel(Generic[State]):
    """An entity for decisions, by its id; None when there is none."""

    volatile = False

    def __init__(self, entity: Entity[State]) -> None:
        self._entity = entity
        self.name = entity.name
        self.events = tuple(
            each for each in EVENTS if each.stream_kind() == entity.kind and issubclass(each, entity.events)
        )

    async def load(self, tx: TenantTx, keys: Sequence[Any]) -> Mapping[Any, State | None]:
        return await self._entity.load(tx, keys)

    def initial(self, _: Any) -> State | None:
        return None

    def touched(self, recorded: Recorded) -> Sequence[Any]:
        return [recorded.stream.id]

    def evolve(self, state: State | None, recorded: Recorded) -> State | None:
        return self._entity.evolve(state, recorded)
