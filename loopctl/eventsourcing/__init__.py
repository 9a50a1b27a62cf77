"""A tenant's log for projections that are written with the library ``eventsourcing``: to be read only, and verified
before anything is handed on (docs/eventsourcing.md).

The one package here that needs that library; nothing else in loopctl imports it.
"""

try:
    import eventsourcing  # noqa: F401  # only whether it is there
except ModuleNotFoundError:
    raise ImportError(
        "loopctl.eventsourcing needs the library eventsourcing: pip install loopctl[eventsourcing]"
    ) from None

from loopctl.eventsourcing.application import LogApplication, LogFactory
from loopctl.eventsourcing.entries import originator_id
from loopctl.eventsourcing.errors import NotVerified, ReadOnly, Unavailable
from loopctl.eventsourcing.event import LogEvent, LogMapper
from loopctl.eventsourcing.recorder import LogRecorder, LogSubscription, open_bundle, open_server

__all__ = [
    "LogApplication",
    "LogEvent",
    "LogFactory",
    "LogMapper",
    "LogRecorder",
    "LogSubscription",
    "NotVerified",
    "ReadOnly",
    "Unavailable",
    "open_bundle",
    "open_server",
    "originator_id",
]
