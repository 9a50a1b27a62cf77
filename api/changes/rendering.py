"""Entries of the feed as they are sent. What was made once is kept for the next reader, but for entries whose texts can
be erased: another process may do so."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from domain.audit_entry import AuditEntry, audit_entry
from domain.event import Recorded
from domain.webhook_payload import body_of
from domain.webhook_sent import SENT
from eventstore.database.transaction import TenantTx
from eventstore.log.codec import Codec
from eventstore.log.read import read_picked

MOST_KEPT = 10_000
LARGEST_KEPT_BYTES = 2048
"""With all that is kept, some 20 MB at most."""

ENCODER = msgspec.json.Encoder()


class Rendered(Struct, frozen=True):
    """``body`` is JSON."""

    position: int
    inserted_at: str
    body: bytes


class Renderer:
    """Keeps by tenant and position; a tenant's entries are only ever asked for in its own transactions."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._kept: dict[tuple[UUID, int], Rendered] = {}

    async def render(self, tx: TenantTx, positions: Sequence[int]) -> list[Rendered]:
        """In the order of the positions, which must be in the log."""
        kept, tenant_id = self._kept, tx.tenant_id
        found = {place: known for place in positions if (known := kept.get((tenant_id, place)))}
        missing = [position for position in positions if position not in found]
        if missing:
            for recorded in await read_picked(tx, self._codec, missing):
                entry = audit_entry(tenant_id, recorded)
                found[recorded.position] = _rendered(entry) if recorded.event.ERASABLE else self._keep(entry)
        return [found[position] for position in positions]

    async def render_sent(self, tx: TenantTx, positions: Sequence[int]) -> list[Rendered]:
        """The same with what a webhook would be sent, under the tenant's id; kept for nobody."""
        found = {each.position: each for each in await read_picked(tx, self._codec, positions)}
        return [_with_payload(tx.tenant_id, found[position]) for position in positions]

    def _keep(self, entry: AuditEntry) -> Rendered:
        rendered = _rendered(entry)
        if len(rendered.body) <= LARGEST_KEPT_BYTES:
            if len(self._kept) >= MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[entry.tenant_id, entry.position] = rendered
        return rendered


def _rendered(entry: AuditEntry) -> Rendered:
    return Rendered(entry.position, entry.inserted_at, ENCODER.encode(change_body(entry)))


def _with_payload(tenant_id: UUID, recorded: Recorded) -> Rendered:
    entry = audit_entry(tenant_id, recorded)
    payload = msgspec.Raw(body_of(tenant_id, recorded)) if type(recorded.event) in SENT else None
    return Rendered(entry.position, entry.inserted_at, ENCODER.encode({**change_body(entry), "payload": payload}))


def change_body(entry: AuditEntry) -> dict[str, Any]:
    """Spec 01, section 5.1; and the entry's position in the log."""
    return {
        "id": entry.id,
        "position": entry.position,
        "entity_type": entry.subject.entity_type,
        "entity_id": entry.subject.entity_id,
        "action": entry.subject.action,
        "actor_type": entry.actor.type,
        "actor_label": entry.actor.label,
        "new_state": entry.new_state,
        "project_id": entry.subject.project_id,
        "metadata": entry.metadata,
        "inserted_at": entry.inserted_at,
    }
