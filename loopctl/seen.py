"""The heads of a log that a client has seen and checked by itself, and what it does when a server contradicts them.

A server cannot be made to remember; its clients can. Whoever has seen a signed head keeps it, says it with each
request, and from time to time makes sure that what the server shows now is a continuation of it (docs/custody.md).
"""

import base64
import time
from collections.abc import Callable, Generator, Mapping, MutableMapping
from hashlib import sha256
from typing import Any, Protocol

from msgspec import Struct

AGAIN_SECONDS = 60.0
"""After a head was checked, a newer one is believed so long as far as that it exists."""
FIRST: Mapping[str, str] = {"X-Loopctl-STH-Bootstrap": "true"}
"""Of who has seen no head yet, for tenants that want to be told one."""


class Kept(Struct, frozen=True):
    """The newest head of a tenant's log that was checked. ``keys`` are the log's, each with the size that it began
    with: the first was believed when it was first seen, each later one because the one before it has signed it."""

    tenant: str
    keys: list[tuple[str, int]]
    note: str
    size: int
    root: str
    """Unpadded base64url, as all that is not in the note."""
    key_id: str
    checked_at: float = 0.0

    @property
    def claim(self) -> str:
        return f"size={self.size}; root={self.root}; key={self.key_id}"


class Contradiction(Exception):
    """The server shows another history than it has shown before. ``code`` says which way; ``kept`` is the evidence."""

    def __init__(self, code: str, problem: str, kept: Kept) -> None:
        super().__init__(problem)
        self.code = code
        self.kept = kept


class Ask(Protocol):
    """A request to the server that the head is of; what its JSON says, or else text. Raises what the client raises.
    It is a generator of what has to be sent (conversation.py)."""

    def __call__(self, path: str, /, **query: Any) -> Generator[Any, Any, Any]: ...


Cosign = Callable[[str], str]
"""From the note of a head that was checked to the cosignature by an agent's own key, in unpadded base64url."""


class Store(Protocol):
    def read(self, whose: str) -> Kept | None: ...
    def write(self, whose: str, kept: Kept) -> None: ...


class InMemory:
    """For as long as the client lives."""

    def __init__(self) -> None:
        self._kept: MutableMapping[str, Kept] = {}

    def read(self, whose: str) -> Kept | None:
        return self._kept.get(whose)

    def write(self, whose: str, kept: Kept) -> None:
        self._kept[whose] = kept


class Seen:
    """What one key of one server has seen."""

    def __init__(self, server: str, api_key: str, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._whose = f"{server} {sha256(api_key.encode()).hexdigest()[:32]}"
        self._clock = clock
        self._told: tuple[int, str] | None = None
        self._cosign: Cosign | None = None
        self._cosigned = 0
        self.keep_in(store)

    def keep_in(self, store: Store, cosign: Cosign | None = None) -> None:
        """What was seen before is there. With ``cosign`` each head that was checked is signed once."""
        self._store = store
        self._cosign = cosign
        self._kept = store.read(self._whose)

    @property
    def kept(self) -> Kept | None:
        return self._kept

    def headers(self) -> Mapping[str, str]:
        if self._kept is None:
            return FIRST
        claim = self._kept.claim
        if self._cosign is not None and self._cosigned != self._kept.size:
            self._cosigned = self._kept.size
            claim += f"; cosig={self._cosign(self._kept.note)}"
        return {"Loopctl-Witness": claim}

    def note_header(self) -> Mapping[str, str]:
        """The whole signed head, for a server that says it does not know it."""
        return {} if self._kept is None else {"Loopctl-Witness-Note": _base64url(self._kept.note.encode())}

    def hear(self, head: str) -> None:
        """What an answer said. Something else that is no head is not heard."""
        size, separator, root = head.removeprefix("size=").partition("; root=")
        if separator and size.isascii() and size.isdigit():
            self._told = (int(size), root)

    @property
    def due(self) -> bool:
        """A newer head has to be checked, or an older or another one explained."""
        if self._told is None:
            return False
        if self._kept is None or self._told[0] < self._kept.size:
            return True
        if self._told[0] == self._kept.size:
            return self._told[1] != self._kept.root
        return self._clock() - self._kept.checked_at >= AGAIN_SECONDS

    def follow(self, ask: Ask) -> Generator[Any, Any, None]:
        """Checks what the server shows now against what is kept, and keeps it. Raises Contradiction."""
        # Signatures and proofs are loaded where there is something to check.
        from loopctl.following import newest  # noqa: PLC0415  # as said

        self._told = None
        found = yield from newest(ask, self._kept, self._clock())
        # Another call may have been further meanwhile.
        if found is not None and (self._kept is None or found.size >= self._kept.size):
            self._kept = found
            self._store.write(self._whose, found)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
