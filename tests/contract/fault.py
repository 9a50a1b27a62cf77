"""How an error of a route is brought about."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class Fault(Struct, frozen=True):
    """What differs from the request that succeeds. ``state`` is the kind of story, or of what else the path names;
    ``kind.*`` are the things that all its placeholders name, one after the other."""

    code: str
    status: int
    who: str = ""
    state: str = ""
    body: Any = None
    query: Mapping[str, str] = {}
    """Besides the route's own."""
