"""The keys of a log in the form that a bundle has them in (docs/log-bundle.md)."""

from collections.abc import Sequence

from eventstore.heads.log_keys import LogKey
from loopctl.audit.keys_file import KeyRecord, LogKeys
from loopctl.tlog.entry import timestamp


def bundled_keys(keys: Sequence[LogKey]) -> LogKeys:
    """At least one key, oldest first."""
    records = tuple(
        KeyRecord(
            vkey=key.key.text(),
            purpose="log",
            first_size=key.first_size,
            last_size=key.last_size,
            created_at=timestamp(key.created_at),
            retired_at=None if key.retired_at is None else timestamp(key.retired_at),
            reason=key.reason,
        )
        for key in keys
    )
    return LogKeys(origin=keys[-1].key.name, keys=records)
