"""/api/v1/api_keys: making, showing, revoking and replacing keys, alone and in races."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from structlog.testing import capture_logs

from api.http.shell import Shell
from config.keys import generate_key, parse_keys
from domain.api_key import is_well_formed
from eventstore.log.lane import Store
from tests.api.asgi import Answer
from tests.api.logs import NOON, PEPPERS, Service, call, service, tenant_with_key
from tests.support.database import TestDatabase, copied_database, session

KEYS = "/api/v1/api_keys"
AGENT_KEY = {"name": "worker", "role": "agent"}


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


async def made(app: Shell, raw: str, **body: Any) -> dict[str, Any]:
    answer = await call(app, raw, KEYS, "POST", {**AGENT_KEY, **body})
    assert answer.status == 201, answer.body
    key: dict[str, Any] = answer.json()["api_key"]
    return key


async def registered(app: Shell, raw: str, name: str = "worker", agent_type: str = "orchestrator") -> str:
    """Of the type that may have keys of both roles."""
    answer = await call(app, raw, "/api/v1/agents/register", "POST", {"name": name, "agent_type": agent_type})
    assert answer.status == 201, answer.body
    agent: str = answer.json()["agent"]["id"]
    return agent


async def test_a_new_key_works_and_is_shown_once(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    key = await made(app, raw)
    assert is_well_formed(key["raw_key"])
    assert key["raw_key"].startswith(key["key_prefix"])
    assert {**key, "id": "", "raw_key": "", "key_prefix": ""} == {
        "id": "", "raw_key": "", "key_prefix": "", "role": "agent", "name": "worker", "agent_id": None,
        "expires_at": None, "inserted_at": "2026-03-27T12:00:00.000000Z",
    }  # fmt: skip
    assert (await call(app, key["raw_key"], "/api/v1/tenants/me")).status == 200
    listed = await call(app, raw, KEYS)
    assert key["raw_key"].encode() not in listed.body


async def test_a_retry_gets_the_same_key_again_and_the_database_never_had_it(
    app: Shell, store: Store, shared: TestDatabase
) -> None:
    _, raw = await tenant_with_key(store)
    one = await call(app, raw, KEYS, "POST", AGENT_KEY, Idempotency_Key="once")
    two = await call(app, raw, KEYS, "POST", AGENT_KEY, Idempotency_Key="once")
    assert two.headers["idempotent-replayed"] == "true"
    assert one.json() == two.json()
    other = await call(app, raw, KEYS, "POST", AGENT_KEY, Idempotency_Key="twice")
    assert other.json()["api_key"]["raw_key"] != one.json()["api_key"]["raw_key"]
    async with session(shared.admin_url) as connection:
        stored = await connection.fetch("SELECT body FROM app.idempotency")
    assert any(b"key_prefix" in row["body"] for row in stored)
    assert not any(one.json()["api_key"]["raw_key"].encode() in row["body"] for row in stored)


async def test_a_retry_of_a_rotation_gets_the_same_key_again(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    path = f"{KEYS}/{(await made(app, raw))['id']}/rotate"
    one, two = [await call(app, raw, path, "POST", {}, Idempotency_Key="once") for _ in range(2)]
    assert (one.status, two.headers["idempotent-replayed"]) == (201, "true")
    assert one.json() == two.json()
    assert (await call(app, two.json()["new_key"]["raw_key"], "/api/v1/tenants/me")).status == 200


async def test_another_caller_with_the_same_idempotency_key_makes_a_key_of_its_own(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    second = (await made(app, raw, role="user"))["raw_key"]
    one, two = [await call(app, key, KEYS, "POST", AGENT_KEY, Idempotency_Key="same") for key in (raw, second)]
    assert one.json()["api_key"]["id"] != two.json()["api_key"]["id"]
    assert one.json()["api_key"]["raw_key"] != two.json()["api_key"]["raw_key"]


async def test_after_a_change_of_the_pepper_a_retry_still_gets_its_key_until_the_old_one_is_gone(
    app: Shell, store: Store, shared: TestDatabase
) -> None:
    _, raw = await tenant_with_key(store)
    one = await call(app, raw, KEYS, "POST", AGENT_KEY, Idempotency_Key="once")
    newer = parse_keys(generate_key())
    for peppers, shown in (((*newer, *PEPPERS), one.json()["api_key"]["raw_key"]), (newer, None)):
        async with service(shared, peppers=peppers) as later:
            two = await call(later.app, raw, KEYS, "POST", AGENT_KEY, Idempotency_Key="once")
        assert two.headers["idempotent-replayed"] == "true"
        assert two.json()["api_key"]["raw_key"] == shown


async def test_blanks_around_the_presented_key_make_no_other_key(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    one, two = [await call(app, key, KEYS, "POST", AGENT_KEY, Idempotency_Key="once") for key in (raw, f"  {raw} ")]
    assert one.json() == two.json()


A_TIME = ["is invalid: must be a time with its offset, such as 2027-01-31T12:00:00Z"]


@pytest.mark.parametrize(
    ("body", "status", "code", "details"),
    [
        ({}, 422, "validation_failed", {"name": ["can't be blank"], "role": ["can't be blank"]}),
        ({"name": "x", "role": "boss"}, 422, "validation_failed",
         {"role": ["is invalid: must be one of agent, orchestrator, user"]}),
        ({"name": "x", "role": "superadmin"}, 403, "forbidden", None),
        ({"name": "x" * 256, "role": "user"}, 422, "validation_failed",
         {"name": ["should be at most 255 character(s)"]}),
        ({**AGENT_KEY, "expires_at": "soon"}, 422, "validation_failed", {"expires_at": A_TIME}),
        ({**AGENT_KEY, "expires_at": "2027-01-01T00:00:00"}, 422, "validation_failed", {"expires_at": A_TIME}),
        ({**AGENT_KEY, "expires_at": "0001-01-01T00:00:00+23:00"}, 422, "validation_failed",
         {"expires_at": A_TIME}),
        ({**AGENT_KEY, "agent_id": "me"}, 422, "validation_failed",
         {"agent_id": ["is invalid: must be the id of an agent"]}),
        ({**AGENT_KEY, "agent_id": str(uuid4())}, 404, "not_found", None),
        ({"name": "x", "role": "user", "agent_id": str(uuid4())}, 422, "validation_failed",
         {"agent_id": ["is invalid: a user key belongs to no agent, so leave it out"]}),
        ({"name": 1, "role": "user"}, 422, "validation_failed", {"name": ["is invalid: must be a text"]}),
    ],
)  # fmt: skip
async def test_what_is_refused(app: Shell, store: Store, body: Any, status: int, code: str, details: Any) -> None:
    _, raw = await tenant_with_key(store)
    answer = await call(app, raw, KEYS, "POST", body)
    assert (answer.status, answer.error["code"], answer.error.get("details")) == (status, code, details)


@pytest.mark.parametrize("role", ["agent", "orchestrator"])
async def test_keys_are_for_users(app: Shell, store: Store, role: str) -> None:
    _, raw = await tenant_with_key(store, role)
    path = f"{KEYS}/{uuid4()}"
    for method, target in (("GET", KEYS), ("POST", KEYS), ("DELETE", path), ("POST", f"{path}/rotate")):
        answer = await call(app, raw, target, method, {} if method == "POST" else None)
        assert (answer.status, answer.error["code"]) == (403, "insufficient_role")


async def test_an_agent_has_one_active_key_of_each_role(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    agent = await registered(app, (await made(app, raw))["raw_key"])
    again = await call(app, raw, KEYS, "POST", {**AGENT_KEY, "agent_id": agent})
    assert (again.status, list(again.error["details"])) == (422, ["agent_id"])
    second = await made(app, raw, role="orchestrator", agent_id=agent)
    assert second["agent_id"] == agent


async def test_an_expired_key_does_not_stand_in_the_way(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    agent = await registered(app, (await made(app, raw))["raw_key"])
    past = (NOON - timedelta(seconds=1)).isoformat()
    expired = await made(app, raw, role="orchestrator", agent_id=agent, expires_at=past)
    assert (await call(app, expired["raw_key"], "/api/v1/tenants/me")).error["code"] == "invalid_api_key"
    await made(app, raw, role="orchestrator", agent_id=agent)


async def test_keys_are_listed_newest_first_without_the_revoked(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    one, two = await made(app, raw, name="one"), await made(app, raw, name="two")
    await call(app, raw, f"{KEYS}/{one['id']}", "DELETE")
    shown = (await call(app, raw, KEYS)).json()
    assert [key["name"] for key in shown["api_keys"] if key["name"] != "k"] == ["two"]
    assert shown["data"] == shown["api_keys"]
    assert shown["meta"]["total_count"] == 2
    everything = (await call(app, raw, f"{KEYS}?include_revoked=true")).json()["api_keys"]
    assert [key["id"] for key in everything if key["name"] != "k"] == [two["id"], one["id"]]


async def test_a_revoked_key_is_refused_and_stays_revoked_as_of_the_first_time(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    key = await made(app, raw)
    first = await call(app, raw, f"{KEYS}/{key['id']}", "DELETE")
    second = await call(app, raw, f"{KEYS}/{key['id']}", "DELETE")
    assert (first.status, first.json()) == (second.status, second.json())
    assert "loopctl-position" not in second.headers
    assert (await call(app, key["raw_key"], "/api/v1/tenants/me")).error["code"] == "invalid_api_key"


async def test_a_key_may_revoke_itself(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    itself = (await call(app, raw, KEYS)).json()["api_keys"][0]["id"]
    assert (await call(app, raw, f"{KEYS}/{itself}", "DELETE")).status == 200
    assert (await call(app, raw, KEYS)).status == 401


async def test_after_a_rotation_both_keys_work_until_the_grace_is_over(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    old = await made(app, raw)
    agent = await registered(app, old["raw_key"])
    answer = await call(app, raw, f"{KEYS}/{old['id']}/rotate", "POST", {"grace_period_hours": "2"})
    new = answer.json()["new_key"]
    assert answer.json()["old_key_expires_at"] == "2026-03-27T14:00:00.000000Z"
    assert (new["name"], new["role"], new["agent_id"], new["expires_at"]) == ("worker", "agent", agent, None)
    for key in (old, new):
        assert (await call(app, key["raw_key"], "/api/v1/tenants/me")).status == 200
    again = await call(app, raw, f"{KEYS}/{old['id']}/rotate", "POST", {})
    assert (again.status, again.error["code"]) == (422, "rejected"), "its successor is the one to rotate"
    assert (await call(app, raw, f"{KEYS}/{new['id']}/rotate", "POST", {})).status == 201


@pytest.mark.parametrize(
    ("hours", "end"),
    [(None, "2026-03-28T12"), (0, "2026-03-27T12"), (-5, "2026-03-27T12"), (1000, "2026-04-03T12"), ("3", None)],
)
async def test_the_grace_has_bounds(app: Shell, store: Store, hours: Any, end: str | None) -> None:
    _, raw = await tenant_with_key(store)
    old = await made(app, raw)
    answer = await call(app, raw, f"{KEYS}/{old['id']}/rotate", "POST", {"grace_period_hours": hours})
    assert answer.json()["old_key_expires_at"].startswith(end or "2026-03-27T15")
    works = (await call(app, old["raw_key"], "/api/v1/tenants/me")).status
    assert works == (401 if hours in (0, -5) else 200)


async def test_an_end_never_moves_away(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    soon = (NOON + timedelta(hours=1)).isoformat()
    old = await made(app, raw, expires_at=soon)
    answer = await call(app, raw, f"{KEYS}/{old['id']}/rotate", "POST", {"grace_period_hours": 5})
    assert answer.json()["old_key_expires_at"] == "2026-03-27T13:00:00.000000Z"


async def test_what_cannot_be_rotated(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    key = await made(app, raw)
    await call(app, raw, f"{KEYS}/{key['id']}", "DELETE")
    revoked = await call(app, raw, f"{KEYS}/{key['id']}/rotate", "POST", {})
    wrong = await call(app, raw, f"{KEYS}/{key['id']}/rotate", "POST", {"grace_period_hours": "long"})
    unknown = await call(app, raw, f"{KEYS}/{uuid4()}/rotate", "POST", {})
    assert (revoked.status, revoked.error["code"]) == (422, "rejected")
    assert (wrong.status, wrong.error["details"]) == (
        422,
        {"grace_period_hours": ["is invalid: must be a whole number of hours"]},
    )
    assert unknown.status == 404


async def test_a_foreign_key_or_agent_looks_like_none(app: Shell, store: Store) -> None:
    (_, raw), (_, other) = await tenant_with_key(store), await tenant_with_key(store)
    key = await made(app, raw)
    agent = await registered(app, key["raw_key"])
    for method, target, body in (
        ("DELETE", KEYS + "/{}", None), ("POST", KEYS + "/{}/rotate", {}),
    ):  # fmt: skip
        foreign = await call(app, other, target.format(key["id"]), method, body)
        random = await call(app, other, target.format(uuid4()), method, body)
        assert (foreign.status, foreign.body) == (random.status, random.body) == (404, random.body)
    bound = await call(app, other, KEYS, "POST", {**AGENT_KEY, "agent_id": agent})
    assert (bound.status, bound.error["code"]) == (404, "not_found")
    assert [each["name"] for each in (await call(app, other, KEYS)).json()["api_keys"]] == ["k"]


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


async def test_sixty_four_creations_at_once_stop_at_the_limit(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    await call(app, raw, "/api/v1/tenants/me", "PATCH", {"settings": {"max_api_keys": 20}})
    answers = await asyncio.gather(*(call(app, raw, KEYS, "POST", AGENT_KEY) for _ in range(64)))
    assert statuses(answers) == {201: 19, 422: 45}, "the first key is the caller's own"
    assert {answer.error["code"] for answer in answers if answer.status == 422} == {"limit_reached"}
    assert (await call(app, raw, KEYS)).json()["meta"]["total_count"] == 20


async def test_without_the_limit_in_the_decision_the_same_race_goes_beyond_it(
    app: Shell, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.key._check_limit", lambda *_: None)
    _, raw = await tenant_with_key(store)
    await call(app, raw, "/api/v1/tenants/me", "PATCH", {"settings": {"max_api_keys": 20}})
    answers = await asyncio.gather(*(call(app, raw, KEYS, "POST", AGENT_KEY) for _ in range(64)))
    assert statuses(answers) == {201: 64}


async def test_of_many_keys_for_one_agent_at_once_one_is_made(app: Shell, store: Store) -> None:
    _, raw = await tenant_with_key(store)
    agent = await registered(app, (await made(app, raw))["raw_key"])
    body = {"name": "o", "role": "orchestrator", "agent_id": agent}
    with capture_logs() as logged:
        answers = await asyncio.gather(*(call(app, raw, KEYS, "POST", body) for _ in range(16)))
    assert statuses(answers) == {201: 1, 422: 15}
    # Went red while a need that several commands of a batch share ended the batch after its commit: it ran twice.
    assert [each for each in logged if each["event"] == "batch_split"] == []


FROZEN = (
    "role = 'user'",
    "key_id = gen_random_uuid()",
    "tenant_id = gen_random_uuid()",
    "key_prefix = 'lc_other'",
    "created_at = now()",
    "agent_id = NULL",
    "agent_id = gen_random_uuid()",
    "revoked_at = NULL",
    "revoked_at = now()",
    "expires_at = NULL",
    "expires_at = expires_at + interval '1 second'",
)


@pytest.fixture
async def finished_key(app: Shell, store: Store) -> tuple[str, str]:
    """Tenant and id of a key that has everything: an agent, an end, a revocation."""
    tenant, raw = await tenant_with_key(store)
    key = await made(app, raw, expires_at=(NOON + timedelta(hours=9)).isoformat())
    await registered(app, key["raw_key"])
    await call(app, raw, f"{KEYS}/{key['id']}", "DELETE")
    return str(tenant), key["id"]


@pytest.mark.parametrize("change", FROZEN)
@pytest.mark.parametrize("who", ["app", "owner", "superuser"])
async def test_nobody_changes_what_a_key_is(
    shared: TestDatabase, finished_key: tuple[str, str], change: str, who: str
) -> None:
    tenant, key = finished_key
    url = shared.app_url if who == "app" else shared.admin_url
    async with session(url) as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica" if who == "superuser" else "SELECT 1")
        await connection.execute("SET LOCAL ROLE loopctl_owner" if who == "owner" else "SELECT 1")
        await connection.execute(f"SET LOCAL app.tenant = '{tenant}'")
        before = await connection.fetchval("SELECT count(*) FROM app.api_key WHERE key_id = $1::uuid", key)
        with pytest.raises((asyncpg.ObjectNotInPrerequisiteStateError, asyncpg.InsufficientPrivilegeError)):
            await connection.execute(f"UPDATE app.api_key SET {change} WHERE key_id = '{key}'")  # noqa: S608  # our own words
        assert before == 1


@pytest.mark.parametrize("who", ["app", "superuser"])
async def test_nobody_but_the_owner_who_rebuilds_deletes_a_key(
    shared: TestDatabase, finished_key: tuple[str, str], who: str
) -> None:
    tenant, key = finished_key
    async with session(shared.app_url if who == "app" else shared.admin_url) as connection, connection.transaction():
        await connection.execute(f"SET LOCAL app.tenant = '{tenant}'")
        with pytest.raises((asyncpg.ObjectNotInPrerequisiteStateError, asyncpg.InsufficientPrivilegeError)):
            await connection.execute(f"DELETE FROM app.api_key WHERE key_id = '{key}'")  # noqa: S608  # our own words


@pytest.mark.parametrize(
    "statement", ["UPDATE app.api_key_hash SET hash = sha256('x')", "DELETE FROM app.api_key_hash"]
)
async def test_nobody_changes_which_secret_is_whose(
    shared: TestDatabase, finished_key: tuple[str, str], statement: str
) -> None:
    async with session(shared.admin_url) as connection:
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
            await connection.execute(f"{statement} WHERE key_id = '{finished_key[1]}'")


async def test_without_its_trigger_a_key_could_become_anything(
    shared: TestDatabase, finished_key: tuple[str, str]
) -> None:
    async with session(shared.admin_url) as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("ALTER TABLE app.api_key DISABLE TRIGGER freeze_api_key")
        done = await connection.execute(f"UPDATE app.api_key SET role = 'user' WHERE key_id = '{finished_key[1]}'")  # noqa: S608  # our own words
        await transaction.rollback()
    assert done == "UPDATE 1"
