"""Another tenant's id is as good as one that nobody has, wherever it stands in a request (spec 06, T20 to T22, B3).

Each case runs twice: with our statements as they are, and with the tenant taken out of them, so that nothing but row
security is left.
"""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec import Struct

from eventstore.database.transaction import Database
from projections.queries.story_lists import shown_version
from tests.api.asgi import Answer
from tests.api.logs import service
from tests.contract.routes import ROUTES, STREAM, Route
from tests.contract.stripped import IN_FUNCTION, STATEMENTS, StrippedDatabase, strip_functions, stripped
from tests.contract.world import USED_ONCE, Side, World, by_name, fill, send, world
from tests.support.database import TestDatabase, copied_database, session

VALUES = ("$number", "$name", "$integer", "$signed_note")
NO_SECURITY = "ALTER TABLE app.{table} DISABLE ROW LEVEL SECURITY"
NEW = re.compile(r'"request_id":"[^"]*"|"number":"[^"]*"|"sort_key":\d+')
LOG_SIZE = "SELECT count(*) FROM app.log_entry"


def places(route: Route) -> list[str]:
    """Where ids stand in the route's request, as ``Wanted.filled`` names them."""
    found = [f"path:{name}" for name, value in route.placeholders.items() if value.startswith("$")]
    found += [f"query:{name}" for name, value in route.query.items() if value.startswith("$")]
    return found + list(_in_body("body", route.body))


def _in_body(place: str, value: Any) -> list[str]:
    if isinstance(value, dict):
        return [found for name, each in value.items() for found in _in_body(f"{place}.{name}", each)]
    if isinstance(value, list):
        return [found for number, each in enumerate(value) for found in _in_body(f"{place}.{number}", each)]
    if not isinstance(value, str) or not value.startswith("$") or value in VALUES:
        return []
    return [] if value.partition(".")[0] in USED_ONCE else [place]


CASES = [
    (route, place)
    for route in ROUTES
    if not route.public and not route.admin and route.name != STREAM
    for place in places(route)
]  # a superadmin is in no tenant, and what is public is everybody's


class Isolated(Struct, frozen=True):
    database: TestDatabase
    world: World


@pytest.fixture(scope="module", params=[Database, StrippedDatabase], ids=["as it is", "stripped"])
async def two(request: Any, postgres_admin_url: str, database_template: str) -> AsyncIterator[Isolated]:
    async with copied_database(postgres_admin_url, database_template) as copied, AsyncExitStack() as running:
        if request.param is StrippedDatabase:
            await strip_functions(copied)
        started = await running.enter_async_context(service(copied, connect=request.param.connect))
        yield Isolated(copied, await world(started, copied))


@pytest.mark.parametrize(("route", "place"), CASES, ids=[f"{route.name} {place}" for route, place in CASES])
async def test_another_tenant_s_id_is_as_good_as_none(two: Isolated, route: Route, place: str) -> None:
    """Goes red without row security on one table: below."""
    home, away = two.world.home, two.world.away
    foreign, nobodys = (await fill(away, route)).filled[place], str(uuid4())
    before = await size(away)
    theirs = await answered(home, route, place, foreign)
    assert theirs == await answered(home, route, place, nobodys)
    assert str(away.team.user.tenant) not in theirs
    assert await size(away) == before


async def answered(side: Side, route: Route, place: str, id_: str) -> str:
    """Status, names of headers and body, apart from what is different in each request."""
    wanted = await fill(side, route, {place: id_})
    return alike(await send(side, route, wanted), wanted.filled)


def alike(answer: Answer, filled: dict[str, str]) -> str:
    text = NEW.sub("", answer.body.decode())
    for place, id_ in filled.items():
        text = text.replace(id_, place)
    names = answer.headers.keys() - {"loopctl-head", "x-loopctl-current-sth"}  # from the first signed head on
    return f"{answer.status} {sorted(names)} {text}"


async def size(side: Side) -> int:
    async with side.team.user.service.store.database.tenant_transaction(side.team.user.tenant) as tx:
        return int(await tx.fetchval(LOG_SIZE))


@pytest.mark.parametrize("path", ["/projects", "/stories", "/agents", "/api_keys", "/stories/ready"])
async def test_lists_hold_nothing_of_another_tenant(two: Isolated, path: str) -> None:
    home, away = two.world.home, two.world.away
    project = away.project if path.startswith("/stories") else None
    await away.make("story")
    answer = await home.team.user.get(path + (f"?project_id={home.project}" if project else "?page_size=100"))
    assert answer.status == 200
    assert str(away.team.user.tenant).encode() not in answer.body
    assert away.project.encode() not in answer.body


@pytest.mark.parametrize(
    ("name", "table"),
    [("GET /api/v1/epics/{epic_id}", "epic"), ("GET /api/v1/projects/{project}", "project"),
     ("DELETE /api/v1/api_keys/{key_id}", "api_key"), ("PATCH /api/v1/agents/{agent_id}", "agent")],
)  # fmt: skip
async def test_the_control_a_table_without_row_security_shows_another_tenant_s_rows(
    database: TestDatabase, name: str, table: str
) -> None:
    route = by_name(name)
    await strip_functions(database)
    async with service(database, connect=StrippedDatabase.connect) as started:
        there = await world(started, database)
        async with session(database.migrator_url) as connection:
            await connection.execute("SET ROLE loopctl_owner")
            await connection.execute(NO_SECURITY.format(table=table))
        (place,) = places(route)
        foreign = (await fill(there.away, route)).filled[place]
        theirs = await answered(there.home, route, place, foreign)
        assert theirs != await answered(there.home, route, place, str(uuid4()))


async def test_the_control_a_function_without_row_security_reads_another_tenant_s_rows(database: TestDatabase) -> None:
    await strip_functions(database)
    async with service(database) as started:
        there = await world(started, database)
        story, tenant = UUID(await there.away.make("story")), there.home.team.user.tenant
        assert await shown_version(started.store.database.ask_tenant, tenant, story) is None
        async with session(database.migrator_url) as connection:
            await connection.execute("SET ROLE loopctl_owner")
            await connection.execute(NO_SECURITY.format(table="story"))
        assert await shown_version(started.store.database.ask_tenant, tenant, story) is not None


async def test_statements_lose_every_mention_of_the_tenant(database: TestDatabase) -> None:
    assert len(STATEMENTS) > 40, "nothing was stripped"
    await strip_functions(database)
    lost = [IN_FUNCTION.sub("true", stripped(query)) for query in STATEMENTS]
    left = [query for query in lost if re.search(r"tenant_id = (\$|tenant\b|\w+\.)", query)]
    assert left == []
