"""Subscriptions: who makes them, what is refused, and that their secret is shown once (spec 02, section 8.1)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from api.webhooks.disabling import WebhookDisabler
from egress.client import Egress
from egress.destination import Rules
from eventstore.keys.encryption import DoesNotOpen
from eventstore.log.lane import Writer
from projections.rows.webhook_secrets import WebhookSecrets
from tests.api.logs import KEYRING, NOON, Service, service
from tests.api.team import key
from tests.api.work import Client, client
from tests.egress.stubs import Names
from tests.support.database import TestDatabase, connected, session

HOOK = {"url": "https://hooks.example.com/loopctl", "events": ["story.verified", "story.rejected"]}
NAMES = {"hooks.example.com": [["93.184.215.14"]], "inside.example.com": [["10.0.0.5"]]}

OF_ANOTHER = """
    UPDATE app.webhook_target
       SET secret = (SELECT o.secret FROM app.webhook_target AS o WHERE o.webhook_id = $2)
     WHERE webhook_id = $1
"""
OF_ANOTHER_COLUMN = "UPDATE app.webhook_target SET secret = previous_secret WHERE webhook_id = $1"


@pytest.fixture
async def running(log_of_module: TestDatabase) -> AsyncIterator[Service]:
    egress = Egress(Rules(), Names(NAMES))
    async with service(log_of_module, problem_of_url=egress.problem) as started:
        yield started


@pytest.fixture
async def user(running: Service) -> Client:
    return await client(running)


async def made(user: Client, **more: Any) -> Any:
    answer = await user.post("/webhooks", {**HOOK, **more})
    assert answer.status == 201, answer.body
    return answer.json()["webhook"]


async def test_the_secret_is_in_the_answer_to_its_making_and_nowhere_else(
    user: Client, log_of_module: TestDatabase
) -> None:
    webhook = await made(user)
    secret = webhook["signing_secret"]
    assert len(bytes.fromhex(secret)) == 32
    answers = [
        await user.get("/webhooks"),
        await user.get(f"/webhooks/{webhook['id']}"),
        await user.patch(f"/webhooks/{webhook['id']}", {"ordered": False}),
        await user.get("/audit?entity_type=webhook"),
        await user.get("/changes?after=0"),
    ]
    assert all(answer.status == 200 and secret.encode() not in answer.body for answer in answers)
    async with session(log_of_module.admin_url) as connection:
        for table in ("webhook", "webhook_target", "log_entry", "idempotency", "audit_index"):
            rows = await connection.fetch(f"SELECT t::text AS whole FROM app.{table} AS t")  # noqa: S608  # our own
            assert not any(secret in row["whole"] or secret.encode().hex() in row["whole"] for row in rows), table


async def test_a_retry_with_its_idempotency_key_is_shown_the_same_secret(user: Client) -> None:
    first = await user.post("/webhooks", HOOK, Idempotency_Key="once")
    again = await user.post("/webhooks", HOOK, Idempotency_Key="once")
    assert (again.status, again.json()) == (201, first.json())
    assert len((await user.get("/webhooks")).json()["data"]) == 1


async def test_a_secret_opens_only_in_its_own_place(user: Client, log_of_module: TestDatabase) -> None:
    """Somebody who writes rows exchanges the values of two webhooks, and of two columns of one (spec 06, T27)."""
    one, other = await made(user), await made(user)
    await user.post(f"/webhooks/{one['id']}/rotate-secret")
    secrets = WebhookSecrets(KEYRING)
    app = await connected(log_of_module.app_url, role="loopctl_app")

    async def opened(webhook: Any) -> Any:
        async with app.tenant_transaction(user.tenant) as tx:
            return await secrets.read(tx, webhook["id"], NOON)

    assert len(await opened(one)) == 2
    async with session(log_of_module.admin_url) as connection:
        await connection.execute(OF_ANOTHER, other["id"], one["id"])
        await connection.execute(OF_ANOTHER_COLUMN, one["id"])
    for webhook in (one, other):
        with pytest.raises(DoesNotOpen):
            await opened(webhook)
    await app.close()


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"url": "https://inside.example.com/"}, "url", "must be an address on the public network"),
        ({"url": "https://nowhere.example.com/"}, "url", "cannot be resolved"),
        ({"url": "http://hooks.example.com/"}, "url", "must begin with https://"),
        ({"url": "https://127.0.0.1/"}, "url", "must be an address on the public network"),
        ({"url": "https://2130706433/"}, "url", "has a number for a host"),
        ({"url": "https://a:b@hooks.example.com/"}, "url", "must have no user name or password"),
        ({"url": "https://hooks.example.com:8443/"}, "url", "must have port 443"),
        ({"url": "https://hooks.example.com/" + "a" * 255}, "url", "should be at most 255 character(s)"),
        ({"url": ""}, "url", "can't be blank"),
        ({"url": None}, "url", "can't be blank"),
        ({"events": []}, "events", "can't be blank"),
        ({"events": None}, "events", "can't be blank"),
        ({"events": ["story.verified", "story.exploded"]}, "events", "story.exploded is no event type"),
        ({"events": ["story.verified"] * 101}, "events", "should have at most 100 item(s)"),
        ({"project_id": str(uuid4())}, "project_id", "does not exist"),
        ({"active": False}, "active", "a new webhook is active"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_field_and_nothing_is_kept(
    user: Client, body: Any, field: str, said: str
) -> None:
    answer = await user.post("/webhooks", {**HOOK, **body})
    assert answer.status == 422, answer.body
    assert said in answer.error["details"][field][0]
    assert (await user.get("/webhooks")).json()["data"] == []


async def test_a_foreign_project_does_not_exist(user: Client, running: Service) -> None:
    foreign = await (await client(running)).project()
    answer = await user.post("/webhooks", {**HOOK, "project_id": foreign})
    assert (answer.status, answer.error["details"]) == (422, {"project_id": ["does not exist"]})


async def test_a_tenant_has_as_many_as_its_setting_says_inactive_ones_included(user: Client) -> None:
    await user.patch("/tenants/me", {"settings": {"max_webhooks": 2}})
    first = await made(user)
    await made(user)
    await user.patch(f"/webhooks/{first['id']}", {"active": False})
    answer = await user.post("/webhooks", HOOK)
    assert (answer.status, answer.error["code"]) == (422, "limit_reached")
    assert "limit" in answer.error["message"]
    assert (await user.delete(f"/webhooks/{first['id']}")).status == 204
    await made(user)


async def test_a_limit_is_kept_under_many_at_once(user: Client) -> None:
    """Went red when webhooks were counted before the batch and not in it."""
    answers = await asyncio.gather(*(user.post("/webhooks", HOOK) for _ in range(25)))
    assert sorted(answer.status for answer in answers) == [201] * 10 + [422] * 15


async def test_what_is_left_out_stays_and_null_as_project_is_every_project(user: Client) -> None:
    project = await user.project()
    webhook = await made(user, project_id=project)
    changed = (await user.patch(f"/webhooks/{webhook['id']}", {"events": ["agent.registered"]})).json()["webhook"]
    assert (changed["events"], changed["project_id"], changed["url"]) == (["agent.registered"], project, HOOK["url"])
    cleared = (await user.patch(f"/webhooks/{webhook['id']}", {"project_id": None})).json()["webhook"]
    assert cleared["project_id"] is None
    bad = await user.patch(f"/webhooks/{webhook['id']}", {"url": "https://inside.example.com/", "active": False})
    assert bad.status == 422
    assert (await user.get(f"/webhooks/{webhook['id']}")).json()["webhook"]["active"] is True


async def test_every_change_is_an_event_of_who_made_it(user: Client) -> None:
    webhook = await made(user)
    path = f"/webhooks/{webhook['id']}"
    await user.patch(path, {"active": False})
    await user.post(path + "/rotate-secret")
    await user.post(path + "/test")
    await user.delete(path)
    entries = (await user.get("/audit?entity_type=webhook&limit=100")).json()["data"]
    assert [each["action"] for each in reversed(entries)] == [
        "created", "updated", "secret_rotated", "tested", "deleted",
    ]  # fmt: skip
    assert {each["actor_label"] for each in entries} == {"user:k"}
    assert entries[-1]["new_state"]["url"] == HOOK["url"]


async def test_a_deleted_webhook_leaves_no_delivery_and_no_secret(user: Client, log_of_module: TestDatabase) -> None:
    webhook = await made(user)
    await user.post(f"/webhooks/{webhook['id']}/test")
    assert (await user.delete(f"/webhooks/{webhook['id']}")).status == 204
    assert (await user.get(f"/webhooks/{webhook['id']}/deliveries")).status == 404
    async with session(log_of_module.admin_url) as connection:
        for table in ("webhook", "webhook_target", "webhook_delivery"):
            left = f"SELECT count(*) FROM app.{table} WHERE tenant_id = $1"  # noqa: S608  # our own
            assert await connection.fetchval(left, user.tenant) == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "from_position"),
        ({"from_position": 3}, "to_position"),
        ({"from_position": 3, "to_position": 2}, "to_position"),
        ({"from_position": 0, "to_position": 5, "since": "2026-01-01T00:00:00Z"}, "from_position"),
        ({"from_position": 0, "to_position": 100_000}, "to_position"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-01-01T00:00:00Z", "statuses": ["pending"]}, "statuses"),
    ],
)
async def test_a_replay_of_nothing_that_can_be_named_is_refused(user: Client, body: Any, field: str) -> None:
    webhook = await made(user)
    answer = await user.post(f"/webhooks/{webhook['id']}/replay", body)
    assert (answer.status, list(answer.error["details"])) == (422, [field])


async def test_a_test_of_a_type_that_there_is_not_is_refused_with_those_there_are(user: Client) -> None:
    webhook = await made(user)
    answer = await user.post(f"/webhooks/{webhook['id']}/test", {"event_type": "story.exploded"})
    assert answer.status == 422
    assert "story.verified" in answer.error["details"]["event_type"][0]


async def test_the_change_feed_tells_what_a_webhook_would_be_sent(user: Client) -> None:
    await (await key(user, "agent")).post("/agents/register", {"name": "new", "agent_type": "implementer"})
    entries = (await user.get("/changes?after=-1&payloads=true")).json()["data"]
    sent = {each["action"]: each["payload"] for each in entries if each["payload"]}
    assert list(sent) == ["registered"]
    assert (sent["registered"]["event"], sent["registered"]["agent_name"]) == ("agent.registered", "new")
    assert all("payload" not in each for each in (await user.get("/changes?after=-1")).json()["data"])


async def test_two_processes_at_once_keep_to_the_limit(log_of_module: TestDatabase) -> None:
    """Each has a lane of its own; the head orders them (spec 06, B4)."""
    async with service(log_of_module) as one, service(log_of_module) as two:
        user = await client(one)
        other = Client(two, user.tenant, user.raw)
        for most in (3, 6, 9):
            await user.patch("/tenants/me", {"settings": {"max_webhooks": most}})
            answers = await asyncio.gather(*(who.post("/webhooks", HOOK) for _ in range(8) for who in (user, other)))
            assert sorted(answer.status for answer in answers) == [201] * 3 + [422] * 13
            assert (await user.get("/webhooks")).json()["meta"]["total_count"] == most


async def test_what_is_disabled_while_it_is_being_activated_begins_anew(database: TestDatabase) -> None:
    """Went red while it was decided before the log was asked: it was disabled again a second later."""
    disablers: list[WebhookDisabler] = []

    async def meanwhile(_: str) -> None:
        async with session(database.admin_url) as connection:
            await connection.execute("UPDATE app.webhook_target SET give_up = 'failures', consecutive_failures = 10")
        for each in disablers:
            assert await each.sweep(NOON) == 1

    async with service(database, problem_of_url=meanwhile) as running:
        user = await client(running)
        webhook = await made(user)
        async with session(database.admin_url) as connection:
            await connection.execute("UPDATE app.webhook_target SET give_up = NULL, consecutive_failures = 0")
        disablers.append(WebhookDisabler(running.store.database, Writer(running.store).submit))
        answer = await user.patch(f"/webhooks/{webhook['id']}", {"active": True, "url": HOOK["url"]})
        shown = (await user.get(f"/webhooks/{webhook['id']}")).json()["webhook"]
        assert (answer.json()["webhook"]["active"], shown["consecutive_failures"]) == (True, 0)
        assert await disablers[0].sweep(NOON) == 0
