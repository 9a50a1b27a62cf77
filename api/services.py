"""What the application is given: settings, and ways to ask the outside world. Nothing here is looked up globally."""

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import BinaryIO, Protocol
from uuid import UUID

from msgspec import Struct, field

from api.changes.news import News
from api.http.identifiers import new_id
from api.http.limits import Limits
from api.http.rate_limits.verdict import RateCheck, Verdict
from api.log.reading import LogReader
from config.keys import Key
from config.settings import Settings
from domain.caller import Caller
from domain.events import EVENTS, UPCASTERS
from eventstore.callers.callers import UnknownKey
from eventstore.database.transaction import SystemTx, TenantTx
from eventstore.database.unavailable import DatabaseUnavailable
from eventstore.keys.keyring import Keyring
from eventstore.log.codec import Codec
from eventstore.log.command import Command, Reply

Probe = Callable[[], Awaitable[None]]
"""Returns when the thing answers; raises anything when it does not."""


class Sealing(Protocol):
    """Whether the keys at rest are missing (spec 06, section 4.2); eventstore.keys.seal.Seal is one."""

    @property
    def sealed(self) -> bool: ...
    @property
    def reason(self) -> str | None: ...


class Open(Struct, frozen=True):
    """Not sealed."""

    sealed: bool = False
    reason: str | None = None


async def answers() -> None:
    """A probe of something that cannot fail."""


def unsealed() -> Sealing:
    return Open()


Submit = Callable[[UUID, Command], Awaitable[Reply]]
"""To the log of a tenant; returns after the commit (eventstore.log.writer)."""


def utc_now() -> datetime:
    return datetime.now(UTC)


async def nobody(_: str) -> Caller:
    """Knows no key."""
    raise UnknownKey


def always_current(_: UUID, __: int) -> bool:
    """Remembers nobody."""
    return True


async def nobody_is_told(_: UUID) -> None:
    """Is the only process."""


def unnoticed(_: Caller) -> None:
    """Keeps no stamps."""


async def nowhere(_: UUID, __: Command) -> Reply:
    """Has no log to write to."""
    raise DatabaseUnavailable("lost")


def nothing_to_read(_: UUID) -> AbstractAsyncContextManager[TenantTx]:
    """Has no database."""
    raise DatabaseUnavailable("lost")


def nothing_at_all() -> AbstractAsyncContextManager[SystemTx]:
    """Has no database either."""
    raise DatabaseUnavailable("lost")


class Services(Struct, frozen=True, kw_only=True):
    """The defaults need no database: an application made with them answers as if everything were well."""

    settings: Settings = Settings()
    version: str
    database: Probe = answers
    redis: Probe = answers
    jobs: Probe = answers
    seal: Callable[[], Sealing] = unsealed
    clock: Callable[[], float] = time.monotonic
    """Seconds that never go back; for durations."""
    limits: Limits = Limits()
    submit: Submit = nowhere
    reading: Callable[[UUID], AbstractAsyncContextManager[TenantTx]] = nothing_to_read
    """A transaction that sees one tenant, for queries."""
    reading_names: Callable[[], AbstractAsyncContextManager[SystemTx]] = nothing_at_all
    """A transaction that sees no tenant's rows, for the functions that tell which tenants there are."""
    log_reader: LogReader = LogReader(None, Keyring(()))
    codec: Codec = Codec(EVENTS, UPCASTERS)
    news: News = field(default_factory=News)
    """Wakes those who wait for a tenant's log to grow."""
    utc_now: Callable[[], datetime] = utc_now
    new_id: Callable[[], UUID] = new_id
    find_caller: Callable[[str], Awaitable[Caller]] = nobody
    check_rate: Callable[[RateCheck], Awaitable[Verdict]] | None = None
    """Counts a request and says whether it may go on; None: everybody may."""
    callers_are_current: Callable[[UUID, int], bool] = always_current
    callers_changed: Callable[[UUID], Awaitable[None]] = nobody_is_told
    """Tells the other processes that a key of the tenant, or the tenant itself, is not what it was."""
    note_caller: Callable[[Caller], None] = unnoticed
    peppers: Sequence[Key] = ()
    """Of the hashes of API keys, the current one first. Without one no key can be made."""
    log: BinaryIO
