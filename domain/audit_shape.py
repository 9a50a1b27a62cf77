"""What an event is to the audit trail and the change feed: the form, of which there is one for each type
(audit_shapes.py)."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

Fields = Mapping[str, str]
"""From the member's name to the event's field; ``@id`` is the stream's id, ``@at`` the event's time."""


class AuditShape(Struct, frozen=True):
    """``action`` is what happened to the entity. A state of None is no state at all; ``becomes`` are members of the new
    state that follow from the event's type."""

    entity_type: str
    action: str
    old: Fields | None = None
    new: Fields | None = None
    becomes: Mapping[str, Any] = {}
    more: Fields = {}
    """For the metadata."""
    whole: str | None = None
    """The field that is the new state as a whole."""
    changed_only: bool = False
    """Of the old state, only members that the new one has too."""


def named(*fields: str, **renamed: str) -> Fields:
    """Members called like the fields, then ``member=field``."""
    return {**{field: field for field in fields}, **renamed}
