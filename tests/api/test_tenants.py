"""/api/v1/tenants/me: what is shown, what can be changed by whom, what the log then holds."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from api.http.shell import Shell
from config.settings import Settings
from domain.tenant_settings import NOT_BUILT, TenantSettings
from eventstore.log.lane import Store
from tests.api.logs import Service, call, service, tenant_with_key
from tests.api.superadmins import superadmin
from tests.house.tree import sources
from tests.support.database import TestDatabase, copied_database

ME = "/api/v1/tenants/me"


@pytest.fixture(scope="module")
async def shared(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as copied:
        yield copied


@pytest.fixture
async def running(shared: TestDatabase) -> AsyncIterator[Service]:
    async with service(shared) as started:
        yield started


@pytest.fixture
def app(running: Service) -> Shell:
    return running.app


@pytest.fixture
def store(running: Service) -> Store:
    return running.store


@pytest.mark.parametrize("role", ["agent", "orchestrator", "user"])
async def test_every_role_sees_its_tenant(app: Shell, store: Store, role: str) -> None:
    tenant, raw = await tenant_with_key(store, role)
    answer = await call(app, raw, ME)
    shown, key = answer.json()["tenant"], answer.json()["api_key"]
    assert (key["role"], sorted(key)) == (role, ["agent_id", "id", "name", "role"])
    assert (answer.status, shown.pop("slug")[:5]) == (200, "acme-")
    assert shown == {
        "id": str(tenant), "name": "Acme", "email": None, "settings": {}, "status": "active",
        "token_data_retention_days": None, "default_story_budget_millicents": None, "custody_halted_at": None,
        "has_audit_key": True, "inserted_at": "2026-03-27T12:00:00.000000Z",
        "updated_at": "2026-03-27T12:00:00.000000Z",
    }  # fmt: skip


async def test_settings_are_merged_key_by_key(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    await call(app, raw, ME, "PATCH", {"settings": {"max_projects": 3, "color": {"a": [1.5]}}})
    answer = await call(app, raw, ME, "PATCH", {"settings": {"max_projects": 4, "timezone": "UTC"}, "name": " New "})
    assert answer.json()["tenant"]["settings"] == {"color": {"a": [1.5]}, "max_projects": 4, "timezone": "UTC"}
    assert answer.json()["tenant"] == (await call(app, raw, ME)).json()["tenant"]
    assert answer.json()["tenant"]["name"] == "New"


async def test_what_changes_nothing_records_nothing(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    body = {"settings": {"max_projects": 3}, "email": "A@x.example"}
    assert "loopctl-position" in (await call(app, raw, ME, "PATCH", body)).headers
    assert "loopctl-position" not in (await call(app, raw, ME, "PATCH", {**body, "name": None})).headers


async def test_the_two_numbers_are_taken_back_with_null(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    names = ("default_story_budget_millicents", "token_data_retention_days")
    for numbers in ((5, 30), (None, None)):
        answer = await call(app, raw, ME, "PATCH", dict(zip(names, numbers, strict=True)))
        assert tuple(answer.json()["tenant"][name] for name in names) == numbers


@pytest.mark.parametrize(
    ("body", "field", "problem"),
    [
        ({"settings": [1]}, "settings", "must be a map"),
        ({"settings": {"auto_reset_on_rejection": "yes"}}, "settings.auto_reset_on_rejection",
         "is invalid: must be true or false"),
        ({"settings": {"rate_limit_requests_per_minute": "abc"}}, "settings.rate_limit_requests_per_minute",
         "is invalid: must be a whole number from 1 to 1000000"),
        ({"settings": {"rate_limit_requests_per_minute": 0}}, "settings.rate_limit_requests_per_minute",
         "must be greater than 0"),
        ({"settings": {"rate_limit_requests_per_minute": 6001}}, "settings.rate_limit_requests_per_minute",
         "must be less than or equal to 6000"),
        ({"settings": {"max_projects": True}}, "settings.max_projects",
         "is invalid: must be a whole number from 1 to 10000"),
        ({"settings": {"lineage_policy": "none"}}, "settings.lineage_policy",
         "is invalid: must be one of agent, ancestry, strict"),
        ({"settings": {"require_distinct_verifer": True}}, "settings.require_distinct_verifer",
         "is not known: perhaps require_distinct_verifier"),
        ({"settings": {"onboarding": 1}}, "settings.onboarding", "must be a map"),
        ({"name": " "}, "name", "can't be blank"),
        ({"name": "x" * 121}, "name", "should be at most 120 character(s)"),
        ({"slug": "another"}, "slug", "can't be changed"),
        ({"email": "nobody"}, "email", "has invalid format: must be like name@example.org"),
        ({"token_data_retention_days": 29}, "token_data_retention_days", "must be at least 30 days"),
        ({"default_story_budget_millicents": 0}, "default_story_budget_millicents", "must be greater than 0"),
        ({"default_story_budget_millicents": "1"}, "default_story_budget_millicents",
         "is invalid: must be a whole number"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named(app: Shell, store: Store, body: Any, field: str, problem: str) -> None:
    _, raw = await tenant_with_key(store)
    answer = await call(app, raw, ME, "PATCH", body)
    assert (answer.status, answer.error["code"], answer.error["details"]) == (
        422, "validation_failed", {field: [problem]},
    )  # fmt: skip
    assert (await call(app, raw, ME)).json()["tenant"]["settings"] == {}


@pytest.mark.parametrize("name", NOT_BUILT)
async def test_a_setting_that_nothing_enforces_is_refused_and_its_value_in_effect_is_not(
    app: Shell, store: Store, name: str
) -> None:
    """Went red while each was stored, shown back, and heeded by nothing."""
    _, raw = await tenant_with_key(store)
    for value in (True, 3, "required"):
        answer = await call(app, raw, ME, "PATCH", {"name": "New", "settings": {name: value, "max_projects": 4}})
        assert (answer.status, answer.error["code"]) == (422, "not_built")
        assert answer.error["details"].keys() == {f"settings.{name}"}
    tenant = (await call(app, raw, ME)).json()["tenant"]
    assert (tenant["name"], tenant["settings"]) == ("Acme", {})
    if NOT_BUILT[name] is not None:
        assert (await call(app, raw, ME, "PATCH", {"settings": {name: NOT_BUILT[name]}})).status == 200


def test_each_setting_is_heeded_by_somebody_or_not_built() -> None:
    """The code that reads it names it; went red for eight of them."""
    product = [source for source in sources(".py") if source.package in ("api", "domain", "projections", "workers")]
    readers = [source.text for source in product if not source.name.endswith("tenant_settings.py")]
    for name in TenantSettings.__struct_fields__:
        assert any(f".{name}" in text for text in readers), name


RATE = "rate_limit_requests_per_minute"


async def test_a_tenant_sets_its_rate_limit_up_to_the_operators_ceiling(database: TestDatabase) -> None:
    """And no higher than a superadmin has set it before."""
    async with service(database, settings=Settings(rate_limit_ceiling=1000)) as running:
        tenant, raw = await tenant_with_key(running.store)
        _, root = await superadmin(database)
        for limit, status in ((1, 200), (1000, 200), (1001, 422), (300, 200)):
            answer = await call(running.app, raw, ME, "PATCH", {"settings": {RATE: limit}})
            assert answer.status == status
        refused = await call(running.app, raw, ME, "PATCH", {"settings": {RATE: 1001}})
        assert refused.error["details"] == {f"settings.{RATE}": ["must be less than or equal to 1000"]}
        await call(running.app, root, f"/api/v1/admin/tenants/{tenant}", "PATCH", {"settings": {RATE: 50_000}})
        for limit, status in ((50_001, 422), (50_000, 200), (1000, 200), (1001, 422)):
            assert (await call(running.app, raw, ME, "PATCH", {"settings": {RATE: limit}})).status == status


@pytest.mark.parametrize("role", ["agent", "orchestrator"])
async def test_below_user_nobody_changes_it(app: Shell, store: Store, role: str) -> None:
    _, raw = await tenant_with_key(store, role)
    answer = await call(app, raw, ME, "PATCH", {"name": "x"})
    assert (answer.status, answer.error["code"]) == (403, "insufficient_role")


async def test_an_address_belongs_to_one_tenant_and_is_in_no_log(app: Shell, store: Store) -> None:
    tenant, raw = await tenant_with_key(store)
    _, other = await tenant_with_key(store)
    assert (await call(app, raw, ME, "PATCH", {"email": "Ops@Acme.Example"})).json()["tenant"]["email"] == (
        "ops@acme.example"
    )
    taken = await call(app, other, ME, "PATCH", {"email": "OPS@acme.example", "name": "Other"})
    assert (taken.status, taken.error["details"]) == (422, {"email": ["has already been taken"]})
    assert (await call(app, other, ME)).json()["tenant"]["name"] == "Acme", "the refused change left nothing"
    async with store.database.tenant_transaction(tenant) as tx:
        log = b"".join(row["entry"] for row in await tx.fetch("SELECT entry FROM app.log_entry"))
    assert b'"email_changed":true' in log
    assert b"example" not in log.lower()


async def test_the_project_limit_is_the_tenants(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    await call(app, raw, ME, "PATCH", {"settings": {"max_projects": 1}})
    first = await call(app, raw, "/api/v1/projects", "POST", {"name": "a", "slug": "aa"})
    second = await call(app, raw, "/api/v1/projects", "POST", {"name": "b", "slug": "bb"})
    assert (first.status, second.status, second.error["code"]) == (201, 422, "limit_reached")


async def test_each_tenant_sees_itself(app: Shell, store: Store) -> None:
    (one, raw), (two, other) = await tenant_with_key(store), await tenant_with_key(store)
    shown = [msgspec.json.decode((await call(app, key, ME)).body)["tenant"]["id"] for key in (raw, other)]
    assert shown == [str(one), str(two)]
