"""The document says of bodies what the server does: examples succeed, and what must be there or is none is refused."""

from collections.abc import AsyncIterator
from typing import Any

import jsonschema_rs
import pytest
from msgspec import structs

from api.documentation.bodies import BODIES
from tests.api.logs import service
from tests.contract.routes import ROUTES, Route
from tests.contract.test_table import DOCUMENT, operation
from tests.contract.words import told
from tests.contract.world import Wanted, World, fill, send, world
from tests.support.database import TestDatabase, copied_database

WITH_BODY = [route for route in ROUTES if route.body is not None]
ECHO = {"story_title": "A story", "ac_count": 1}
"""What the stories of the world are called, where the example has another title."""


@pytest.fixture(scope="module")
async def copied(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as database:
        yield database


@pytest.fixture(scope="module")
async def here(copied: TestDatabase) -> AsyncIterator[World]:
    async with service(copied) as started:
        yield await world(started, copied)


def each(routes: list[Route]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("route", routes, ids=lambda route: route.name)


def content(route: Route) -> Any:
    return operation(route)["requestBody"]["content"]["application/json"]


def kind(route: Route) -> str:
    schema = content(route)["schema"]
    name: str = next(each["$ref"] for each in (schema, *schema.get("oneOf", ())) if "$ref" in each).rpartition("/")[2]
    return name


async def example(here: World, route: Route) -> Wanted:
    """The document's, with the ids, numbers and names that are this world's."""
    wanted = await fill(here.home, route)
    return structs.replace(wanted, body=_over(content(route)["example"], route.body, wanted.body))


def _over(shown: Any, planned: Any, filled: Any) -> Any:
    """What the table has a placeholder for, or what echoes a story, is taken from the filled body."""
    if isinstance(shown, dict) and isinstance(planned, dict):
        taken = {name: value for name, value in filled.items() if name in ECHO or _is_placeholder(planned.get(name))}
        inner = {
            name: _over(value, planned[name], filled[name]) if name in planned else value
            for name, value in shown.items()
        }
        return {**inner, **taken}
    if isinstance(shown, list) and isinstance(planned, list):
        return [_over(*parts) for parts in zip(shown, planned, filled, strict=False)]
    return filled if _is_placeholder(planned) else shown


def _is_placeholder(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("$")


@each(WITH_BODY)
async def test_the_example_of_each_body_succeeds(here: World, route: Route) -> None:
    """Went red for all 41 bodies while none had an example."""
    answer = await send(here.home, route, await example(here, route))
    assert answer.status == route.success, answer.body


@each(WITH_BODY)
async def test_a_body_without_what_must_be_there_is_refused(here: World, route: Route) -> None:
    """Went red while the document said that nothing must be there."""
    for member in BODIES[kind(route)].required:
        wanted = await example(here, route)
        left = {name: value for name, value in wanted.body.items() if name != member}
        answer = await send(here.home, route, structs.replace(wanted, body=left))
        assert (answer.status, told(answer.error)) == (422, []), (member, answer.body)
        assert member in answer.error.get("details", {member: ""}), answer.body


@each(WITH_BODY)
async def test_what_the_document_does_not_allow_is_refused(here: World, route: Route) -> None:
    """Each bound and each choice, at the value beside it."""
    for member, said in BODIES[kind(route)].members.items():
        for value in beside(said):
            wanted = await example(here, route)
            answer = await send(here.home, route, structs.replace(wanted, body={**wanted.body, member: value}))
            assert answer.status == 422, (member, value, answer.body)


def beside(said: Any) -> list[Any]:
    found: list[Any] = []
    if "enum" in said:
        found.append("nonsense")
    if "maxLength" in said:
        found.append("x" * (said["maxLength"] + 1))
    if "minimum" in said:
        found.append(said["minimum"] - 1)
    if "maximum" in said:
        found.append(said["maximum"] + 1)
    if "maxItems" in said:
        found.append([{}] * (said["maxItems"] + 1))
    return found


def test_every_example_is_what_its_schema_says() -> None:
    for route in ROUTES:
        found = operation(route)
        bodies = [found["requestBody"]["content"]] if "requestBody" in found else []
        for one in [*bodies, *(answer.get("content", {}) for answer in found["responses"].values())]:
            for said in one.values():
                check = jsonschema_rs.validator_for({**said["schema"], "components": DOCUMENT["components"]})
                shown = [said["example"]] if "example" in said else []
                shown += [each["value"] for each in said.get("examples", {}).values()]
                for value in shown:
                    assert [str(error) for error in check.iter_errors(value)] == [], route.name


def test_every_body_says_an_example_and_nothing_else_does() -> None:
    assert {kind(route) for route in WITH_BODY} <= BODIES.keys() <= set(DOCUMENT["components"]["schemas"])
    for route in WITH_BODY:
        assert "example" in content(route), route.name
    for name, shown in BODIES.items():
        schema = DOCUMENT["components"]["schemas"][name]
        assert set(shown.required) <= set(schema["required"]), name
        assert {*shown.members, *shown.example} <= set(schema["properties"]), name


def test_an_example_that_is_none_is_found() -> None:
    """The control."""
    schema = {"$ref": "#/components/schemas/CreateKeyBody", "components": DOCUMENT["components"]}
    assert not jsonschema_rs.validator_for(schema).is_valid({"name": "k", "role": "boss"})
    assert not jsonschema_rs.validator_for(schema).is_valid({"name": "k"})
