"""Refusals say what is wrong, where, and what to do, however they are brought about, and never at length."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec import structs

from domain.errors import Conflict, Invalid, Rejected
from domain.graph import DependencyGraph, check_waiting
from domain.importing.payload import Given
from domain.lifecycle.prerequisites import Before, Prerequisites
from domain.lifecycle.refusals import not_ready, wrong_state
from tests.api.logs import service
from tests.contract.routes import ROUTES, Route
from tests.contract.test_table import DOCUMENT, operation
from tests.contract.words import complaints, told
from tests.contract.world import World, fill, send, world
from tests.domain.lifecycle.making import STORY, ann, ben, story, worked
from tests.house.large_imports import as_planned
from tests.support.database import TestDatabase, copied_database

WRONG: tuple[Any, ...] = ("nonsense", {"nonsense": 1}, [1], 7.5, True, -1)
WITH_BODY = [route for route in ROUTES if route.body is not None]


@pytest.fixture(scope="module")
async def copied(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as database:
        yield database


@pytest.fixture(scope="module")
async def here(copied: TestDatabase) -> AsyncIterator[World]:
    async with service(copied) as started:
        yield await world(started, copied)


@pytest.mark.parametrize("route", WITH_BODY, ids=lambda route: route.name)
async def test_a_member_of_a_wrong_kind_is_refused_with_what_may_stand_there(here: World, route: Route) -> None:
    """Went red while a role that there is not was "can't be blank", and most others "is invalid" and no more."""
    wanted = await fill(here.home, route)
    refused = 0
    for member in members(route):
        for value in WRONG:
            answer = await send(here.home, route, structs.replace(wanted, body={**wanted.body, member: value}))
            if answer.status == 422 and "error" in answer.json():
                refused += 1
                assert told(answer.error) == [], (member, value, answer.body)
    assert refused


def members(route: Route) -> list[str]:
    schema = operation(route)["requestBody"]["content"]["application/json"]["schema"]
    for each in [schema, *schema.get("anyOf", ()), *schema.get("oneOf", ())]:
        if "$ref" in each:
            return list(DOCUMENT["components"]["schemas"][each["$ref"].rpartition("/")[2]]["properties"])
    return list(schema["properties"])


@pytest.mark.parametrize(
    ("path", "body", "field", "allowed"),
    [
        ("/api_keys", {"name": "k", "role": "boss"}, "role", "agent, orchestrator, user"),
        ("/tenants/me", {"settings": {"lineage_policy": "none"}}, "settings.lineage_policy", "agent, ancestry, strict"),
    ],
)
async def test_of_a_choice_the_answer_lists_what_there_is(
    here: World, path: str, body: Any, field: str, allowed: str
) -> None:
    method = "PATCH" if path.startswith("/tenants") else "POST"
    answer = await here.home.team.user.send(method, path, body)
    assert answer.error["details"] == {field: [f"is invalid: must be one of {allowed}"]}


def waits(count: int) -> Prerequisites:
    return Prerequisites(stories={type(STORY)(int=number): Before(f"1.{number}", False) for number in range(count)})


def ring(count: int) -> DependencyGraph:
    names = [f"1.{number}" for number in range(count)]
    edges = list(zip(names, [*names[1:], names[0]], strict=True))
    return DependencyGraph(stories=dict.fromkeys(names, 1), story_edges=edges, epic_edges=[])


def found(decide: Any) -> Rejected:
    with pytest.raises(Rejected) as caught:
        decide()
    return caught.value


def test_whatever_the_size_of_what_is_wrong_the_message_is_short() -> None:
    """Went red at 23 kB for a ring of 2,000 stories."""
    cases = {
        "a ring": found(lambda: check_waiting(ring(2000))),
        "prerequisites": not_ready(story(agent_status="contracted"), waits(2000).missing),
        "a client's own text": Invalid(f"no such story: {'x' * 60_000}", **{"y" * 60_000: "z" * 60_000}),
        "a number": found(lambda: as_planned(Given(epics=[{"number": 1, "title": "E", "stories": [TWICE, TWICE]}]))),
    }
    for name, error in cases.items():
        assert complaints(error.code, error.message, error.facts) == [], name
    assert cases["a ring"].message == "Cycle detected: 1.0 -> 1.1 -> 1.2 -> 1.3 -> 1.4 -> 1995 more -> 1.0"
    assert "and 1995 more" in cases["prerequisites"].message


TWICE = {"number": "n" * 60_000, "title": "S"}


def test_a_short_ring_is_named_whole() -> None:
    assert found(lambda: check_waiting(ring(3))).message == "Cycle detected: 1.0 -> 1.1 -> 1.2 -> 1.0"


def test_a_claim_by_its_holder_is_not_told_of_another() -> None:
    """Went red when both were told that another agent had claimed the story."""
    own, others = (wrong_state(worked(), "claim", who).facts["hints"][0] for who in (ann, ben))
    assert own.startswith("You hold this story already")
    assert others == "Story is already claimed by another agent. Use force-unclaim to reset it."


@pytest.mark.parametrize(
    "error",
    [
        Conflict("Conflict"),
        Conflict("Conflict: Cannot claim a story that is assigned", code="invalid_transition", hints=[]),
        Invalid(role="is invalid"),
        Invalid(),
    ],
)
def test_words_that_say_nothing_are_found(error: Rejected) -> None:
    assert complaints(error.code, error.message, error.facts)


def test_words_without_end_are_found() -> None:
    assert complaints("conflict", "x" * 301, {})
    assert complaints("conflict", "x", {"context": {"a": "y" * 2600}})
