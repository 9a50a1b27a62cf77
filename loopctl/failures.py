"""How asking a server fails: it refuses, it does not answer, or what answers is not to be used."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from msgspec import Struct

from loopctl.answers import words

PASSING = {429, 502, 503, 504}
NEVER_AGAIN = {"tenant_halted", "sealed", "head_refused"}
"""Codes of 503 that do not pass by themselves: a person has to look."""


class Write(Struct, frozen=True):
    """What would change something. With the same idempotency key it is carried out once, however often it is sent."""

    method: str
    path: str
    idempotency_key: str


class Failed(Exception):
    """``write`` is what may have been carried out all the same, or None."""

    write: Write | None = None


class Refused(Failed):
    """The server answered, and not with success. ``body`` is what it said: JSON, else text."""

    def __init__(self, status: int, body: Any) -> None:
        self.status = status
        self.body = body
        self.asked_with: Mapping[str, str] = {}
        """Which key it was, for whoever is told."""
        super().__init__(f"the server answered {status}")

    @property
    def error(self) -> Mapping[str, Any]:
        """As the server has it; of whatever stands in front of it, a sentence."""
        found = self.body.get("error") if isinstance(self.body, dict) else None
        if isinstance(found, dict):
            return found
        return {"message": f"The server answers {self.status} {_phrase(self.status)}{words(self.body)}."}

    @property
    def code(self) -> str:
        return str(self.error.get("code", ""))

    @property
    def passes(self) -> bool:
        """By itself, so that it is worth to ask again."""
        return self.status in PASSING and self.code not in NEVER_AGAIN


class Unreachable(Failed):
    """No answer, after every attempt."""


class Unusable(Failed):
    """Something answers, but not as a loopctl server that is trusted. To ask again would help nobody."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        self.code = code
        self.hint = hint
        super().__init__(message)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
