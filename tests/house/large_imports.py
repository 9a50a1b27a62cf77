"""Imports that are hard on whoever plans them, by how many things are in them: what a pattern is to a text."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from domain.caller import Role
from domain.importing.payload import Given, read_payload
from domain.importing.plan import ImportWish, ProjectContents, most_new, plan_import
from domain.lifecycle.identity import Identity

PROJECT, KEY = UUID(int=1), UUID(int=3)
SOMEBODY = Identity(role=Role.USER, key_id=KEY, agent_id=None, dispatch_id=None, lineage=(KEY,))
NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)
FEW = 8


def _story(number: str, **more: Any) -> dict[str, Any]:
    return {"number": number, "title": f"Story {number}", **more}


def _epic(*stories: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"number": 1, "title": "Epic", "stories": list(stories), **more}


def _edges(pairs: Sequence[tuple[int, int]]) -> list[dict[str, str]]:
    return [{"story": f"1.{one}", "depends_on": f"1.{other}"} for one, other in pairs]


def stories(count: int) -> Given:
    return Given(epics=[_epic(*(_story(f"1.{minor}") for minor in range(count)))])


def one_number_for_all(count: int) -> Given:
    return Given(epics=[_epic(*(_story("1.1") for _ in range(count)))])


def rows_that_are_wrong(count: int) -> Given:
    return Given(epics=[_epic(*(_story("?", title=None, acceptance_criteria=7) for _ in range(count)))])


def members_that_nobody_knows(count: int) -> Given:
    return Given(epics=[_epic(_story("1.1", **{f"member_{place}": place for place in range(count)}))])


def criteria(count: int) -> Given:
    return Given(epics=[_epic(_story("1.1", acceptance_criteria=[{"criterion": str(each)} for each in range(count)]))])


def a_chain(count: int) -> Given:
    edges = _edges([(minor + 1, minor) for minor in range(count - 1)])
    return Given(epics=stories(count).epics, story_dependencies=edges)


def a_ring(count: int) -> Given:
    edges = _edges([((minor + 1) % count, minor) for minor in range(count)])
    return Given(epics=stories(count).epics, story_dependencies=edges)


def one_that_waits_for_all(count: int) -> Given:
    edges = _edges([(0, minor) for minor in range(1, count)])
    return Given(epics=stories(count).epics, story_dependencies=edges)


def the_same_edge_again_and_again(count: int) -> Given:
    return Given(epics=stories(FEW).epics, story_dependencies=_edges([(1, 0)] * count))


def edges_to_nowhere(count: int) -> Given:
    return Given(epics=stories(FEW).epics, story_dependencies=_edges([(0, count + minor) for minor in range(count)]))


def as_planned(given: Given) -> object:
    payload = read_payload(given)
    wish = ImportWish(
        project_id=PROJECT, payload=payload, merge=False, ids=[UUID(int=place) for place in range(most_new(payload))],
        may_verify=True, importer=SOMEBODY, at=NOON,
    )  # fmt: skip
    return plan_import(wish, ProjectContents())


def _planned(made: Callable[[int], Given]) -> Callable[[bytes], object]:
    """A text of so many bytes stands for so many things; what is imported is made once for each number."""
    kept = lru_cache(made)
    return lambda text: as_planned(kept(len(text)))


MAKERS = (
    stories, one_number_for_all, rows_that_are_wrong, members_that_nobody_knows, criteria, a_chain, a_ring,
    one_that_waits_for_all, the_same_edge_again_and_again, edges_to_nowhere,
)  # fmt: skip
PLANNED: Mapping[str, Callable[[bytes], object]] = {
    f"an import of {made.__name__.replace('_', ' ')}": _planned(made) for made in MAKERS
}
