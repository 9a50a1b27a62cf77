"""An event that happens is heard of: signed, once, in order, by whoever asked for it (spec 06, section 5)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec import structs
from standardwebhooks.webhooks import Webhook

from api.webhooks.disabling import WebhookDisabler
from eventstore.log.lane import Writer
from tests.api.logs import noon
from tests.api.team import key
from tests.support.database import TestDatabase, session
from tests.workers.webhooks.receiving import OK, QUICK, Hooks, Request, hooks

CONTRACT = {"story_title": "Story 1.1", "ac_count": 0}
FAILS = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
async def here(database: TestDatabase) -> AsyncIterator[Hooks]:
    async with hooks(database) as made:
        yield made


async def contracted(here: Hooks, number: str = "1.1", project: str | None = None, epic: str | None = None) -> str:
    user = here.people.user
    if epic is None:
        epic = await user.epic(project or await user.project())
    story = await user.story(epic, number)
    answer = await here.people.implementer.post(
        f"/stories/{story}/contract", {"story_title": f"Story {number}", "ac_count": 0}
    )
    assert answer.status == 200, answer.body
    return story


async def test_a_transition_is_delivered_signed_and_as_the_documents_print_it(here: Hooks) -> None:
    receiver = await here.receiver()
    webhook = await here.subscribe(receiver.url, "story.status_changed")
    story = await contracted(here)
    (delivery,) = await here.ended(webhook)
    (request,) = receiver.seen
    request.check(webhook["signing_secret"], webhook["standard_webhooks_secret"])
    shown = await here.people.user.shown(story)
    body = request.payload
    members = {
        "story_id": story, "project_id": shown["project_id"], "epic_id": shown["epic_id"], "old_status": "pending",
        "new_status": "contracted", "agent_id": here.people.agents["implementer"],
    }  # fmt: skip
    assert {name: body[name] for name in members} == members
    assert {name: body["data"][name] for name in members} == members
    assert body["event"] == body["data"]["event"] == "story.status_changed" == request.headers["x-loopctl-event"]
    assert body["timestamp"] == body["data"]["timestamp"]
    assert body["id"] == delivery["id"] == request.headers["webhook-id"] == request.headers["x-webhook-id"]
    assert body["position"] == delivery["position"]
    assert (delivery["status"], delivery["attempts"], delivery["error"]) == ("delivered", 1, None)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == "Loopctl-Webhook/1.0"


async def test_what_failed_is_sent_again_with_the_same_id_and_the_same_bytes(here: Hooks) -> None:
    answers = [FAILS, b"", OK]
    receiver = await here.receiver(lambda _: answers.pop(0))
    webhook = await here.subscribe(receiver.url, "story.status_changed")
    await contracted(here)
    (delivery,) = await here.ended(webhook)
    assert (delivery["status"], delivery["attempts"]) == ("delivered", 3)
    assert len({request.body for request in receiver.seen}) == 1
    assert len({request.headers["webhook-id"] for request in receiver.seen}) == 1
    whole = (await here.people.user.get(f"/webhooks/{webhook['id']}/deliveries/{delivery['id']}")).json()["delivery"]
    assert [each["outcome"] for each in whole["history"]] == ["HTTP 500", "connection_error", "HTTP 200"]
    assert whole["payload"] == receiver.seen[0].payload


async def test_what_fails_for_good_is_given_up_listed_and_delivered_once_more_when_asked(here: Hooks) -> None:
    answers: list[bytes] = []
    receiver = await here.receiver(lambda _: answers.pop() if answers else FAILS)
    webhook = await here.subscribe(receiver.url, "story.status_changed")
    await contracted(here)
    (delivery,) = await here.ended(webhook)
    assert (delivery["status"], delivery["attempts"], delivery["error"]) == ("exhausted", 3, "HTTP 500")
    assert [each["id"] for each in await here.deliveries(webhook, "?status=exhausted")] == [delivery["id"]]
    assert (await here.shown(webhook))["consecutive_failures"] == 1
    answers.append(OK)
    again = await here.people.user.post(f"/webhooks/{webhook['id']}/deliveries/{delivery['id']}/redeliver")
    assert (again.status, again.json()) == (202, {"webhook_event_id": delivery["id"], "status": "pending"})
    await here.until(lambda: len(receiver.seen) == 4)
    (delivery,) = await here.ended(webhook)
    assert delivery["status"] == "delivered"
    assert len({request.body for request in receiver.seen}) == 1
    assert (await here.shown(webhook))["consecutive_failures"] == 0


async def test_to_activate_what_is_active_forgets_no_failure(here: Hooks) -> None:
    """Also with an idempotency key, whose answer is written although nothing has changed."""
    receiver = await here.receiver(lambda _: FAILS)
    webhook = await here.subscribe(receiver.url, "story.status_changed")
    await contracted(here)
    await here.ended(webhook)
    path = f"/webhooks/{webhook['id']}"
    answer = await here.people.user.send("PATCH", path, {"active": True}, Idempotency_Key="again")
    assert answer.json()["webhook"]["consecutive_failures"] == 1
    assert (await here.shown(webhook))["consecutive_failures"] == 1


async def test_a_redirect_is_a_failure_and_gone_ends_the_webhook_at_once(here: Hooks) -> None:
    elsewhere = await here.receiver()
    moved = f"HTTP/1.1 302 Found\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n".encode()
    receiver = await here.receiver(lambda _: moved)
    gone = await here.receiver(lambda _: b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n")
    first = await here.subscribe(receiver.url, "story.status_changed")
    second = await here.subscribe(gone.url, "story.status_changed")
    await contracted(here)
    assert (await here.ended(first))[0]["error"] == "HTTP 302"
    assert (await here.ended(second))[0]["status"] == "failed"
    assert (elsewhere.seen, len(gone.seen)) == ([], 1)


async def test_of_one_story_nothing_overtakes_anything_and_of_others_everything_may(here: Hooks) -> None:
    """The first of the story fails once: without the order, its second would be there before it."""
    failed: list[str] = []

    def answer(request: Request) -> bytes:
        body = request.payload
        if body["new_status"] == "contracted" and not failed:
            failed.append(body["story_id"])
            return FAILS
        return OK

    receiver = await here.receiver(answer)
    project = await here.people.user.project()
    epic = await here.people.user.epic(project)
    webhook = await here.subscribe(receiver.url, "story.status_changed")
    stories = [await contracted(here, f"1.{number}", epic=epic) for number in (1, 2)]
    for story in stories:
        assert (await here.people.implementer.post(f"/stories/{story}/claim")).status == 200
        assert (await here.people.implementer.post(f"/stories/{story}/start")).status == 200
    await here.ended(webhook, 6)
    for story in stories:
        arrived = [each["new_status"] for each in receiver.payloads if each["story_id"] == story]
        assert arrived[-3:] == ["contracted", "assigned", "implementing"]
        assert arrived.count("contracted") == (2 if story in failed else 1)


async def test_a_webhook_without_order_lets_the_later_ones_pass(here: Hooks) -> None:
    """The control of the test before."""
    receiver = await here.receiver(lambda request: FAILS if request.payload["new_status"] == "contracted" else OK)
    webhook = await here.subscribe(receiver.url, "story.status_changed", ordered=False)
    story = await contracted(here)
    await here.people.implementer.post(f"/stories/{story}/claim")
    await here.until(lambda: any(each["new_status"] == "assigned" for each in receiver.payloads))
    assert sum(each["new_status"] == "assigned" for each in receiver.payloads) == 1
    assert (await here.ended(webhook, 2))[-1]["status"] == "exhausted"


async def test_only_what_a_webhook_is_for_is_sent_to_it(here: Hooks) -> None:
    user = here.people.user
    mine, other = await user.project("mine"), await user.project("other")
    receivers = [await here.receiver() for _ in range(4)]
    of_project = await here.subscribe(receivers[0].url, "story.status_changed", project_id=mine)
    everything = await here.subscribe(receivers[1].url, "story.status_changed", "agent.registered")
    await here.subscribe(receivers[2].url, "story.verified")
    inactive = await here.subscribe(receivers[3].url, "story.status_changed")
    assert (await user.patch(f"/webhooks/{inactive['id']}", {"active": False})).status == 200
    await contracted(here, project=mine)
    await contracted(here, project=other)
    made = await (await key(user, "agent")).post("/agents/register", {"name": "new", "agent_type": "implementer"})
    assert made.status == 201
    await here.ended(of_project)
    await here.ended(everything, 3)
    assert [each["project_id"] for each in receivers[0].payloads] == [mine]
    assert sorted(each["event"] for each in receivers[1].payloads) == [
        "agent.registered", "story.status_changed", "story.status_changed",
    ]  # fmt: skip
    assert (receivers[2].seen, receivers[3].seen) == ([], [])


async def test_what_happens_while_a_webhook_is_not_active_is_not_for_it_and_what_was_queued_is_held(
    here: Hooks,
) -> None:
    user, receiver = here.people.user, await here.receiver(lambda _: FAILS)
    webhook = await here.subscribe(receiver.url, "story.status_changed")
    story = await contracted(here)
    await here.until(lambda: receiver.seen)
    await user.patch(f"/webhooks/{webhook['id']}", {"active": False})
    await here.people.implementer.post(f"/stories/{story}/claim")
    receiver.answer = lambda _: OK
    await asyncio.sleep(0.3)
    (held,) = await here.deliveries(webhook)
    assert held["status"] == "pending"
    await user.patch(f"/webhooks/{webhook['id']}", {"active": True})
    (delivery,) = await here.ended(webhook)
    assert (delivery["id"], delivery["status"]) == (held["id"], "delivered")


async def test_what_a_webhook_holds_is_not_looked_at_again_and_again(database: TestDatabase) -> None:
    """Went red without `w.active` in DUE_OF_TENANT: each commit of the tenant had all that was held read."""
    async with hooks(database, running=False) as here:
        webhook = await here.subscribe((await here.receiver()).url, "story.status_changed")
        await contracted(here)
        await here.people.user.patch(f"/webhooks/{webhook['id']}", {"active": False})
        await here.courier.sweep()
        assert not await here.courier.is_due(here.people.user.tenant)
        assert here.courier._served == {}
        await here.people.user.post(f"/webhooks/{webhook['id']}/test")
        await here.courier.sweep()
        assert len(here.courier._served) == 1


async def test_a_test_event_goes_also_to_a_webhook_that_is_not_active(here: Hooks) -> None:
    user, receiver = here.people.user, await here.receiver()
    webhook = await here.subscribe(receiver.url, "story.verified")
    await user.patch(f"/webhooks/{webhook['id']}", {"active": False})
    plain = (await user.post(f"/webhooks/{webhook['id']}/test")).json()
    chosen = (await user.post(f"/webhooks/{webhook['id']}/test", {"event_type": "story.rejected"})).json()
    await here.ended(webhook, 2)
    bodies = {each["id"]: each for each in receiver.payloads}
    assert bodies[plain["webhook_event_id"]]["event"] == "webhook.test"
    data = bodies[plain["webhook_event_id"]]["data"]
    assert data["data"] == {"message": "This is a test event", "webhook_id": webhook["id"]}
    rejected = bodies[chosen["webhook_event_id"]]
    assert (rejected["event"], rejected["test"]) == ("story.rejected", True)
    assert rejected["findings"]["missing_tests"]
    for request in receiver.seen:
        request.check(webhook["signing_secret"], webhook["standard_webhooks_secret"])


async def test_for_a_day_after_a_rotation_both_secrets_sign(here: Hooks) -> None:
    user, receiver = here.people.user, await here.receiver()
    webhook = await here.subscribe(receiver.url, "story.status_changed")
    rotated = (await user.post(f"/webhooks/{webhook['id']}/rotate-secret")).json()
    assert rotated["webhook"]["signing_secret"] != webhook["signing_secret"]
    here.courier._outside = structs.replace(here.courier._outside, now=noon)  # as the service of the tests tells time
    await contracted(here)
    await here.ended(webhook)
    (request,) = receiver.seen
    for secret in (webhook["standard_webhooks_secret"], rotated["webhook"]["standard_webhooks_secret"]):
        Webhook(secret).verify(request.body.decode(), request.headers)
    request.check(rotated["webhook"]["signing_secret"], rotated["webhook"]["standard_webhooks_secret"])
    assert request.headers["x-loopctl-signature-previous"].startswith("sha256=")


async def test_a_replay_by_position_sends_what_the_webhook_missed_and_what_it_had(here: Hooks) -> None:
    user, receiver = here.people.user, await here.receiver()
    story = await contracted(here)
    webhook = await here.subscribe(receiver.url, "story.status_changed")
    await here.people.implementer.post(f"/stories/{story}/claim")
    await here.ended(webhook)
    last = (await here.deliveries(webhook))[0]["position"]
    answer = await user.post(f"/webhooks/{webhook['id']}/replay", {"from_position": 0, "to_position": last})
    assert (answer.status, answer.json()) == (202, {"enqueued": 2})
    await here.until(lambda: len(receiver.seen) == 3)
    assert [each["new_status"] for each in receiver.payloads] == ["assigned", "contracted", "assigned"]
    nothing = await user.post(f"/webhooks/{webhook['id']}/replay", {"since": "2000-01-01T00:00:00Z"})
    assert (nothing.status, nothing.json()) == (202, {"enqueued": 0})


async def test_after_as_many_given_up_as_the_tenant_says_the_webhook_is_disabled_by_an_event(
    database: TestDatabase,
) -> None:
    async with hooks(database) as here:
        user, receiver = here.people.user, await here.receiver(lambda _: FAILS)
        await user.patch("/tenants/me", {"settings": {"webhook_max_consecutive_failures": 2}})
        webhook = await here.subscribe(receiver.url, "story.status_changed", ordered=False)
        story = await contracted(here)
        await here.people.implementer.post(f"/stories/{story}/claim")
        await here.ended(webhook, 2)
        store = user.service.store
        disabler = WebhookDisabler(store.database, Writer(store).submit)
        assert await disabler.sweep(noon()) == 1
        shown = await here.shown(webhook)
        assert (shown["active"], shown["disabled_reason"], shown["last_error"]) == (False, "failures", "HTTP 500")
        (entry,) = (await user.get("/audit?action=webhook_auto_disabled")).json()["data"]
        assert entry["new_state"]["last_error"] == "HTTP 500"
        assert (entry["new_state"]["consecutive_failures"], entry["new_state"]["threshold"]) == (2, 2)
        assert entry["actor_label"] == "system:auto_disable"
        assert await disabler.sweep(noon()) == 0
        enabled = (await user.patch(f"/webhooks/{webhook['id']}", {"active": True})).json()["webhook"]
        assert (enabled["consecutive_failures"], enabled["disabled_reason"]) == (0, None)


async def test_a_receiver_that_fails_again_and_again_is_left_alone_and_the_others_wait(database: TestDatabase) -> None:
    """They wait without an attempt, and arrive when it is asked again and answers."""
    pace = structs.replace(QUICK, delays=(0.05,) * 50, probe=3600.0)
    async with hooks(database, pace) as here:
        receiver = await here.receiver(lambda _: FAILS)
        webhook = await here.subscribe(receiver.url, "story.status_changed")
        epic = await here.people.user.epic(await here.people.user.project())
        for number in range(1, 21):
            await contracted(here, f"1.{number}", epic=epic)
        await here.until(lambda: _paused(here, webhook))
        for _ in range(3):
            await here.courier.sweep()
        await asyncio.sleep(0.3)
        assert len(receiver.seen) <= pace.failures_in_row + pace.per_webhook
        assert sum(each["attempts"] == 0 for each in await here.deliveries(webhook)) >= 10
        receiver.answer = lambda _: OK
        async with session(database.admin_url) as connection:

            async def asked_again() -> bool:
                # More than once: an attempt that began before the answer changed fails late, and pauses it anew.
                await connection.execute("UPDATE app.webhook_target SET paused_until = NULL")
                return all(each["status"] != "pending" for each in await here.deliveries(webhook, "?limit=100"))

            await here.until(asked_again, 30.0)
        assert [each["status"] for each in await here.ended(webhook, 20)] == ["delivered"] * 20


async def _paused(here: Hooks, webhook: Any) -> bool:
    return (await here.shown(webhook))["paused_until"] is not None


async def test_two_couriers_send_everything_once(database: TestDatabase) -> None:
    async with hooks(database, running=False) as here:
        receiver = await here.receiver()
        webhook = await here.subscribe(receiver.url, "story.status_changed")
        epic = await here.people.user.epic(await here.people.user.project())
        for number in range(1, 21):
            await contracted(here, f"1.{number}", epic=epic)
        second = here.another()
        for _ in range(20):
            await asyncio.gather(here.courier.sweep(), second.sweep())
            await asyncio.sleep(0.05)
        await here.ended(webhook, 20)
        await second.drain()
        ids = [request.headers["webhook-id"] for request in receiver.seen]
        assert len(ids) == len(set(ids)) == 20


async def test_a_courier_that_dies_loses_nothing(database: TestDatabase) -> None:
    """Its lease ends, and another sends again; the receiver knows it by the id."""
    hanging = asyncio.Event()

    async def hang(_: Request) -> bytes:
        await hanging.wait()
        return OK

    async with hooks(database, running=False) as here:
        receiver = await here.receiver(hang)
        webhook = await here.subscribe(receiver.url, "story.status_changed")
        await contracted(here)
        await here.courier.sweep()
        await here.until(lambda: receiver.seen)
        for task in (*here.courier._tasks, *(task for each in here.courier._served.values() for task in each.sending)):
            task.cancel()
        receiver.answer = lambda _: OK
        second, stop = here.another(), asyncio.Event()
        task = asyncio.create_task(second.run(stop))
        (delivery,) = await here.ended(webhook)
        stop.set()
        await task
        assert (delivery["status"], delivery["attempts"], len(receiver.seen)) == ("delivered", 2, 2)
        assert len({request.headers["webhook-id"] for request in receiver.seen}) == 1
        hanging.set()


async def test_a_slow_receiver_holds_up_no_other(here: Hooks) -> None:
    over = asyncio.Event()

    async def slow(_: Request) -> bytes:
        await over.wait()
        return OK

    stuck, quick = await here.receiver(slow), await here.receiver()
    await here.subscribe(stuck.url, "story.status_changed")
    webhook = await here.subscribe(quick.url, "story.status_changed")
    epic = await here.people.user.epic(await here.people.user.project())
    for number in range(1, 9):
        await contracted(here, f"1.{number}", epic=epic)
    await here.ended(webhook, 8)
    assert len(stuck.seen) <= QUICK.per_webhook * 2
    over.set()


async def test_the_state_change_and_its_delivery_are_one_transaction(database: TestDatabase) -> None:
    """Where the row cannot be written, the transition has not happened either."""
    async with hooks(database, running=False) as here:
        await here.subscribe((await here.receiver()).url, "story.status_changed")
        story = await contracted(here)
        async with session(database.admin_url) as connection:
            await connection.execute("ALTER TABLE app.webhook_delivery ADD CHECK (event_type = 'nothing') NOT VALID")
        answer = await here.people.implementer.post(f"/stories/{story}/claim")
        assert answer.status == 500
        assert (await here.people.user.shown(story))["agent_status"] == "contracted"
