"""Each route of the list, put right once and wrong in every way that it can be."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from msgspec import structs

from domain.api_key import complete_key
from domain.caller import Role
from tests.api.asgi import Answer, ask
from tests.api.logs import InTurns, call, service
from tests.api.work import Client
from tests.contract.fault import Fault
from tests.contract.faults import FAULTS
from tests.contract.links import Link, is_dead, of_answer
from tests.contract.routes import ROUTES, STREAM, Route
from tests.contract.test_table import promised
from tests.contract.words import told as told_badly
from tests.contract.world import Wanted, World, by_name, done, fill, send, world
from tests.support.database import TestDatabase, copied_database

GUARDED = [route for route in ROUTES if not route.public]
OF_TENANTS = [route for route in GUARDED if not route.admin]
WITH_BODY = [route for route in ROUTES if route.body is not None]
WITH_ID = [route for route in GUARDED if any(place.startswith("$") for place in route.placeholders.values())]
CUSTODY = [route for route in ROUTES if "impersonation_refused" in promised(route)]
MUTATING = [route for route in GUARDED if route.mutates]
CASES = [(name, fault) for name, faults in FAULTS.items() for fault in faults]
CALLERS = {"agent": "implementer", "orchestrator": "orchestrator", "user": "user"}
BY_STORY = {
    *(f"POST /api/v1/stories/bulk/{name}" for name in ("claim", "verify", "reject", "mark-complete")),
    "POST /api/v1/epics/{epic_id}/verify-all",
}
"""Each story's part is kept by itself: tests/api/test_bulk.py."""
WRONG_KEY = complete_key("a" * 34)


