"""Superadmins: routes of their own, and routes of a tenant in whose place they act."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.http.shell import Shell
from domain.tenant import CustodyHalted
from eventstore.log.lane import Store, Writer
from tests.api.logs import Service, call, service, tenant_with_key
from tests.api.superadmins import superadmin
from tests.api.team import key, worker
from tests.api.work import client, happen
from tests.support.database import TestDatabase, session

ADMIN = "/api/v1/admin/tenants"
ME = "/api/v1/tenants/me"


@pytest.fixture
async def running(database: TestDatabase) -> AsyncIterator[Service]:
    async with service(database) as started:
        yield started


@pytest.fixture
def app(running: Service) -> Shell:
    return running.app


@pytest.fixture
def store(running: Service) -> Store:
    return running.store


@pytest.fixture
async def root(database: TestDatabase) -> str:
    return (await superadmin(database))[1]


async def entries(store: Store, tenant: UUID) -> list[dict[str, Any]]:
    async with store.database.tenant_transaction(tenant) as tx:
        rows = await tx.fetch("SELECT entry FROM app.log_entry ORDER BY position")
    return [json.loads(row["entry"]) for row in rows]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ME), ("GET", "/api/v1/projects"), ("POST", "/api/v1/projects"), ("GET", "/api/v1/api_keys"),
     ("POST", "/api/v1/agents/register"), ("GET", f"/api/v1/agents/{UUID(int=5)}")],
)  # fmt: skip
async def test_without_a_tenant_a_superadmin_is_asked_for_one(app: Shell, root: str, method: str, path: str) -> None:
    for headers in ({}, {"X_Impersonate_Tenant": ""}, {"X_Effective_Role": "agent"}):
        answer = await call(app, root, path, method, {} if method == "POST" else None, **headers)
        assert (answer.status, answer.error["code"]) == (400, "tenant_context_required")


@pytest.mark.parametrize("named", ["x", str(UUID(int=5)), str(UUID(int=0)), "é"])
async def test_an_unknown_tenant_is_not_found(app: Shell, root: str, named: str) -> None:
    answer = await call(app, root, ME, X_Impersonate_Tenant=named)
    assert (answer.status, answer.error["message"]) == (404, "Tenant not found")


async def test_a_superadmin_acts_in_a_tenant_and_the_log_names_its_key(
    app: Shell, store: Store, database: TestDatabase
) -> None:
    key, root = await superadmin(database)
    tenant, _ = await tenant_with_key(store)
    shown = await call(app, root, ME, X_Impersonate_Tenant=str(tenant))
    slug = shown.json()["tenant"]["slug"]
    body = {"name": "a", "slug": "aa"}
    for role in (None, "user", "nonsense"):
        headers = {"X_Effective_Role": role} if role else {}
        made = await call(
            app, root, "/api/v1/projects", "POST", {**body, "slug": f"a-{role}".lower()},
            X_Impersonate_Tenant=str(tenant), **headers,
        )  # fmt: skip
        assert made.status == 201
    assert [entry["actor"] for entry in (await entries(store, tenant))[2:]] == [
        [f"superadmin_key:{key}", f"superadmin:impersonating:{slug}", f"effective_role:{role}"]
        for role in ("superadmin", "user", "superadmin")
    ]


async def test_the_role_that_was_taken_counts_for_every_check(app: Shell, store: Store, root: str) -> None:
    tenant, _ = await tenant_with_key(store)
    inside = {"X_Impersonate_Tenant": str(tenant), "X_Effective_Role": "agent"}
    refused = await call(app, root, "/api/v1/api_keys", **inside)
    assert (refused.status, refused.error["code"]) == (403, "insufficient_role")
    assert (await call(app, root, "/api/v1/api_keys", X_Impersonate_Tenant=str(tenant))).status == 200


async def test_nobody_else_impersonates(app: Shell, store: Store) -> None:
    (own, raw), (other, _) = await tenant_with_key(store), await tenant_with_key(store)
    answer = await call(app, raw, ME, X_Impersonate_Tenant=str(other), X_Effective_Role="agent")
    assert answer.json()["tenant"]["id"] == str(own)
    assert (await call(app, raw, "/api/v1/api_keys", X_Effective_Role="agent")).status == 200


async def test_nobody_gets_an_identity_in_another_name(database: TestDatabase, root: str) -> None:
    """Went red while a superadmin could make a user key there, and with it whatever confirms work."""
    async with service(database) as other:
        user = await client(other)
        agents: dict[str, str] = {}
        await worker(user, "ann", agents)
        spare = (await user.post("/api_keys", {"name": "k", "role": "user"})).json()["api_key"]["id"]
        new = await key(user, "agent")
        for by, role, method, path, body in (
            (new, "agent", "POST", "/agents/register", {"name": "ben", "agent_type": "implementer"}),
            (user, "user", "POST", "/api_keys", {"name": "k", "role": "user"}),
            (user, "user", "POST", f"/api_keys/{spare}/rotate", {}),
            (user, "user", "PATCH", f"/agents/{agents['ann']}", {"status": "idle"}),
        ):
            inside = {"X_Impersonate_Tenant": str(user.tenant), "X_Effective_Role": role}
            answer = await call(other.app, root, "/api/v1" + path, method, body, **inside)
            assert (answer.status, answer.error["code"]) == (403, "impersonation_refused"), path
            assert "a key of the tenant" in answer.error["message"]
            assert (await by.send(method, path, body)).status in (200, 201), path
        inside = {"X_Impersonate_Tenant": str(user.tenant)}
        assert (await call(other.app, root, f"/api/v1/api_keys/{spare}", "DELETE", **inside)).status == 200


async def test_a_superadmins_revoked_key_opens_nothing(app: Shell, root: str, database: TestDatabase) -> None:
    assert (await call(app, root, ADMIN)).status == 200
    async with session(database.admin_url) as connection:
        await connection.execute("UPDATE app.superadmin_key SET revoked_at = now()")
    assert (await call(app, root, ADMIN)).error["code"] == "invalid_api_key"


@pytest.mark.parametrize("role", ["agent", "orchestrator", "user"])
async def test_the_admins_routes_are_for_superadmins_alone(app: Shell, store: Store, role: str) -> None:
    tenant, raw = await tenant_with_key(store, role)
    for method, path in (
        ("GET", ADMIN), ("GET", f"{ADMIN}/{tenant}"), ("PATCH", f"{ADMIN}/{tenant}"), ("GET", "/api/v1/admin/stats"),
        ("POST", f"{ADMIN}/{tenant}/suspend"), ("POST", f"{ADMIN}/{tenant}/activate"),
    ):  # fmt: skip
        answer = await call(app, raw, path, method, {} if method == "PATCH" else None)
        assert (answer.status, answer.error["code"]) == (403, "insufficient_role")


async def test_on_the_admins_routes_a_taken_role_counts_nothing(app: Shell, store: Store, root: str) -> None:
    tenant, _ = await tenant_with_key(store)
    inside = {"X_Impersonate_Tenant": str(tenant), "X_Effective_Role": "agent"}
    assert (await call(app, root, ADMIN, **inside)).status == 200


async def test_tenants_are_listed_by_name_with_what_is_in_them(app: Shell, store: Store, root: str) -> None:
    tenant, raw = await tenant_with_key(store)
    await tenant_with_key(store, "agent")
    await call(app, raw, ME, "PATCH", {"name": "50%_off\\", "email": "a@b.example"})
    await call(app, raw, "/api/v1/projects", "POST", {"name": "a", "slug": "aa"})
    found = (await call(app, root, ADMIN)).json()
    assert [each["name"] for each in found["data"]] == ["50%_off\\", "Acme"]
    assert found["meta"]["total_count"] == 2
    first = found["data"][0]
    assert (first["email"], first["project_count"], first["api_key_count"], first["agent_count"]) == (
        "a@b.example", 1, 1, 0,
    )  # fmt: skip
    for query, names in (
        ("search=%25_O", 1), ("search=%5C", 1), ("search=A_ME", 0), ("search=acme-", 2), ("status=suspended", 0),
        ("page=2&page_size=1", 1), ("page=5", 0),
    ):  # fmt: skip
        assert len((await call(app, root, f"{ADMIN}?{query}")).json()["data"]) == names, query
    shown = (await call(app, root, f"{ADMIN}/{tenant}")).json()["tenant"]
    assert (shown["epic_count"], shown["settings"]) == (0, {})
    assert (await call(app, root, f"{ADMIN}/{uuid4()}")).status == 404


async def test_a_halt_of_custody_is_listed_and_counted(app: Shell, store: Store, root: str) -> None:
    halted, _ = await tenant_with_key(store)
    await tenant_with_key(store)
    await happen(Writer(store), halted, "tenant", halted, CustodyHalted(reason="self_attempt"))
    listed = (await call(app, root, ADMIN)).json()["data"]
    assert {each["id"] for each in listed if each["custody_halted_at"]} == {str(halted)}
    assert (await call(app, root, "/api/v1/admin/stats")).json()["stats"]["tenants_halted"] == 1


async def test_suspension_stops_every_key_at_once_and_is_an_event(app: Shell, store: Store, root: str) -> None:
    tenant, raw = await tenant_with_key(store)
    path = f"{ADMIN}/{tenant}"
    assert (await call(app, raw, ME)).status == 200
    suspended = await call(app, root, f"{path}/suspend", "POST")
    assert (suspended.status, suspended.json()["tenant"]["status"]) == (200, "suspended")
    refused = await call(app, raw, ME)
    assert (refused.status, refused.error["code"], refused.error["message"]) == (
        403, "tenant_inactive", "Access denied",
    )  # fmt: skip
    assert (await call(app, root, ME, X_Impersonate_Tenant=str(tenant))).status == 200
    again = await call(app, root, f"{path}/suspend", "POST")
    assert (again.status, again.error["message"]) == (422, "Tenant is already suspended")
    assert (await call(app, root, f"{path}/activate", "POST")).json()["tenant"]["status"] == "active"
    assert (await call(app, root, f"{path}/activate", "POST")).error["message"] == "Tenant is already active"
    assert (await call(app, raw, ME)).status == 200
    last = (await entries(store, tenant))[-2:]
    assert [entry["type"] for entry in last] == ["tenant.suspended", "tenant.activated"]
    assert last[0]["actor"][1] == "superadmin:Ann"


async def test_a_superadmin_raises_limits_and_a_tenant_stays_below_them(app: Shell, store: Store, root: str) -> None:
    tenant, raw = await tenant_with_key(store)
    raised = await call(app, root, f"{ADMIN}/{tenant}", "PATCH", {"settings": {"max_api_keys": 500}})
    assert (raised.status, raised.json()["tenant"]["settings"]) == (200, {"max_api_keys": 500})
    beyond = await call(app, root, f"{ADMIN}/{tenant}", "PATCH", {"settings": {"max_api_keys": 10_001}})
    assert beyond.status == 422
    assert (await call(app, raw, ME, "PATCH", {"settings": {"max_api_keys": 501}})).status == 422
    assert (await call(app, raw, ME, "PATCH", {"settings": {"max_api_keys": 400}})).status == 200
    assert (await call(app, root, f"{ADMIN}/{uuid4()}", "PATCH", {})).status == 404


async def test_a_superadmin_does_not_weaken_custody(app: Shell, store: Store, root: str) -> None:
    tenant, raw = await tenant_with_key(store)
    path = f"{ADMIN}/{tenant}"
    for name, strong, weak in (
        ("require_distinct_verifier", True, False), ("lineage_policy", "strict", "ancestry"),
    ):  # fmt: skip
        assert (await call(app, root, path, "PATCH", {"settings": {name: strong}})).status == 200
        refused = await call(app, root, path, "PATCH", {"settings": {name: weak}})
        assert (refused.status, refused.error["code"]) == (403, "forbidden")
        assert (await call(app, raw, ME, "PATCH", {"settings": {name: weak}})).status == 200


async def test_the_figures_are_those_of_all_tenants(app: Shell, store: Store, root: str) -> None:
    for _ in range(2):
        _, raw = await tenant_with_key(store, "agent")
        await call(app, raw, "/api/v1/agents/register", "POST", {"name": "w", "agent_type": "implementer"})
    stopped, raw = await tenant_with_key(store)
    await call(app, raw, "/api/v1/projects", "POST", {"name": "a", "slug": "aa"})
    await call(app, root, f"{ADMIN}/{stopped}/suspend", "POST")
    stats = (await call(app, root, "/api/v1/admin/stats")).json()["stats"]
    assert {name: stats[name] for name in stats if name.startswith("t") and stats[name]} == {
        "total_tenants": 3, "tenants_active": 2, "tenants_suspended": 1, "total_projects": 1, "total_agents": 2,
        "total_api_keys": 3,
    }  # fmt: skip
    assert stats["stories_by_agent_status"] == dict.fromkeys(
        ("pending", "contracted", "assigned", "implementing", "reported_done"), 0
    )
    assert stats["active_agents"] == 2


async def test_in_a_tenant_s_name_nothing_is_brought_in_as_done(
    app: Shell, store: Store, database: TestDatabase
) -> None:
    (tenant, _), (_, root) = await tenant_with_key(store), await superadmin(database)
    inside = {"X_Impersonate_Tenant": str(tenant), "X_Effective_Role": "user"}
    made = await call(app, root, "/api/v1/projects", "POST", {"name": "p", "slug": "p-p"}, **inside)
    assert made.status == 201
    story = {"number": "1.1", "title": "s"}
    for more, status in (
        ({"initial_verified_status": "pass"}, 422), ({"initial_agent_status": "reported_done"}, 422), ({}, 201),
    ):  # fmt: skip
        body = {"epics": [{"number": 1, "title": "e", "stories": [{**story, **more}]}]}
        answer = await call(app, root, "/api/v1/projects/p-p/import", "POST", body, **inside)
        assert answer.status == status, answer.body
