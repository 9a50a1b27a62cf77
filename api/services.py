"""What the application is given: settings, and ways to ask the outside world. Nothing here is looked up globally."""

import time
from collections.abc import Awaitable, Callable
from typing import BinaryIO, Protocol

from msgspec import Struct

from api.limits import Limits
from config.settings import Settings

Probe = Callable[[], Awaitable[None]]
"""Returns when the thing answers; raises anything when it does not."""


class Sealing(Protocol):
    """Whether the keys at rest are missing (spec 06, section 4.2); eventstore.seal.Seal is one."""

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
    log: BinaryIO
