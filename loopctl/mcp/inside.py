"""The client of tools that run in the server itself: it asks through a function, once, and not for ever."""

import math
import time
from collections.abc import Callable, Mapping
from hashlib import sha256

from msgspec.structs import replace

from loopctl.answers import Answer, Pause, Request
from loopctl.client import Client
from loopctl.conversation import SECONDS, Lost, Wish

Send = Callable[[Request], Answer]
"""From another thread than the server's. Raises TimeoutError."""


class Inside(Client):
    """With the headers of whoever has called the tool. Nothing is tried again: whoever called can do that."""

    def __init__(self, send: Send, headers: Mapping[str, str], idempotency_key: str | None) -> None:
        """With ``idempotency_key`` a call that is repeated is carried out once: each of its writes has a key that
        follows from it."""
        super().__init__("http://inside", None)
        self._through = send
        self._talk.headers.update(headers)
        self._talk.patient(0.0)
        self._whole_call = idempotency_key
        self._writes = 0
        self._until = time.monotonic() + SECONDS

    def patient(self, seconds: float = math.inf) -> None:
        """Everything together has so long from now on."""
        self._until = time.monotonic() + seconds

    def _asked(self, wish: Wish) -> Answer:
        if self._whole_call is not None and wish.method != "GET":
            self._writes += 1
            key = sha256(f"{self._whole_call}\n{self._writes}".encode()).hexdigest()
            wish = replace(wish, idempotency_key=key)
        return super()._asked(wish)

    def _taken(self, step: Request | Pause) -> Answer | None:
        if isinstance(step, Pause):
            return None
        try:
            return self._through(replace(step, seconds=max(0.0, self._until - time.monotonic())))
        except TimeoutError:
            raise Lost("The server has not answered itself in time") from None
