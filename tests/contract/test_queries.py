"""What is misspelt in a query is told, with what is allowed, over all routes.

Red for ``entity_type`` and ``action`` of trail and feed, which found nothing, for ``status`` of tenants and ``sort_by``
of agents, which were passed over, and for ``kind`` of proofs, which named no other.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.logs import service
from tests.contract.routes import ROUTES, STREAM, Route
from tests.contract.test_table import operation
from tests.contract.world import Wanted, World, fill, send, world
from tests.support.database import TestDatabase, copied_database

FREE = {
    "project_id", "since", "until", "after", "cursor", "from", "to", "number", "phase", "slug", "search",
    "state_key", "at", "name", "name_exact", "scope_type", "tags", "q",
    "query", "recency_weight", "story_id", "label", "assignee", "external_id", "external_source", "numbers", "commit",
    "run_url",
}  # fmt: skip
"""Texts that are no enumeration: names, places and times, each with a check of its own or none to make."""


def texts(route: Route) -> list[dict[str, Any]]:
    return [each for each in operation(route).get("parameters", ()) if each["in"] == "query" and _is_text(each)]


def _is_text(parameter: dict[str, Any]) -> bool:
    schema = parameter["schema"]
    kinds = [schema, *schema.get("anyOf", [])]
    return any(kind.get("type") == "string" and kind.get("format") != "uuid" for kind in kinds) or bool(allowed(schema))


def allowed(schema: dict[str, Any]) -> list[str]:
    return schema.get("enum") or next((each["enum"] for each in schema.get("anyOf", []) if "enum" in each), [])


CHOICES = [
    (route, each["name"], allowed(each["schema"]))
    for route in ROUTES
    for each in texts(route)
    if allowed(each["schema"])
]
TAKING = [
    route
    for route in ROUTES
    if route.name != STREAM  # which would be listened to for ever where a slip passes
    if any(each["in"] == "query" and len(each["name"]) > 4 for each in operation(route).get("parameters", ()))
]


def names_of(route: Route) -> set[str]:
    return {each["name"] for each in operation(route)["parameters"] if each["in"] == "query"}


@pytest.fixture(scope="module")
async def copied(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as database:
        yield database


@pytest.fixture(scope="module")
async def here(copied: TestDatabase) -> AsyncIterator[World]:
    async with service(copied) as started:
        yield await world(started, copied)


async def sent(here: World, route: Route, name: str, value: str) -> Any:
    """With ``name`` instead of the route's own."""
    wanted = await fill(here.home, route)
    path, _, query = wanted.path.partition("?")
    kept = [each for each in query.split("&") if each and each.partition("=")[0] != name]
    return await send(
        here.home, route, Wanted(wanted.method, f"{path}?{'&'.join([*kept, f'{name}={value}'])}", wanted.body, {})
    )


def test_every_text_in_a_query_is_an_enumeration_or_known_to_be_none() -> None:
    """Went red when the enumeration was taken from ``action``."""
    assert {each["name"] for route in ROUTES for each in texts(route) if not allowed(each["schema"])} == FREE
    assert {name for _, name, _ in CHOICES} >= {
        "entity_type",
        "action",
        "actor_type",
        "agent_status",
        "sort_by",
        "kind",
    }


@pytest.mark.parametrize(
    ("route", "name", "values"), CHOICES, ids=[f"{route.name} {name}" for route, name, _ in CHOICES]
)
async def test_a_value_that_there_is_not_is_refused_with_those_that_there_are(
    here: World, route: Route, name: str, values: list[str]
) -> None:
    answer = await sent(here, route, name, values[0] + "x")
    assert (answer.status, answer.error["code"]) == (422, "validation_failed"), answer.body
    message = " ".join(answer.error["details"][name])
    assert all(value in message for value in values)
    if route.name != STREAM:
        assert (await sent(here, route, name, values[-1])).status == 200


@pytest.mark.parametrize("route", TAKING, ids=lambda route: route.name)
async def test_a_name_that_is_nearly_one_is_told_and_another_is_passed_over(here: World, route: Route) -> None:
    names = [each["name"] for each in operation(route)["parameters"] if each["in"] == "query" and len(each["name"]) > 4]
    for name in names:
        for slip in (name[:1] + name[2:], name + "s", name[:2] + name[3] + name[2] + name[4:], name.upper()):
            if slip == name or slip in names:
                continue
            answer = await sent(here, route, slip, "1")
            assert (answer.status, answer.error["code"]) == (422, "validation_failed"), (slip, answer.body)
            assert name in answer.error["details"][slip][0]
    assert (await sent(here, route, "utm_source", "1")).status == route.success


async def test_a_part_of_a_name_is_told_too(here: World) -> None:
    """``project`` instead of ``project_id`` would list the whole tenant, as if that had been asked for."""
    stories = next(route for route in ROUTES if route.name == "GET /api/v1/stories")
    for part, meant in (("project", "project_id"), ("status", "agent_status or verified_status"), ("agentStatus", "")):
        answer = await sent(here, stories, part, "x")
        assert answer.status == 422
        assert meant in answer.error["details"][part][0]


async def test_what_filters_another_list_is_refused_where_it_would_filter_nothing(here: World) -> None:
    """`/stories/ready?agent_status=reported_done` answered with what is pending."""
    lists = [route for route in TAKING if {"page", "cursor"} & names_of(route)]
    filters = {name for route in lists for name in names_of(route)}
    assert len(lists) > 10
    for route in lists:
        known = names_of(route)
        for name in filters - known:
            answer = await sent(here, route, name, "1")
            assert (answer.status, name in answer.error["details"]) == (422, True), (route.name, name, answer.body)
