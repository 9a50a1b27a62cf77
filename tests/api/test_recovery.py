"""A tenant that has lost its security keys gets new ones from two superadmins, in three days, if it lets them (T30)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec import Struct, structs

from eventstore.log.idempotency import HOLD
from loopctl.tlog.operation import Operation, operation_challenge
from tests.api.logs import NOON, Service, call, service
from tests.api.recovering import Clock, Root, cancelled_by, publicly, root, used
from tests.api.superadmins import superadmin
from tests.api.touching import Person, person
from tests.api.work import API, Client, client
from tests.projections.test_rebuild import rebuilt
from tests.support.authenticator import RIGHT, Said, SoftwareKey, b64, unb64
from tests.support.database import TestDatabase, copied_database, session


class World(Struct, frozen=True):
    database: TestDatabase
    running: Service
    clock: Clock
    olga: Person
    """Whose tenant it is; she may have lost her key."""
    ann: Root
    bob: Root

    @property
    def tenant(self) -> UUID:
        return self.olga.user.tenant

    async def waits(self) -> None:
        """Both superadmins have agreed."""
        for each in (self.ann, self.bob):
            answer = await each.opens(self.tenant)
            assert answer.status == 200, answer.body

    async def link(self) -> str:
        """Of a recovery that is completed."""
        await self.waits()
        self.clock.passes(hours=72)
        answer = await self.ann.completes(self.tenant)
        assert answer.status == 200, answer.body
        found: str = answer.json()["data"]["link"]
        return found

    async def tags(self) -> list[str]:
        return [tag for tag, _ in await self.olga.user.recorded()]


@pytest.fixture(scope="module")
async def copied(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as database:
        yield database


@pytest.fixture
async def here(copied: TestDatabase) -> AsyncIterator[World]:
    clock = Clock()
    async with service(copied, utc_now=clock) as running:
        olga = await person(running)
        people = [await root(running, copied, olga.user.tenant, name) for name in ("Ann", "Bob")]
        yield World(copied, running, clock, olga, *people)


def told(answer: Any) -> tuple[int, str]:
    return answer.status, answer.error["code"]


# Opening --------------------------------------------------------------------------------------------------------------


async def test_it_takes_two_superadmins_and_each_a_touch(here: World) -> None:
    answer = await here.ann.opens(here.tenant)
    assert (answer.status, answer.json()["data"]["status"]) == (200, "opened")
    assert told(await here.ann.opens(here.tenant)) == (409, "recovery_needs_another")
    answer = await here.bob.opens(here.tenant)
    said = answer.json()["data"]
    assert (answer.status, said["status"], said["opened_by"], said["seconded_by"]) == (200, "waiting", "Ann", "Bob")
    assert told(await here.bob.opens(here.tenant)) == (409, "recovery_under_way")
    assert (await here.tags())[-2:] == ["recovery.opened", "recovery.seconded"]


async def test_without_a_touch_nothing_is_opened(here: World) -> None:
    path, body = f"/admin/tenants/{here.tenant}/recovery", {"reason": "r"}
    assert told(await here.ann.client.post(path, body)) == (401, "webauthn_required")
    touch = await here.ann.touch(here.tenant, "", {"reason": "another"})
    assert told(await here.ann.step(here.tenant, "", body, touch)) == (401, "webauthn_failed")
    of_bob = await here.bob.touch(here.tenant, "", body)
    assert told(await here.ann.step(here.tenant, "", body, of_bob)) == (401, "webauthn_failed")
    assert "recovery.opened" not in await here.tags()
    assert (await here.ann.step(here.tenant, "", body)).status == 200, "the control"


async def test_a_touch_is_good_once_and_for_two_minutes(here: World) -> None:
    body = {"reason": "r"}
    touch = await here.ann.touch(here.tenant, "", body)
    here.clock.passes(seconds=121)
    assert told(await here.ann.step(here.tenant, "", body, touch)) == (401, "webauthn_failed")
    touch = await here.ann.touch(here.tenant, "", body)
    assert (await here.ann.step(here.tenant, "", body, touch)).status == 200
    assert told(await here.ann.step(here.tenant, "", body, touch)) == (401, "webauthn_failed")


async def test_a_superadmin_without_a_security_key_is_told_to_enrol_one(here: World) -> None:
    _, raw = await superadmin(here.database, "Eve")
    eve = Client(here.running, here.tenant, raw)
    wish = {"method": "POST", "path": f"/api/v1/admin/tenants/{here.tenant}/recovery", "body": {"reason": "r"}}
    assert told(await eve.post(f"/admin/tenants/{here.tenant}/recovery/challenge", wish)) == (422, "no_authenticators")
    assert told(await eve.post(f"/admin/tenants/{here.tenant}/recovery", {"reason": "r"})) == (401, "webauthn_required")


async def test_a_superadmin_has_one_security_key_for_ever_and_nobody_else_s(here: World) -> None:
    asked = await here.ann.client.post("/admin/authenticators/challenge", {"friendly_name": "k"})
    assert told(asked) == (409, "authenticator_enrolled")
    _, raw = await superadmin(here.database, "Eve")
    eve = Client(here.running, here.tenant, raw)
    asked = await eve.post("/admin/authenticators/challenge", {"friendly_name": "k"})
    made = here.ann.key.create(asked.json()["data"]["challenge"])
    assert told(await eve.post("/admin/authenticators", made)) == (422, "invalid_attestation")


async def test_a_browser_is_told_of_the_security_keys_of_other_superadmins_so_that_it_takes_none_for_two(
    here: World,
) -> None:
    _, raw = await superadmin(here.database, "Eve")
    asked = await Client(here.running, here.tenant, raw).post("/admin/authenticators/challenge", {"friendly_name": "k"})
    known = asked.json()["data"]["exclude_credentials"]
    assert {here.ann.key.credential_id, here.bob.key.credential_id} <= {unb64(each) for each in known}


async def test_a_copied_security_key_of_a_superadmin_is_taken_no_more(here: World) -> None:
    body = {"reason": "r"}
    here.ann.key.count = 7
    assert (await here.ann.step(here.tenant, "", body)).status == 200
    here.ann.key.count = 3
    assert told(await here.ann.completes(here.tenant)) == (401, "webauthn_failed")
    here.ann.key.count = 50
    answer = await here.ann.completes(here.tenant)
    assert (told(answer), "went back" in answer.error["message"]) == ((401, "webauthn_failed"), True)


async def test_the_log_keeps_what_shows_each_touch(here: World) -> None:
    await here.waits()
    for name, each in zip(("opened", "seconded"), (here.ann, here.bob), strict=True):
        event = next(event for tag, event in await here.olga.user.recorded() if tag == f"recovery.{name}")
        touch = event.touch
        operation = Operation(here.tenant, touch.method, touch.path, unb64(touch.body_hash), UUID(touch.superadmin_id))
        assert operation_challenge(unb64(touch.nonce), operation) == unb64(touch.challenge)
        assert unb64(touch.credential_id) == each.key.credential_id


async def test_a_first_word_that_nobody_seconds_lapses_within_a_day(here: World) -> None:
    assert (await here.ann.opens(here.tenant)).status == 200
    here.clock.passes(hours=24)
    answer = await here.bob.opens(here.tenant)
    assert (answer.status, answer.json()["data"]["status"]) == (200, "opened"), "it is Bob's now, and needs another"
    assert (await here.ann.opens(here.tenant)).json()["data"]["status"] == "waiting"


async def test_a_tenant_without_a_security_key_has_none_to_recover(here: World) -> None:
    other = await client(here.running)
    assert told(await here.ann.opens(other.tenant)) == (409, "recovery_not_needed")


# Cancelling -----------------------------------------------------------------------------------------------------------


async def test_the_tenant_sees_it_and_its_user_key_cancels_it(here: World) -> None:
    await here.waits()
    shown = (await here.olga.user.get("/tenants/me/recovery")).json()["data"]
    assert (shown["status"], shown["reason"]) == ("waiting", "burnt down")
    answer = await here.olga.user.post("/tenants/me/recovery/cancel")
    assert (answer.status, answer.json()["data"]["status"]) == (200, "cancelled")
    here.clock.passes(hours=100)
    assert told(await here.ann.completes(here.tenant)) == (409, "no_recovery")
    assert (await here.tags())[-1] == "recovery.cancelled"


async def test_any_of_its_security_keys_cancels_it_without_any_api_key(here: World) -> None:
    await here.waits()
    answer = await cancelled_by(here.running, here.tenant, here.olga.keys[0])
    assert (answer.status, answer.json()["data"]["status"]) == (200, "cancelled")
    assert (await here.tags())[-2:] == ["authenticator.asserted", "recovery.cancelled"]
    assert told(await cancelled_by(here.running, here.tenant, here.olga.keys[0])) == (409, "no_recovery")


async def test_another_s_security_key_cancels_nothing(here: World) -> None:
    await here.waits()
    assert told(await cancelled_by(here.running, here.tenant, SoftwareKey())) == (401, "webauthn_failed")
    asked = await publicly(here.running, f"/recovery/{here.tenant}/cancel/challenge")
    touch = here.olga.keys[0].get(asked.json()["data"]["challenge"])
    for part in ("signature", "authenticator_data", "client_data_json"):
        spoiled = {**touch, part: touch[part][:-4] + "AAAA"}
        assert told(await publicly(here.running, f"/recovery/{here.tenant}/cancel", spoiled)) == (
            401,
            "webauthn_failed",
        )
    assert "recovery.cancelled" not in await here.tags()
    assert (await publicly(here.running, f"/recovery/{here.tenant}/cancel", touch)).status == 200, "the control"


async def test_where_nothing_waits_nothing_is_told(here: World) -> None:
    answers = [
        await publicly(here.running, f"/recovery/{each}/cancel/challenge") for each in (here.tenant, UUID(int=9))
    ]
    assert {told(answer) for answer in answers} == {(409, "no_recovery")}
    touch = SoftwareKey().get(b64(bytes(32)))
    answers = [await publicly(here.running, f"/recovery/{each}/cancel", touch) for each in (here.tenant, UUID(int=9))]
    assert {told(answer) for answer in answers} == {(409, "no_recovery")}
    assert told(await here.olga.user.post("/tenants/me/recovery/cancel")) == (409, "no_recovery")


async def test_a_superadmin_in_the_tenant_s_name_does_not_speak_for_it(here: World) -> None:
    await here.waits()
    inside = {"X_Impersonate_Tenant": str(here.tenant), "X_Effective_Role": "user"}
    path = "/api/v1/tenants/me/recovery/cancel"
    answer = await call(here.running.app, here.ann.client.raw, path, "POST", None, **inside)
    assert told(answer) == (403, "impersonation_refused")


async def test_to_suspend_the_tenant_ends_it_because_its_keys_could_not(here: World) -> None:
    await here.waits()
    for turn in ("suspend", "activate"):
        assert (await here.ann.client.post(f"/admin/tenants/{here.tenant}/{turn}")).status == 200
    here.clock.passes(hours=72)
    assert told(await here.ann.completes(here.tenant)) == (409, "no_recovery")
    assert "recovery.cancelled" in await here.tags()


async def test_a_suspended_tenant_is_not_recovered(here: World) -> None:
    assert (await here.ann.client.post(f"/admin/tenants/{here.tenant}/suspend")).status == 200
    assert told(await here.ann.opens(here.tenant)) == (409, "tenant_not_active")


# Completing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("early", [timedelta(hours=72), timedelta(hours=1), timedelta(microseconds=1)])
async def test_it_is_not_completed_before_three_days_are_over(here: World, early: timedelta) -> None:
    """Went red when the decision did not look at the time."""
    await here.waits()
    here.clock.now = NOON + timedelta(hours=72) - early
    answer = await here.ann.completes(here.tenant)
    assert told(answer) == (409, "recovery_too_early")
    assert answer.error["ready_at"].startswith("2026-03-30T12:00:00")
    assert (await here.olga.user.get("/tenants/me")).status == 200
    here.clock.now = NOON + timedelta(hours=72)
    assert (await here.ann.completes(here.tenant)).status == 200, "the control"


async def test_one_superadmin_alone_completes_nothing_however_long_it_waits(here: World) -> None:
    assert (await here.ann.opens(here.tenant)).status == 200
    here.clock.passes(hours=23)
    assert told(await here.ann.completes(here.tenant)) == (409, "recovery_needs_another")
    here.clock.passes(hours=100)
    assert told(await here.ann.completes(here.tenant)) == (409, "no_recovery")


async def test_completed_it_ends_every_user_key_and_security_key_and_the_link_makes_new_ones(here: World) -> None:
    agents_key = (await here.olga.user.post("/api_keys", {"name": "k", "role": "agent"})).json()["api_key"]["raw_key"]
    link, key = await here.link(), SoftwareKey()
    assert told(await here.olga.user.get("/tenants/me")) == (401, "invalid_api_key")
    assert (await call(here.running.app, agents_key, "/api/v1/tenants/me")).status == 200, "agents go on"
    answer = await used(here.running, link, key)
    assert answer.status == 201, answer.body
    shown = answer.json()["data"]["api_key"]
    assert (shown["role"], answer.headers["cache-control"]) == ("user", "no-store")
    anew = Person(Client(here.running, here.tenant, shown["raw_key"]), (key,))
    listed = (await anew.user.get("/tenants/me/authenticators")).json()["data"]
    assert [unb64(each["credential_id"]) for each in listed] == [key.credential_id]
    project = await anew.user.project()
    assert told(await anew.user.delete(f"/projects/{project}")) == (401, "webauthn_required")
    assert (await anew.send("DELETE", f"/projects/{project}")).status == 200
    tags = await here.tags()
    at = tags.index("recovery.completed")
    assert tags[at : at + 3] == ["recovery.completed", "authenticator.removed", "api_key.revoked"]


async def test_a_link_is_good_once_for_a_day_and_for_its_tenant(here: World) -> None:
    link = await here.link()
    secret = link.rpartition(".")[2]
    for wrong in (f"#{here.tenant}.AAAA", f"#{UUID(int=9)}.{secret}", f"#{here.tenant}.{secret}A"):
        assert told(await used(here.running, wrong, SoftwareKey())) == (409, "recovery_link_spent")
    assert (await used(here.running, link, SoftwareKey())).status == 201
    assert told(await used(here.running, link, SoftwareKey())) == (409, "recovery_link_spent")
    assert told(await here.ann.completes(here.tenant)) == (409, "no_recovery"), "nor is there another one"


async def test_until_the_link_is_used_no_superadmin_destroys_in_the_tenant_s_name(here: World) -> None:
    """Then the tenant has no security key, which is not to say that it needs none."""
    path = f"{API}/projects/{await here.olga.user.project()}"
    inside = {"X_Impersonate_Tenant": str(here.tenant), "X_Effective_Role": "user"}
    assert told(await call(here.running.app, here.ann.client.raw, path, "DELETE", None, **inside))[0] == 401
    await here.link()
    answer = await call(here.running.app, here.ann.client.raw, path, "DELETE", None, **inside)
    assert told(answer) == (401, "webauthn_required")


async def test_for_a_link_that_was_not_used_there_is_another_one(here: World) -> None:
    first = await here.link()
    here.clock.passes(hours=24)
    assert told(await used(here.running, first, SoftwareKey())) == (409, "recovery_link_spent")
    answer = await here.bob.completes(here.tenant)
    second = answer.json()["data"]["link"]
    assert told(await used(here.running, first, SoftwareKey())) == (409, "recovery_link_spent")
    assert (await used(here.running, second, SoftwareKey())).status == 201


async def test_the_link_is_kept_nowhere_and_a_retry_hears_it_again(here: World) -> None:
    await here.waits()
    here.clock.passes(hours=72)
    touch = await here.ann.touch(here.tenant, "/complete")
    answers = [
        await here.ann.step(here.tenant, "/complete", None, touch, Idempotency_Key=f"once-{here.tenant}")
        for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].body == answers[1].body
    secret = answers[0].json()["data"]["link"].rpartition(".")[2]
    async with here.running.store.database.tenant_transaction(here.tenant) as tx:
        for kept in (
            "SELECT count(*) FROM app.log_entry WHERE tenant_id = $1 AND position($2::bytea IN entry) > 0",
            "SELECT count(*) FROM app.idempotency WHERE tenant_id = $1 AND position($2::bytea IN body) > 0",
        ):
            assert await tx.fetchval(kept, here.tenant, secret.encode()) == 0
            assert await tx.fetchval(kept, here.tenant, b"burnt down") > 0, "the control"


async def test_a_link_that_was_used_is_no_link_of_the_next_recovery(here: World) -> None:
    """Requests that are alike but for the touch, which is in a header; their first answer is long forgotten."""
    path, links = f"/admin/tenants/{here.tenant}/recovery/complete", []
    for _ in range(2):
        await here.waits()
        here.clock.passes(hours=72)
        touch = b64(msgspec.json.encode(await here.ann.touch(here.tenant, "/complete")))
        async with session(here.database.admin_url) as connection:
            await connection.execute("DELETE FROM app.idempotency")
        answer = await here.ann.client.post(path, Idempotency_Key="complete", Loopctl_Assertion=touch)
        links.append(answer.json()["data"]["link"])
        if len(links) == 1:
            assert (await used(here.running, links[0], SoftwareKey())).status == 201
    assert told(await used(here.running, links[0], SoftwareKey())) == (409, "recovery_link_spent")
    assert (await used(here.running, links[1], SoftwareKey())).status == 201, "the control"


async def test_of_a_cancel_and_a_completion_at_once_one_counts(here: World, copied: TestDatabase) -> None:
    async with service(copied, utc_now=here.clock) as other:
        await here.waits()
        here.clock.passes(hours=72)
        elsewhere = structs.replace(here.ann, client=Client(other, here.tenant, here.ann.client.raw))
        touches = [await here.ann.touch(here.tenant, "/complete") for _ in range(4)]
        answers = await asyncio.gather(
            here.olga.user.post("/tenants/me/recovery/cancel"),
            *(elsewhere.step(here.tenant, "/complete", None, touch) for touch in touches),
        )
    tags = await here.tags()
    cancelled, completed = tags.count("recovery.cancelled"), tags.count("recovery.completed")
    assert (cancelled == 1) != (completed >= 1), tags
    assert (answers[0].status == 200) == (cancelled == 1)


@pytest.mark.parametrize("said", [RIGHT, Said(count=0)], ids=["a key that counts", "a key that does not"])
async def test_the_same_touch_at_once_completes_it_once(here: World, said: Said) -> None:
    """Went red for the key that does not count when two steps could be in one batch."""
    await here.waits()
    if said.count == 0:
        async with session(here.database.admin_url) as connection:
            await connection.execute("UPDATE app.superadmin_authenticator SET sign_count = 0")
    here.clock.passes(hours=72)
    touch = await here.ann.touch(here.tenant, "/complete", None, said)
    async with here.running.store.database.tenant_transaction(here.tenant) as tx:
        await tx.execute(HOLD, here.tenant)  # so that they wait behind another one, for one batch
        other = asyncio.create_task(here.ann.client.patch(f"/admin/tenants/{here.tenant}", {"name": "Other"}))
        await asyncio.sleep(0.3)
        steps = [asyncio.create_task(here.ann.step(here.tenant, "/complete", None, touch)) for _ in range(8)]
        await asyncio.sleep(0.5)
    await other
    answers = await asyncio.gather(*steps)
    assert sorted(answer.status for answer in answers) == [200, *[401] * 7]
    assert (await here.tags()).count("recovery.completed") == 1


async def test_a_recovery_equals_its_rebuild(here: World) -> None:
    assert (await used(here.running, await here.link(), SoftwareKey())).status == 201
    assert [each for each in await rebuilt(here.database, here.tenant) if not each.was_equal] == []
