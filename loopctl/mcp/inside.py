"""The client of tools that run in the server itself: it asks through a function, once, and not for ever."""

import time
from collections.abc import Callable, Mapping
from hashlib import sha256

from msgspec import structs

from loopctl.answers import Answer, Request
from loopctl.client import Client, Unreachable

Send = Callable[[Request], Answer]
"""From another thread than the server's. Raises TimeoutError."""


class Inside(Client):
    """With the headers of whoever has called the tool. Nothing is tried again: whoever called can do that."""

    def __init__(self, send: Send, headers: Mapping[str, str], idempotency_key: str | None) -> None:
        """With ``idempotency_key`` a call that is repeated is carried out once: each of its writes has a key that
        follows from it."""
        super().__init__("http://inside", None)
        self._through = send
        self._headers.update(headers)
        self._whole_call = idempotency_key
        self._writes = 0

    def _carried_out(self, request: Request) -> Answer:
        seconds = request.seconds
        if self._patient_until is not None:
            seconds = min(seconds, max(0.0, self._patient_until - time.monotonic()))
        try:
            answer = self._through(structs.replace(request, seconds=seconds))
        except TimeoutError:
            raise Unreachable("The server did not answer itself in time") from None
        if answer.is_success:
            return answer
        raise self._refusal(answer, request.target)

    def _next_key(self) -> str:
        if self._whole_call is None:
            return super()._next_key()
        self._writes += 1
        return sha256(f"{self._whole_call}\n{self._writes}".encode()).hexdigest()
