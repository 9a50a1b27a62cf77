"""Read models that are the state of an entity: one row for what the events of one stream come to.

The domain says what an event makes of a state; here states are read, folded and written back, all rows of a batch in
one statement each. The same rows are what decisions know an entity by.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct, structs

from domain.event import Event, Recorded
from domain.events import EVENTS
from eventstore.database.transaction import TenantTx
from eventstore.gc_pauses import collector_paused
from eventstore.log.command import EVERY, Model, Need
from projections.rows.row_statements import delete_rows, insert_rows, replace_rows, select_rows

State = TypeVar("State", bound=Struct)


class Entity(Struct, Generic[State], frozen=True, kw_only=True, dict=True):
    """Its rows have the fields of ``state``; its statements are made from those (row_statements.py)."""

    name: str
    """Of the table, and of the model for decisions."""
    state: Callable[..., State]
    identity: str
    """The field, and column, that holds the stream's id."""
    evolve: Callable[[Any, Recorded], State | None]
    kind: str = ""
    """Of the streams, where the name is not it."""
    replaces: bool = False
    """Whether one statement puts new states in the place of old ones. Otherwise the old rows are deleted first."""
    events: tuple[type[Event], ...] = (Event,)
    """Those that can change the state; of the others nothing is read or written."""
    spreading: tuple[type[Event], ...] = ()
    """Those that change states of other streams than their own, which ``apply`` leaves to its caller."""

    def __post_init__(self) -> None:
        structs.force_setattr(self, "kind", self.kind or self.name)

    @property
    def table(self) -> str:
        return f"app.{self.name}"

    @cached_property
    def select(self) -> str:
        """Takes tenant and ids."""
        return select_rows(self.table, self.identity, self.fields)

    @cached_property
    def delete(self) -> str:
        """Takes tenant and ids."""
        return delete_rows(self.table, self.identity)

    @cached_property
    def insert(self) -> str:
        """Takes tenant and rows as JSON."""
        if self.replaces:
            return replace_rows(self.table, self.identity, self.fields)
        return insert_rows(self.table, self.fields)

    @cached_property
    def fields(self) -> tuple[str, ...]:
        names: tuple[str, ...] = self.state.__struct_fields__  # type: ignore[attr-defined]  # a Struct
        return names

    @cached_property
    def need(self) -> Callable[[UUID], Need[State | None]]:
        """From an id, for a decision; None when there is none."""
        return partial(Need, self.name)

    async def load(self, tx: TenantTx, ids: Sequence[UUID]) -> dict[UUID, State]:
        """Those that exist."""
        rows = await tx.fetch(self.select, tx.tenant_id, ids)
        return {row[self.identity]: self.from_row(row) for row in rows}

    def from_row(self, row: Any) -> State:
        values = {name: row[name] for name in self.fields}
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
        if gone:
            await tx.execute(self.delete, tx.tenant_id, gone)
        rows = [each.after for each in moved if each.after is not None]
        if rows:
            await tx.execute(self.insert, tx.tenant_id, msgspec.json.encode(rows).decode())

    async def _before(self, tx: TenantTx, mine: Sequence[Recorded], ids: Sequence[UUID]) -> dict[UUID, State]:
        """States of those that exist. A batch that is the first of each of its streams has nothing to read: an import
        of thousands is one; and what the transaction's lane knows is not read again."""
        if not any(each.version for each in mine):
            return {}
        needs = {id_: self.need(id_) for id_ in ids}
        unknown = [id_ for id_, need in needs.items() if need not in tx.before]
        found = await self.load(tx, unknown) if unknown else {}
        return found | {id_: state for id_, need in needs.items() if (state := tx.before.get(need)) is not None}


class Moved(Struct, Generic[State], frozen=True):
    """None for what is not there."""

    id: UUID
    before: State | None
    after: State | None


class EntityModel(Model[UUID, State | None]):
    """An entity for decisions, by its id; None when there is none."""

    def __init__(self, entity: Entity[State]) -> None:
        self._entity = entity
        self.name = entity.name
        own = (each for each in EVENTS if each.stream_kind() == entity.kind and issubclass(each, entity.events))
        self.events = tuple(dict.fromkeys((*own, *entity.spreading)))

    async def load(self, tx: TenantTx, keys: Sequence[UUID]) -> Mapping[UUID, State | None]:
        return await self._entity.load(tx, keys)

    def initial(self, _: UUID) -> State | None:
        return None

    def touched(self, recorded: Recorded) -> Sequence[UUID]:
        return EVERY if isinstance(recorded.event, self._entity.spreading) else [recorded.stream.id]

    def evolve(self, state: State | None, recorded: Recorded) -> State | None:
        return self._entity.evolve(state, recorded)
