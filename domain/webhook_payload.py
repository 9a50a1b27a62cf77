"""What is sent of an event: a pure function of its entry in the log, so that every attempt sends the same bytes.

The body satisfies readers of both forms that the contracts have (spec 02, section 8.6): the payload's members stand at
the top, as in the seeds, and once more under ``data``, beside the id of the delivery and the position in the log.
"""

from typing import Any
from uuid import UUID

import msgspec

from domain.audit_entry import actor_of, wire_text
from domain.audit_shapes import FREE_FORM
from domain.event import Recorded
from domain.webhook import TEST, WebhookTested
from domain.webhook_examples import EXAMPLES
from domain.webhook_sent import SENT, TRIGGERS

LARGEST_BODY = 65_536
"""Bytes; spec 06, section 5.3."""
LONG = ("old_state", "new_state", "findings")
"""Members that go first when a body is too large."""


def delivery_id(webhook_id: UUID, position: int) -> UUID:
    """Of an event's delivery to a webhook: the webhook's id with the position in its last twelve digits."""
    return UUID(int=webhook_id.int ^ position)


def position_of(webhook_id: UUID, delivery: UUID) -> int | None:
    """None for the id of no delivery of this webhook."""
    position = webhook_id.int ^ delivery.int
    return position if position < 1 << 48 else None


def event_type_of(recorded: Recorded) -> str:
    """Raises KeyError for an event that is not sent."""
    event = recorded.event
    return event.event_type if isinstance(event, WebhookTested) else TRIGGERS[type(event)]


def body_of(webhook_id: UUID, recorded: Recorded) -> bytes:
    """At most LARGEST_BODY bytes of JSON."""
    payload = payload_of(recorded)
    envelope = {
        "id": delivery_id(webhook_id, recorded.position),
        "event": event_type_of(recorded),
        "timestamp": wire_text(recorded.at),
        "position": recorded.position,
    }
    whole = _joined(envelope, payload)
    if len(whole) <= LARGEST_BODY:
        return whole
    short = {name: value for name, value in payload.items() if name not in LONG}
    cut = _joined({**envelope, "truncated": True}, {**short, "_truncated_fields": LONG})
    if len(cut) <= LARGEST_BODY:
        return cut
    links = {"entry": f"/api/v1/changes?after={recorded.position - 1}&limit=1"}
    named = {name: value for name, value in payload.items() if name == "id" or name.endswith("_id")}
    return _joined({**envelope, "truncated": True, "links": links}, named)


def _joined(envelope: dict[str, Any], payload: dict[str, Any]) -> bytes:
    data = {"event": envelope["event"], **payload, "timestamp": envelope["timestamp"]}
    flat = {name: value for name, value in payload.items() if name != "_truncated_fields"}
    return msgspec.json.encode({**flat, **envelope, "data": data})


def payload_of(recorded: Recorded) -> dict[str, Any]:
    """The members of spec 01, appendix B, but for ``event`` and ``timestamp``. Raises KeyError for an event that is
    not sent."""
    event = recorded.event
    if isinstance(event, WebhookTested):
        if event.event_type != TEST:
            return {**EXAMPLES[event.event_type], "test": True}
        return {"data": {"message": "This is a test event", "webhook_id": recorded.stream.id}}
    sent = SENT[type(event)]
    return {**{member: _value(recorded, field) for member, field in sent.members.items()}, **sent.says}


def _value(recorded: Recorded, field: str) -> Any:
    if field == "@id":
        return recorded.stream.id
    if field.startswith("@actor"):
        actor = actor_of(recorded)
        return actor.id if field == "@actor_id" else actor.label
    value = getattr(recorded.event, field)
    return msgspec.Raw(value.encode()) if field in FREE_FORM else value
