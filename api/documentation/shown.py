"""How it is said what is right in a body: an example, what must be there, and what goes over a member's schema."""

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct


class Shown(Struct, frozen=True):
    """``members`` has what goes over the schema of a member, by name."""

    example: Mapping[str, Any]
    required: tuple[str, ...] = ()
    members: Mapping[str, Mapping[str, Any]] = {}


def one_of(values: Collection[str]) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)}


def whole(least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most}


def text(most: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": most}


def list_of(items: Mapping[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "items": dict(items), "minItems": 1, "maxItems": most}
