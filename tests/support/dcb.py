"""The only door to the package ``eventsourcing``: its words for appending under a condition, and its own recorder.

Another minor version renames this interface; then this module is what changes.
"""

from eventsourcing.dcb.api import (
    DCBAppendCondition,
    DCBEvent,
    DCBQuery,
    DCBQueryItem,
    DCBReadResponse,
    DCBRecorder,
    DCBSequencedEvent,
)
from eventsourcing.dcb.persistence import DCBListenNotifySubscription
from eventsourcing.dcb.popo import InMemoryDCBRecorder, SimpleDCBReadResponse
from eventsourcing.dcb.tests import DCBRecorderTestCase
from eventsourcing.persistence import IntegrityError, ProgrammingError

__all__ = [
    "DCBAppendCondition",
    "DCBEvent",
    "DCBListenNotifySubscription",
    "DCBQuery",
    "DCBQueryItem",
    "DCBReadResponse",
    "DCBRecorder",
    "DCBRecorderTestCase",
    "DCBSequencedEvent",
    "InMemoryDCBRecorder",
    "IntegrityError",
    "ProgrammingError",
    "SimpleDCBReadResponse",
    "matches",
]


def matches(query: DCBQuery, event: DCBEvent) -> bool:
    """Of any item: one of its types, if it names some, and all of its tags."""
    return not query.items or any(
        (not item.types or event.type in item.types) and set(item.tags) <= set(event.tags) for item in query.items
    )
