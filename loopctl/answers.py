"""Requests as they are sent, and answers as they come: what is in them, whoever has sent them."""

from collections.abc import Mapping
from http.client import HTTPResponse
from typing import Any

from msgspec import MsgspecError, Struct
from msgspec.json import decode, encode

SHOWN = 200
"""Letters of what something else says."""


class Request(Struct, frozen=True):
    method: str
    target: str
    content: bytes | None
    headers: Mapping[str, str]
    seconds: float


class Pause(Struct, frozen=True):
    """Before the next attempt. ``problem`` is why there is one."""

    seconds: float
    problem: str


class Answer(Struct, frozen=True):
    """``head`` is what it says of the log, ``position`` and ``receipt`` of the event that a write has become."""

    status: int
    content: bytes
    retry_after: str = ""
    kind: str = ""
    location: str = ""
    head: str = ""
    position: str = ""
    receipt: str = ""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


def spelled(value: str | int | bool | None) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def whole(answer: HTTPResponse) -> Answer:
    headers = answer.headers
    return Answer(
        answer.status, answer.read(), headers.get("Retry-After") or "", headers.get("Content-Type") or "",
        headers.get("Location") or "", headers.get("Loopctl-Head") or "", headers.get("Loopctl-Position") or "",
        headers.get("Loopctl-Receipt") or "",
    )  # fmt: skip


def read_answer(answer: Answer) -> Any:
    if not answer.content.strip():
        return None
    try:
        return decode(answer.content)
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        return answer.content.decode(errors="replace")


def words(said: Any) -> str:
    """What a page or an error of something else says, in a few words."""
    if isinstance(said, dict):
        return f": {encode(said).decode()[:SHOWN]}"
    if not isinstance(said, str):
        return ""
    title = said[at + len("<title>") :] if (at := said.lower().find("<title>")) >= 0 else said
    return f": {' '.join(title.split('</')[0].split())[:SHOWN]}"
