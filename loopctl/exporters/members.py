"""What every form has of a project: what an import takes, and no more."""

from collections.abc import Mapping
from typing import Any

from loopctl.importers.details import MEMBERS as DETAILS

EPIC = ("number", "title", "description", "phase", "position", "metadata")
STORY = (
    "number", "title", "description", "acceptance_criteria", "estimated_hours", "agent_status", "verified_status",
    "metadata", *DETAILS,
)  # fmt: skip
EDGES = {"story_dependencies": "story", "epic_dependencies": "epic"}


def without_defaults(item: Mapping[str, Any]) -> dict[str, Any]:
    """An absent member means what an empty one does."""
    return {name: value for name, value in item.items() if value not in (None, [], {}, "")}


def waits_of(exported: Mapping[str, Any], kind: str) -> dict[Any, list[Any]]:
    """By the number of who waits."""
    waits: dict[Any, list[Any]] = {}
    for edge in exported[kind]:
        waits.setdefault(edge[EDGES[kind]], []).append(edge["depends_on"])
    return waits


def edges_of(waits: Mapping[Any, list[Any]], kind: str) -> list[dict[str, Any]]:
    return [{EDGES[kind]: one, "depends_on": other} for one, others in waits.items() for other in others]
