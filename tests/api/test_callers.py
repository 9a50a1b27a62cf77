"""Callers that are remembered: fast, and never at the price of a key that works too long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from api.http.shell import Shell
from eventstore.callers.caller_cache import MOST_CALLERS, CallerCache
from eventstore.callers.callers import UnknownKey
from tests.api.limiters import limiter
from tests.api.logs import NOON, PEPPERS, Service, call, service, tenant_with_key
from tests.api.superadmins import superadmin
from tests.support.database import TestDatabase

LONG = 3600.0
"""Much longer than in production, so that what is forgotten was forgotten on purpose."""

ME = "/api/v1/tenants/me"
KEYS = "/api/v1/api_keys"
PROJECTS = "/api/v1/projects"


@pytest.fixture
async def here(log_of_module: TestDatabase) -> AsyncIterator[Service]:
    async with service(log_of_module, remember_seconds=LONG) as started:
        yield started


@pytest.fixture
async def elsewhere(log_of_module: TestDatabase) -> AsyncIterator[Service]:
    """Another process on the same database."""
    async with service(log_of_module, remember_seconds=LONG) as started:
        yield started


async def key_of(app: Shell, raw: str, role: str = "user") -> tuple[str, str]:
    made = (await call(app, raw, KEYS, "POST", {"name": "x", "role": role})).json()["api_key"]
    return made["id"], made["raw_key"]


async def test_a_caller_is_looked_up_once(here: Service) -> None:
    _, raw = await tenant_with_key(here.store)
    first = await here.callers.find(raw, NOON)
    assert await here.callers.find(raw, NOON) is first


async def test_a_revoked_key_is_refused_with_its_next_request_here_and_in_a_fresh_process(
    here: Service, elsewhere: Service
) -> None:
    _, raw = await tenant_with_key(here.store)
    key_id, key = await key_of(here.app, raw)
    assert (await call(here.app, key, ME)).status == 200, "and is remembered"
    await call(here.app, raw, f"{KEYS}/{key_id}", "DELETE")
    for process in (here, elsewhere):
        assert (await call(process.app, key, ME)).error["code"] == "invalid_api_key"


async def test_a_revoked_key_that_another_process_remembers_writes_nothing(here: Service, elsewhere: Service) -> None:
    _, raw = await tenant_with_key(here.store)
    key_id, key = await key_of(here.app, raw)
    assert (await call(elsewhere.app, key, ME)).status == 200
    await call(here.app, raw, f"{KEYS}/{key_id}", "DELETE")
    assert (await call(elsewhere.app, key, ME)).status == 200, "it does remember"
    answer = await call(elsewhere.app, key, PROJECTS, "POST", {"name": "a", "slug": "aa"}, Idempotency_Key="one")
    assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")
    assert (await call(here.app, raw, PROJECTS)).json()["data"] == []


async def test_without_the_look_at_the_head_it_would_write(
    here: Service, elsewhere: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.commands.check_caller", lambda *_: None)
    _, raw = await tenant_with_key(here.store)
    key_id, key = await key_of(here.app, raw)
    await call(elsewhere.app, key, ME)
    await call(here.app, raw, f"{KEYS}/{key_id}", "DELETE")
    assert (await call(elsewhere.app, key, PROJECTS, "POST", {"name": "a", "slug": "aa"})).status == 201


async def test_a_suspended_tenant_that_another_process_remembers_writes_nothing_and_may_retry_later(
    here: Service, elsewhere: Service, log_of_module: TestDatabase
) -> None:
    _, root = await superadmin(log_of_module)
    tenant, raw = await tenant_with_key(here.store)
    assert (await call(elsewhere.app, raw, ME)).status == 200
    path = f"/api/v1/admin/tenants/{tenant}"
    await call(here.app, root, f"{path}/suspend", "POST")
    body = {"name": "a", "slug": "aa"}
    refused = await call(elsewhere.app, raw, PROJECTS, "POST", body, Idempotency_Key="one")
    assert (refused.status, refused.error["code"]) == (403, "tenant_inactive")
    await call(here.app, root, f"{path}/activate", "POST")
    retried = await call(elsewhere.app, raw, PROJECTS, "POST", body, Idempotency_Key="one")
    assert retried.status == 201, "a refusal of the caller is not kept under the key of the request"


async def test_a_key_that_has_expired_since_it_was_remembered_writes_nothing(here: Service) -> None:
    _, raw = await tenant_with_key(here.store)
    key_id, key = await key_of(here.app, raw)
    assert (await call(here.app, key, ME)).status == 200
    await call(here.app, raw, f"{KEYS}/{key_id}/rotate", "POST", {"grace_period_hours": 0})
    assert (await call(here.app, key, PROJECTS, "POST", {"name": "a", "slug": "aa"})).status == 401


async def test_an_agent_is_itself_in_every_process_right_after_it_registered(here: Service, elsewhere: Service) -> None:
    _, raw = await tenant_with_key(here.store, "agent")
    assert (await elsewhere.callers.find(raw, NOON)).agent_id is None
    await call(here.app, raw, "/api/v1/agents/register", "POST", {"name": "w", "agent_type": "implementer"})
    for process in (here, elsewhere):
        assert (await process.callers.find(raw, NOON)).agent_id is not None


async def test_what_was_read_before_a_revocation_is_not_remembered_after_it(here: Service) -> None:
    """The look-up is under way while the revocation is committed."""
    tenant, raw = await tenant_with_key(here.store)
    finding = asyncio.create_task(here.callers.find(raw, NOON))
    await asyncio.sleep(0)
    here.callers.forget(tenant)
    first = await finding
    assert await here.callers.find(raw, NOON) is not first


async def test_a_caller_is_forgotten_after_its_time(here: Service) -> None:
    now = [0.0]
    callers = CallerCache(here.store.database, PEPPERS, lambda: now[0])
    _, raw = await tenant_with_key(here.store)
    first = await callers.find(raw, NOON)
    now[0] = 0.9
    assert await callers.find(raw, NOON) is first
    now[0] = 1.1
    assert await callers.find(raw, NOON) is not first


async def test_no_more_callers_are_remembered_than_there_is_room_for(here: Service) -> None:
    _, raw = await tenant_with_key(here.store)
    first = await here.callers.find(raw, NOON)
    for number in range(MOST_CALLERS):
        here.callers._keep(number.to_bytes(32), 1e12, first)
    assert await here.callers.find(raw, NOON) is not first


async def test_neither_unknown_keys_nor_superadmins_are_remembered(here: Service, log_of_module: TestDatabase) -> None:
    _, root = await superadmin(log_of_module)
    await here.callers.find(root, NOON)
    found: Any = here.callers._found
    with pytest.raises(UnknownKey):
        await here.callers.find("lc_nothing", NOON)
    assert len(found) == 0


async def test_a_refusal_is_right_as_of_now_when_another_process_has_moved_the_log(
    here: Service, elsewhere: Service
) -> None:
    """Went red while only a batch that writes noticed that the head had moved."""
    _, raw = await tenant_with_key(here.store)
    await call(here.app, raw, ME, "PATCH", {"settings": {"max_projects": 1}})
    await call(here.app, raw, PROJECTS, "POST", {"name": "a", "slug": "aa"})
    body = {"name": "b", "slug": "bb"}
    assert (await call(elsewhere.app, raw, PROJECTS, "POST", body)).error["code"] == "limit_reached"
    await call(here.app, raw, f"{PROJECTS}/aa", "DELETE")
    assert (await call(elsewhere.app, raw, PROJECTS, "POST", body)).status == 201


@pytest.fixture
async def two_processes(log_of_module: TestDatabase, redis_url: str) -> AsyncIterator[tuple[Service, Service]]:
    """As in production: each remembers callers, and Redis counts for both."""
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(2):
            shared = await stack.enter_async_context(limiter(redis_url))
            made.append(
                await stack.enter_async_context(
                    service(
                        log_of_module,
                        remember_seconds=LONG,
                        check_rate=shared.check,
                        callers_changed=shared.mark_changed,
                    )
                )
            )
        yield made[0], made[1]


@pytest.mark.parametrize("change", ["revoked", "suspended"])
async def test_a_change_of_keys_is_seen_with_the_next_request_in_every_process(
    two_processes: tuple[Service, Service], log_of_module: TestDatabase, change: str
) -> None:
    here, elsewhere = two_processes
    _, root = await superadmin(log_of_module)
    tenant, raw = await tenant_with_key(here.store)
    key_id, key = await key_of(here.app, raw)
    for _ in range(3):
        assert (await call(elsewhere.app, key, ME)).status == 200, "and is remembered"
    assert await elsewhere.callers.find(key, NOON) is await elsewhere.callers.find(key, NOON)
    if change == "revoked":
        await call(here.app, raw, f"{KEYS}/{key_id}", "DELETE")
    else:
        await call(here.app, root, f"/api/v1/admin/tenants/{tenant}/suspend", "POST")
    assert (await call(elsewhere.app, key, ME)).error["code"] == (
        "invalid_api_key" if change == "revoked" else "tenant_inactive"
    )


async def test_another_limit_holds_from_the_next_request_on_in_every_process(
    two_processes: tuple[Service, Service],
) -> None:
    """Red while the request that brought the news was itself judged by the old limit, and counted twice."""
    here, elsewhere = two_processes
    _, raw = await tenant_with_key(here.store)
    _, key = await key_of(here.app, raw)
    told = []
    for limit, calls in ((5, 3), (7, 3), (2, 2)):
        await call(here.app, raw, ME, "PATCH", {"settings": {"rate_limit_requests_per_minute": limit}})
        for _ in range(calls):
            answer = await call(elsewhere.app, key, ME)
            named = (answer.headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining"))
            told.append((answer.status, *map(int, named)))
    assert told == [
        (200, 5, 4), (200, 5, 3), (200, 5, 2), (200, 7, 3), (200, 7, 2), (200, 7, 1), (429, 2, 0), (429, 2, 0),
    ]  # fmt: skip
