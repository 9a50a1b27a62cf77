"""Dependencies on the wire (spec 01, sections 2.10 and 2.11)."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from api.epics.schemas import line_bodies
from api.projects.schemas import Text
from api.times import wire_time
from domain.dependency import Dependency
from domain.errors import NotFound
from domain.fields import BLANK, Problems
from domain.numbering import StoryNumber
from projections.rows.epics import CountedEpic


class StoryDependencyBody(Struct, frozen=True, kw_only=True):
    """The first waits for the second."""

    story_id: Text | None = None
    depends_on_story_id: Text | None = None


class EpicDependencyBody(Struct, frozen=True, kw_only=True):
    """The first waits for the second."""

    epic_id: Text | None = None
    depends_on_epic_id: Text | None = None


def ends_of(body: StoryDependencyBody | EpicDependencyBody) -> tuple[UUID, UUID]:
    """Raises Invalid for a missing id, NotFound for one in no form of an id."""
    given = {name: (getattr(body, name) or "").strip() for name in body.__struct_fields__}
    problems = Problems()
    for name, text in given.items():
        if not text:
            problems.add(name, BLANK)
    problems.raise_any()
    try:
        dependent, prerequisite = map(UUID, given.values())
    except ValueError:
        raise NotFound("Not found") from None
    return dependent, prerequisite


def dependency_body(tenant_id: UUID, kind: str, edge: Dependency) -> dict[str, Any]:
    """``kind`` is story or epic."""
    return {
        "id": edge.dependency_id,
        "tenant_id": tenant_id,
        f"{kind}_id": edge.dependent_id,
        f"depends_on_{kind}_id": edge.prerequisite_id,
        "inserted_at": wire_time(edge.created_at),
    }


def graph_body(
    epics: Sequence[CountedEpic], lines: Sequence[Any], edges: Mapping[str, Sequence[Dependency]]
) -> dict[str, Any]:
    """``edges`` by the member that they stand under."""
    inside: dict[UUID, list[Any]] = {}
    for line in lines:
        inside.setdefault(line["epic_id"], []).append(line)
    return {
        "epics": [
            {
                "id": each.epic.epic_id,
                "number": each.epic.number,
                "title": each.epic.title,
                "phase": each.epic.phase,
                "position": each.epic.epic_position,
                "stories": _graph_stories(inside.get(each.epic.epic_id, [])),
            }
            for each in epics
        ],
        **{name: _ends(found) for name, found in edges.items()},
    }


def _graph_stories(lines: Sequence[Any]) -> list[dict[str, Any]]:
    keys = [StoryNumber(line["major"], line["minor"], line["number"]).sort_key for line in lines]
    return [{**body, "sort_key": key} for body, key in zip(line_bodies(lines), keys, strict=True)]


def _ends(edges: Sequence[Dependency]) -> list[dict[str, UUID]]:
    ends = sorted((edge.dependent_id, edge.prerequisite_id) for edge in edges)
    return [{"from": dependent, "to": prerequisite} for dependent, prerequisite in ends]
