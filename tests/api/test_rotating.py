"""The key of a log, changed by whoever may: a person with a touch, a user key where nobody can touch, the operator."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from api.log.rotating import RotationWish, by_operator, rotate_log_key
from domain.errors import Conflict
from domain.tenant import CustodyHalted
from eventstore.heads.log_keys import read_log_keys
from eventstore.heads.rotate import Signing
from loopctl.tlog.keys import KeyEpoch, key_history
from loopctl.tlog.note import parse_note
from loopctl.tlog.trust import Trust, open_checkpoint
from loopctl.tlog.vkey import parse_vkey
from tests.api.logs import KEYRING, Service, service
from tests.api.touching import Person, person
from tests.api.work import Client, client
from tests.support.authenticator import SoftwareKey
from tests.support.database import TestDatabase, copied_database


@pytest.fixture(scope="module")
async def copied(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as database:
        yield database


@pytest.fixture
async def running(copied: TestDatabase) -> AsyncIterator[Service]:
    async with service(copied) as started:
        yield started


@pytest.fixture
async def olga(running: Service) -> Person:
    return await person(running)


@pytest.fixture
async def ann(running: Service) -> Client:
    """A user of a tenant without a security key."""
    return await client(running)


def of(user: Client, which: str = "rotate") -> str:
    return f"/tenants/{user.tenant}/{which}-audit-key"


def told(answer: Any) -> tuple[int, str]:
    return answer.status, answer.error["code"]


async def keys(user: Client) -> Any:
    return (await user.get(f"/tenants/{user.tenant}/audit_public_keys")).json()["data"]


async def tags(user: Client) -> list[str]:
    return [tag for tag, _ in await user.recorded()]


# Who may --------------------------------------------------------------------------------------------------------------


async def test_a_person_changes_the_key_with_a_touch_and_not_without(olga: Person) -> None:
    before, size = await keys(olga.user), len(await tags(olga.user))
    assert told(await olga.user.post(of(olga.user), {})) == (401, "webauthn_required")
    assert (await keys(olga.user), len(await tags(olga.user))) == (before, size)
    answer = await olga.send("POST", of(olga.user), {"reason": "staff_left"})
    assert answer.status == 200, answer.body
    assert (await tags(olga.user))[-2:] == ["authenticator.asserted", "log.key_rotated"]
    old, new = await keys(olga.user)
    said = answer.json()["data"]
    assert (said["vkey"], said["key_id"], said["reason"]) == (new["vkey"], new["key_id"], "staff_left")
    assert (old["vkey"], new["first_size"]) == (before[0]["vkey"], len(await tags(olga.user)))


async def test_a_touch_for_another_reason_changes_nothing(olga: Person) -> None:
    touch = await olga.touch("POST", of(olga.user), {"reason": "scheduled"})
    answer = await olga.sent("POST", of(olga.user), {"reason": "compromise"}, touch)
    assert told(answer) == (401, "webauthn_failed")
    assert len(await keys(olga.user)) == 1
    answer = await olga.sent("POST", of(olga.user), {"reason": "scheduled"}, touch)
    assert answer.status == 200, "the control: the touch was good for what it was made for"


async def test_where_there_is_no_security_key_the_user_key_is_enough(ann: Client) -> None:
    answer = await ann.post(of(ann))
    assert (answer.status, answer.json()["data"]["reason"]) == (200, "scheduled")
    assert (await tags(ann))[-1] == "log.key_rotated"


async def test_the_operator_changes_the_key_of_nobody_who_can_be_asked_for_a_touch(
    running: Service, olga: Person, ann: Client
) -> None:
    """Also of a tenant that the operator made, once it has a security key."""
    await by_the_operator(running, ann.tenant)
    with pytest.raises(Conflict, match="starts from a person"):
        await by_the_operator(running, olga.user.tenant)
    asked = await ann.post("/tenants/me/authenticators/challenge", {"friendly_name": "k"})
    made = SoftwareKey().create(asked.json()["data"]["challenge"])
    assert (await ann.post("/tenants/me/authenticators", made)).status == 201
    with pytest.raises(Conflict, match="touch it"):
        await by_the_operator(running, ann.tenant)
    assert (len(await keys(ann)), len(await keys(olga.user))) == (2, 1)


async def by_the_operator(running: Service, tenant: UUID) -> None:
    wish = RotationWish(tenant, ("operator",), "scheduled", by_operator(tenant))
    await rotate_log_key(running.store, Signing(KEYRING), wish)


# What comes of it -----------------------------------------------------------------------------------------------------


async def test_the_boundary_head_has_a_line_by_each_key_and_older_heads_stay_good(ann: Client) -> None:
    first = (await ann.get(f"/audit/sth/{ann.tenant}")).json()["data"]
    await ann.post(of(ann))
    told_keys = await keys(ann)
    trust = Trust(key_history([KeyEpoch(parse_vkey(each["vkey"]), each["first_size"]) for each in told_keys]))
    boundary = (await ann.get(f"/audit/sth/{ann.tenant}?at={told_keys[1]['first_size'] - 1}")).json()["data"]
    assert boundary["size"] == told_keys[1]["first_size"]
    assert len(parse_note(boundary["note"].encode()).lines) == 2
    for head in (first, boundary):
        assert open_checkpoint(head["note"].encode(), trust).checkpoint.size == head["size"]


async def test_a_key_that_others_have_ends_with_the_boundary_head(ann: Client) -> None:
    await ann.post(of(ann), {"reason": "compromise"})
    old, new = await keys(ann)
    assert (old["last_size"], old["retired_at"] is None, new["first_size"]) == (
        new["first_size"],
        False,
        old["last_size"],
    )


async def test_a_reason_that_is_no_word_is_said_to_be_none(ann: Client) -> None:
    for reason in ("", "Because!", "a" * 64, "a b", "é"):
        answer = await ann.post(of(ann), {"reason": reason})
        assert told(answer) == (422, "validation_failed")
        assert "lower-case" in answer.error["details"]["reason"][0]
    assert len(await keys(ann)) == 1


async def test_a_retry_hears_the_same_key_and_changes_nothing_more(olga: Person) -> None:
    touch = await olga.touch("POST", of(olga.user), {})
    body = {"webauthn_assertion": touch}
    first, again = [await olga.user.send("POST", of(olga.user), body, Idempotency_Key="once") for _ in range(2)]
    assert (first.status, again.status, first.body) == (200, 200, again.body)
    assert len(await keys(olga.user)) == 2


async def test_changes_at_once_in_two_processes_are_each_whole_or_refused(copied: TestDatabase, ann: Client) -> None:
    """Went red when the decision did not compare the key: two keys followed the same one."""
    async with service(copied) as other:
        elsewhere = Client(other, ann.tenant, ann.raw)
        answers = await asyncio.gather(*(each.post(of(ann)) for each in (ann, elsewhere) * 8))
    done = [answer for answer in answers if answer.status == 200]
    refused = {told(answer) for answer in answers if answer.status != 200}
    assert refused <= {(409, "audit_key_changed")}
    assert refused, "they have met"
    assert len(await keys(ann)) == len(done) + 1
    assert (await tags(ann)).count("log.key_rotated") == len(done)


async def test_a_halt_keeps_nobody_from_changing_the_key_that_may_have_caused_it(ann: Client) -> None:
    await ann.happens("tenant", str(ann.tenant), CustodyHalted(reason="self_attempt"))
    assert told(await ann.post("/api_keys", {"name": "k", "role": "agent"})) == (503, "tenant_halted")
    assert (await ann.post(of(ann))).status == 200


# The first key --------------------------------------------------------------------------------------------------------


async def test_a_log_with_a_key_gets_no_second_first_one(running: Service, ann: Client, olga: Person) -> None:
    assert told(await ann.post(of(ann, "bootstrap"))) == (409, "audit_key_exists")
    assert told(await olga.user.post(of(olga.user, "bootstrap"))) == (409, "audit_key_exists")
    async with running.store.database.tenant_transaction(ann.tenant) as tx:
        assert len(await read_log_keys(tx)) == 1
