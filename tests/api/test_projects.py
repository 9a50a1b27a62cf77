"""POST /api/v1/projects: who may, what is answered, and what the log then holds."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.http.shell import Shell
from domain.api_key import complete_key
from eventstore.log.lane import Store
from tests.api.asgi import JSON, ask
from tests.api.logs import PEPPERS, WHOLE, Service, create, service, tenant_with_key
from tests.support.database import TestDatabase, copied_database


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


async def test_a_project_is_answered_with_every_member_and_its_place_in_the_log(app: Shell, store: Store) -> None:
    tenant, raw = await tenant_with_key(store)
    answer = await create(app, raw, {**WHOLE, "mission": "  go  ", "metadata": {"a": 1}, "unknown": True})
    project = answer.json()["project"]
    UUID(project.pop("id"))
    assert (answer.status, answer.headers["loopctl-position"]) == (201, "2")
    assert project == {
        "tenant_id": str(tenant), "name": "My App", "slug": "my-app", "repo_url": None, "description": None,
        "tech_stack": None, "status": "active", "mission": "go", "metadata": {"a": 1},
        "inserted_at": "2026-03-27T12:00:00.000000Z", "updated_at": "2026-03-27T12:00:00.000000Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({}, {"name": ["can't be blank"], "slug": ["can't be blank"]}),
        ({"name": " ", "slug": "ok-slug"}, {"name": ["can't be blank"]}),
        (
            {"name": "x", "slug": "Not Good"},
            {"slug": ["has invalid format: 2 to 63 of a-z, 0-9 and -, with a letter or a digit at both ends"]},
        ),
        (
            {"name": "x", "slug": "-x"},
            {"slug": ["has invalid format: 2 to 63 of a-z, 0-9 and -, with a letter or a digit at both ends"]},
        ),
        ({**WHOLE, "mission": "x" * 2001}, {"mission": ["should be at most 2000 character(s)"]}),
    ],
)
async def test_wrong_fields_are_named_and_nothing_is_recorded(
    app: Shell, store: Store, body: Any, details: Any
) -> None:
    tenant, raw = await tenant_with_key(store)
    answer = await create(app, raw, body)
    assert (answer.status, answer.error["code"], answer.error["details"]) == (422, "validation_failed", details)
    async with store.database.tenant_transaction(tenant) as tx:
        assert await tx.fetchval("SELECT size FROM app.log_head WHERE tenant_id = $1", tenant) == 2


async def test_a_slug_is_unique_in_its_tenant_and_free_in_another(app: Shell, store: Store) -> None:
    _, ann = await tenant_with_key(store)
    _, bob = await tenant_with_key(store)
    statuses = [(await create(app, raw)).status for raw in (ann, ann, bob)]
    assert statuses == [201, 422, 201]


async def test_free_form_metadata_comes_back_as_they_were_given(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    metadata = {"ratio": 0.5, "big": 2**60, "deep": {"b": [1, None], "a": "é"}}
    answer = await create(app, raw, {**WHOLE, "metadata": metadata})
    assert (answer.status, answer.json()["project"]["metadata"]) == (201, metadata)


async def test_the_same_key_and_body_gets_the_same_answer_and_another_body_is_refused(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    first, again = [await create(app, raw, Idempotency_Key="k") for _ in range(2)]
    other = await create(app, raw, {**WHOLE, "slug": "other"}, Idempotency_Key="k")
    assert (again.status, again.body, again.headers["idempotent-replayed"]) == (201, first.body, "true")
    assert (other.status, other.error["code"]) == (422, "idempotency_key_reused")


async def test_a_refusal_is_kept_under_its_key_too(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    await create(app, raw)
    first, again = [await create(app, raw, Idempotency_Key="k") for _ in range(2)]
    assert (first.status, again.status, again.headers.get("idempotent-replayed")) == (422, 422, "true")


@pytest.mark.parametrize("role", ["agent", "orchestrator", "user"])
async def test_an_agent_may_not_and_the_others_may(app: Shell, store: Store, role: str) -> None:
    _, raw = await tenant_with_key(store, role)
    answer = await create(app, raw)
    assert answer.status == (403 if role == "agent" else 201)
    if role == "agent":
        assert answer.error["code"] == "insufficient_role"
        assert answer.error["message"] == "Insufficient permissions. Required role: orchestrator"


async def test_an_expired_key_is_answered_like_an_unknown_one(app: Shell, store: Store) -> None:
    _, expired = await tenant_with_key(store, expires_at="2026-03-27T11:59:59+00:00")
    unknown = complete_key("x" * 34)
    answers = [await create(app, raw) for raw in (expired, unknown, unknown[:-1] + "!", "nonsense")]
    assert {(answer.status, answer.error["code"], answer.error["message"]) for answer in answers} == {
        (401, "invalid_api_key", "Invalid API key")
    }


async def test_without_a_key_nothing_is_asked_of_the_database(app: Shell) -> None:
    answer = await ask(app, "/api/v1/projects", method="POST", headers=JSON, body=b"{}")
    assert (answer.status, answer.error["code"]) == (401, "unauthorized")


async def test_a_key_of_a_suspended_tenant_is_refused_by_name(app: Shell, store: Store, shared: TestDatabase) -> None:
    tenant, raw = await tenant_with_key(store)
    async with store.database.tenant_transaction(tenant) as tx:
        await tx.execute("UPDATE app.tenant SET status = 'suspended' WHERE tenant_id = $1", tenant)
    answer = await create(app, raw)
    assert (answer.status, answer.error["code"], answer.error["message"]) == (403, "tenant_inactive", "Access denied")


async def test_a_hash_written_into_the_database_without_the_pepper_makes_no_key(app: Shell, store: Store) -> None:
    tenant, _ = await tenant_with_key(store)
    raw = complete_key("y" * 34)
    async with store.database.tenant_transaction(tenant) as tx:
        await tx.execute(
            "INSERT INTO app.api_key_hash (tenant_id, key_id, pepper_kid, hash) VALUES ($1, $2, $3, sha256($4))",
            tenant, uuid4(), PEPPERS[0].kid, raw.encode(),
        )  # fmt: skip
    assert (await create(app, raw)).status == 401
