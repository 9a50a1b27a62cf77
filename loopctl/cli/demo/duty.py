"""What a process of the demo is told, and what it tells: lines of JSON through its standard input and output."""

from typing import Literal

from msgspec import Struct

Part = Literal["implementer", "reviewer", "orchestrator", "receiver"]
LEASE_SECONDS = 600
MORTAL_LEASE_SECONDS = 10
"""The shortest there is, of the process that is killed: a demo does not wait long for what it held."""


class Duty(Struct, frozen=True, kw_only=True):
    """``share`` of ``shares`` is which stories a reviewer looks at. ``rejects`` are numbers, the first time each."""

    part: Part
    name: str
    server: str
    key: str
    project_id: str
    share: int = 0
    shares: int = 1
    rejects: tuple[str, ...] = ()
    hangs: bool = False
    """Stops in the middle of its first story, until it is killed."""
    cheat_key: str | None = None
    """An orchestrator's key for the same agent: it tries to confirm its own work."""
    listens: str = ""
    """Of the receiver: where, with the webhook's secret as its key."""


class Told(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``requests`` is how many the process has sent so far."""

    name: str
    what: Literal[
        "claimed", "asked", "reported", "reviewed", "verified", "rejected", "refused", "let_through", "hangs", "lost",
        "waits", "heard", "refuses",
    ]  # fmt: skip
    requests: int
    number: str = ""
    story_id: str = ""
    text: str = ""