def each(routes: list[Route]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("route", routes, ids=lambda route: route.name)


@pytest.fixture(scope="module")
async def copied(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as database:
        yield database


@pytest.fixture(scope="module")
async def here(copied: TestDatabase) -> AsyncIterator[World]:
    """Of two processes, which answer in turns: what one of them has written, the other must not need to know."""
    async with service(copied) as one, service(copied) as two:
        yield await world(structs.replace(one, app=InTurns(one.app, two.app)), copied)


@each([route for route in ROUTES if route.name != STREAM])
async def test_what_is_right_succeeds(here: World, route: Route) -> None:
    answer = await send(here.home, route, await fill(here.home, route))
    assert answer.status == route.success, answer.body
    assert await dead_links(here, answer) == []


@pytest.mark.parametrize(("name", "fault"), CASES, ids=lambda case: case if isinstance(case, str) else case.code)
async def test_what_cannot_be_is_refused_with_its_code(here: World, name: str, fault: Fault) -> None:
    answer = await send(here.home, *await faulty(here, by_name(name), fault))
    assert (answer.status, answer.error["code"]) == (fault.status, fault.code), answer.body
    assert answer.error["status"] == fault.status
    assert told_badly(answer.error) == []
    assert await dead_links(here, answer) == []


async def dead_links(here: World, answer: Answer) -> list[Link]:
    return [link for link in of_answer(answer) if await is_dead(here.service.app, link)]


async def faulty(world: World, route: Route, fault: Fault) -> tuple[Route, Any]:
    names, kind = list(route.placeholders), fault.state.removesuffix(".*")
    if fault.state == kind:
        ids = {name: f"${kind}" for name in names[:1] if kind}
    else:
        ids = {name: f"${kind}.{number}" for number, name in enumerate(names, 1)}
    changed = structs.replace(
        route,
        who=fault.who or route.who,
        ids={**route.ids, **ids},
        body=route.body if fault.body is None else fault.body,
        query={**route.query, **fault.query},
    )
    return changed, await fill(world.home, changed)


@each(GUARDED)
async def test_nobody_comes_in_without_a_key(here: World, route: Route) -> None:
    app, wanted = here.service.app, await fill(here.home, route)
    answer = await ask(app, wanted.path, method=route.method)
    assert (answer.status, answer.error["code"], answer.error["message"]) == (401, "unauthorized", "Unauthorized")
    answer = await call(app, WRONG_KEY, wanted.path, route.method, wanted.body)
    assert (answer.status, answer.error["code"], answer.error["message"]) == (401, "invalid_api_key", "Invalid API key")


@each(GUARDED)
async def test_a_role_that_may_not_is_told_which_may(here: World, route: Route) -> None:
    wanted = await fill(here.home, route)
    for role, caller in CALLERS.items():
        if may(route.access, Role(role)):
            continue
        answer = await send(here.home, route, wanted, here.home.caller(caller).raw)
        assert (answer.status, answer.error["code"]) == (403, "insufficient_role"), (role, answer.body)
        assert answer.error["message"] == told(route.access)


def may(access: str, role: Role) -> bool:
    if access.startswith("="):
        return role.value in access[1:].split(",")
    return access == "any" or role.rank >= Role(access[:-1]).rank


def told(access: str) -> str:
    """Spec 01, section 1.4."""
    if access.endswith("+"):
        return f"Insufficient permissions. Required role: {access[:-1]}"
    return f"This endpoint requires the {' or '.join(access[1:].split(','))} role"


@each([route for route in OF_TENANTS if route.name != STREAM])
async def test_a_superadmin_says_for_which_tenant_and_never_takes_part_in_custody(here: World, route: Route) -> None:
    wanted, root = await fill(here.home, route), here.home.root.raw
    answer = await send(here.home, route, wanted, root)
    assert (answer.status, answer.error["code"]) == (400, "tenant_context_required")
    inside = {"X_Impersonate_Tenant": str(here.home.team.user.tenant)}
    roles = [role for role in (*Role,) if may(route.access, role)]
    for role in roles:
        answer = await send(here.home, route, wanted, root, **inside, X_Effective_Role=role.value)
        refused = answer.status == 403 and answer.error["code"] == "impersonation_refused"
        # A key that takes steps of custody.
        of_agent = isinstance(route.body, dict) and {"agent_id", "role"} <= set(route.body)
        assert refused == (route in CUSTODY or of_agent), (role, answer.body)


@each(OF_TENANTS)
async def test_keys_of_a_suspended_tenant_are_refused(here: World, suspended: Client, route: Route) -> None:
    answer = await send(here.home, route, await fill(here.home, route), suspended.raw)
    assert (answer.status, answer.error["code"], answer.error["message"]) == (403, "tenant_inactive", "Access denied")


@pytest.fixture(scope="module")
async def suspended(here: World) -> Client:
    """The user of a tenant that was suspended."""
    user = here.away.caller("limited")
    await done(here.home.root.post(f"/admin/tenants/{user.tenant}/suspend"))
    return user


@each(WITH_BODY)
@pytest.mark.parametrize(
    ("kind", "body", "status", "code"),
    [
        ("application/json", b'{"a": 1', 400, "bad_request"),
        ("application/json", b'{"a": 1, "a": 2}', 400, "bad_request"),
        ("application/json", b'{"a": "\xff"}', 400, "bad_request"),
        ("application/json", b"[1]", 422, "validation_failed"),
        ("application/json", b'"text"', 422, "validation_failed"),
        ("text/plain", b"{}", 415, "unsupported_media_type"),
    ],
)
async def test_a_body_that_is_none_is_refused(
    here: World, route: Route, kind: str, body: bytes, status: int, code: str
) -> None:
    wanted = await fill(here.home, route)
    caller = "implementer" if route.who == "fresh_agent" else route.who
    headers = {"Authorization": f"Bearer {here.home.caller(caller).raw}", "Content-Type": kind}
    answer = await ask(here.service.app, wanted.path, method=route.method, headers=headers, body=body)
    assert (answer.status, answer.error["code"]) == (status, code), answer.body


@each(WITH_ID)
@pytest.mark.parametrize(
    "named", ["0193a2b4-ffff-7000-8000-00000000000f", "nothing", "00000000-0000-0000-0000-000000000000"]
)
async def test_what_is_not_there_is_not_found(here: World, route: Route, named: str) -> None:
    for name, place in route.placeholders.items():
        if place.startswith("$"):
            answer = await send(here.home, route, await fill(here.home, route, {f"path:{name}": named}))
            assert (answer.status, answer.error["code"], answer.error["message"]) == (404, "not_found", "Not found")


@each(MUTATING)
async def test_an_idempotency_key_is_for_one_request(here: World, route: Route) -> None:
    """Went red when a claim of the next story was decided anew although it had been answered."""
    caller = await here.home.fresh_agent() if route.who == "fresh_agent" else here.home.caller(route.who)
    wanted, used = await fill(here.home, route), f"key-{uuid4()}"
    first, again = [await send(here.home, route, wanted, caller.raw, Idempotency_Key=used) for _ in range(2)]
    assert (first.status, again.status) == (route.success, first.status), first.body
    if route.name in BY_STORY:
        return
    assert again.body == first.body
    answer = await send(here.home, *await another(here, route, wanted), caller.raw, Idempotency_Key=used)
    assert (answer.status, answer.error["code"]) == (422, "idempotency_key_reused"), answer.body


async def another(world: World, route: Route, wanted: Wanted) -> tuple[Route, Wanted]:
    """A request that differs from ``wanted``, in the same tenant."""
    if route.body is not None:
        return route, structs.replace(wanted, body={**wanted.body, "unknown": 1})
    if route.admin:  # the key is kept where the change is: in the tenant that the path names
        change = by_name("PATCH /api/v1/admin/tenants/{tenant_id}")
        return change, await fill(world.home, change, {"path:tenant_id": next(iter(wanted.filled.values()))})
    if "tenant_id" in route.placeholders or not route.placeholders:  # there is no other of its own
        change = by_name("PATCH /api/v1/tenants/me")
        return change, await fill(world.home, change)
    return route, await fill(world.home, route)
