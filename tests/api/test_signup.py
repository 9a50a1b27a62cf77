"""POST /signup and the two steps before it: what makes a tenant, and what does not."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import cbor2
import pytest

from config.settings import Settings
from tests.api.logs import NOON, Service, service
from tests.api.signups import begun, described, enrolled, post, signed_up
from tests.api.work import Client
from tests.support.authenticator import BS, UP, UV, Said, SoftwareKey, b64, unb64
from tests.support.database import TestDatabase


@pytest.fixture
async def running(log_of_module: TestDatabase) -> AsyncIterator[Service]:
    async with service(log_of_module) as started:
        yield started


async def test_a_signup_makes_a_tenant_whose_first_key_works(running: Service) -> None:
    made = await signed_up(running, SoftwareKey(-7), SoftwareKey(-8), SoftwareKey(-257))
    user = Client(running, UUID(made["tenant"]["id"]), made["api_key"]["raw_key"])
    assert (made["api_key"]["role"], made["api_key"]["name"]) == ("user", "root")
    assert (made["tenant"]["status"], made["tenant"]["has_audit_key"]) == ("active", True)
    assert await user.project()
    told = (await user.get("/tenants/me")).json()
    assert told["api_key"]["id"] == made["api_key"]["id"]
    tags = [tag for tag, _ in await user.recorded()]
    assert tags == ["tenant.created", *["authenticator.enrolled"] * 3, "api_key.created", "project.created"]


async def test_its_first_event_says_that_its_trust_starts_from_a_security_key(running: Service) -> None:
    made = await signed_up(running)
    user = Client(running, UUID(made["tenant"]["id"]), made["api_key"]["raw_key"])
    (_, created), (_, key), *_ = await user.recorded()
    assert created.root_of_trust == "webauthn"
    assert (key.rp_id, key.attestation_format) == ("localhost", "none")


async def test_what_the_browser_brought_back_is_in_the_log_so_that_anybody_checks_it_again(running: Service) -> None:
    """With nothing of ours: the challenge stands in the client data, the key in the attestation."""
    made = await signed_up(running, SoftwareKey())
    user = Client(running, UUID(made["tenant"]["id"]), made["api_key"]["raw_key"])
    event = (await user.recorded())[1][1]
    assert event.challenge in unb64(event.client_data_json).decode()
    attested = cbor2.loads(unb64(event.attestation_object))["authData"]
    assert unb64(event.credential_id) in attested
    assert unb64(event.public_key) in attested


async def test_the_raw_key_is_in_no_table(running: Service, log_of_module: TestDatabase) -> None:
    made = await signed_up(running)
    user = Client(running, UUID(made["tenant"]["id"]), made["api_key"]["raw_key"])
    assert not any(made["api_key"]["raw_key"] in str(event) for _, event in await user.recorded())


async def test_of_64_equal_signups_at_once_one_makes_the_tenant(running: Service) -> None:
    """Of those without a key so many run at a time; the others are told to come back."""
    body = described(await enrolled(running, SoftwareKey()))
    answers = await asyncio.gather(*(post(running, "/signup", body) for _ in range(64)))
    assert sorted(each.status for each in answers)[:2] == [201, 409]
    assert {each.error["code"] for each in answers if each.status != 201} <= {"challenge_spent", "too_many_at_once"}
    assert sum(each.status == 201 for each in answers) == 1


async def test_of_64_equal_attestations_at_once_one_is_taken(running: Service) -> None:
    data = await begun(running)
    body = {"ceremony_id": data["ceremony_id"], **SoftwareKey().create(data["challenge"])}
    answers = await asyncio.gather(*(post(running, "/signup/attestation", body) for _ in range(64)))
    assert sum(each.status == 200 for each in answers) == 1
    assert {each.error["code"] for each in answers if each.status != 200} <= {"challenge_spent", "too_many_at_once"}


async def test_a_draft_that_became_a_tenant_takes_no_more_keys(running: Service) -> None:
    ceremony = await enrolled(running, SoftwareKey())
    assert (await post(running, "/signup", described(ceremony))).status == 201
    answer = await post(running, "/signup/challenge", {"friendly_name": "late", "ceremony_id": ceremony})
    assert (answer.status, answer.error["code"]) == (409, "challenge_spent")


async def test_without_a_security_key_there_is_no_tenant(running: Service) -> None:
    data = await begun(running)
    answer = await post(running, "/signup", described(data["ceremony_id"]))
    assert (answer.status, answer.error["code"]) == (422, "no_authenticators")


async def test_there_are_five_security_keys_at_most(running: Service) -> None:
    ceremony = await enrolled(running, *(SoftwareKey() for _ in range(5)))
    answer = await post(running, "/signup/challenge", {"friendly_name": "sixth", "ceremony_id": ceremony})
    assert (answer.status, answer.error["code"]) == (422, "too_many_authenticators")


async def test_a_key_that_was_removed_on_the_page_is_not_the_tenants(running: Service) -> None:
    kept, removed = SoftwareKey(), SoftwareKey()
    body = described(await enrolled(running, kept, removed), authenticators=[b64(kept.credential_id)])
    made = (await post(running, "/signup", body)).json()
    user = Client(running, UUID(made["tenant"]["id"]), made["api_key"]["raw_key"])
    enrolled_keys = [event.credential_id for tag, event in await user.recorded() if tag == "authenticator.enrolled"]
    assert enrolled_keys == [b64(kept.credential_id)]


@pytest.mark.parametrize("which", ["slug", "email"])
async def test_what_another_tenant_has_is_taken_and_nothing_is_half_made(running: Service, which: str) -> None:
    other = await signed_up(running)
    body = described(await enrolled(running, SoftwareKey()), **{which: other["tenant"][which]})
    answer = await post(running, "/signup", body)
    assert (answer.status, answer.error["code"]) == (422, f"{which}_taken")
    again = await post(running, "/signup", described(body["ceremony_id"]))
    assert again.status == 201, "the same ceremony goes on with another name"


async def test_a_security_key_belongs_to_one_tenant(running: Service) -> None:
    key = SoftwareKey()
    await signed_up(running, key)
    answer = await post(running, "/signup", described(await enrolled(running, key)))
    assert (answer.status, answer.error["code"]) == (422, "invalid_attestation")


async def test_all_that_is_wrong_with_the_fields_is_said_at_once(running: Service) -> None:
    ceremony = await enrolled(running, SoftwareKey())
    answer = await post(running, "/signup", described(ceremony, name=" ", slug="A_", email="nobody"))
    assert (answer.status, set(answer.error["details"])) == (422, {"name", "slug", "email"})


WRONG: dict[str, Said] = {
    "another type": Said(type="webauthn.get"),
    "another origin": Said(origin="http://evil.example"),
    "the same host on another port": Said(origin="http://localhost:4001"),
    "another relying party": Said(rp_id="evil.example"),
    "nobody was there": Said(flags=UV),
    "nobody was verified": Said(flags=UP),
    "a frame of another site": Said(client={"crossOrigin": True}),
    "a frame that names its top": Said(client={"topOrigin": "http://evil.example"}),
    "crossOrigin of another type": Said(client={"crossOrigin": "no"}),
    "backed up and not to be": Said(flags=UP | UV | BS),
    "bytes after the key": Said(trailing=b"\0"),
    "an attestation of no known kind": Said(format="made-up"),
    "client data that is none": Said(raw_client=b"{"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
async def test_an_attestation_with_one_thing_wrong_is_refused_and_stores_nothing(running: Service, wrong: Said) -> None:
    data = await begun(running)
    key = SoftwareKey()
    body = {"ceremony_id": data["ceremony_id"], **key.create(data["challenge"], wrong)}
    answer = await post(running, "/signup/attestation", body)
    assert (answer.status, answer.error["code"]) == (422, "invalid_attestation"), answer.body
    right = {"ceremony_id": data["ceremony_id"], **key.create(data["challenge"])}
    assert (await post(running, "/signup/attestation", right)).status == 200, "the control: the same key, put right"


async def test_a_member_twice_in_the_client_data_is_refused(running: Service) -> None:
    data = await begun(running)
    twice = (
        f'{{"type":"webauthn.create","challenge":"{data["challenge"]}","origin":"http://evil.example",'
        f'"origin":"http://localhost:4000"}}'
    )
    body = SoftwareKey().create(data["challenge"], Said(raw_client=twice.encode()))
    answer = await post(running, "/signup/attestation", {"ceremony_id": data["ceremony_id"], **body})
    assert (answer.status, answer.error["code"]) == (422, "invalid_attestation")


@pytest.mark.parametrize("alg", [-35, -65535])
async def test_a_key_of_another_algorithm_is_refused(running: Service, alg: int) -> None:
    data = await begun(running)
    body = {"ceremony_id": data["ceremony_id"], **SoftwareKey(alg).create(data["challenge"])}
    assert (await post(running, "/signup/attestation", body)).error["code"] == "invalid_attestation"


async def test_a_packed_attestation_is_checked(running: Service) -> None:
    ceremony = await enrolled(running, SoftwareKey(), said=Said(format="packed"))
    data = await begun(running, ceremony=ceremony)
    made = SoftwareKey().create(data["challenge"], Said(format="packed"))
    broken = cbor2.loads(unb64(made["attestation_object"]))
    broken["attStmt"]["sig"] = broken["attStmt"]["sig"][:-1] + bytes([broken["attStmt"]["sig"][-1] ^ 1])
    made["attestation_object"] = b64(cbor2.dumps(broken))
    answer = await post(running, "/signup/attestation", {"ceremony_id": ceremony, **made})
    assert (answer.status, answer.error["code"]) == (422, "invalid_attestation")


@pytest.mark.parametrize("member", ["credential_id", "attestation_object", "client_data_json"])
@pytest.mark.parametrize("damage", ["!", "é", "A", "truncated", "of another key"])
async def test_a_damaged_member_is_refused(running: Service, member: str, damage: str) -> None:
    data = await begun(running)
    body: dict[str, Any] = SoftwareKey().create(data["challenge"])
    other = SoftwareKey().create("AAAA")[member]
    body[member] = {"truncated": body[member][: len(body[member]) // 2], "of another key": other}.get(damage, damage)
    answer = await post(running, "/signup/attestation", {"ceremony_id": data["ceremony_id"], **body})
    assert (answer.status, answer.error["code"]) == (422, "invalid_attestation"), answer.body


async def test_a_challenge_ends_after_five_minutes_and_a_draft_after_fifteen(log_of_module: TestDatabase) -> None:
    at = NOON

    async with service(log_of_module, utc_now=lambda: at) as running:
        data = await begun(running)
        at = NOON + timedelta(minutes=5)
        late = {"ceremony_id": data["ceremony_id"], **SoftwareKey().create(data["challenge"])}
        answer = await post(running, "/signup/attestation", late)
        assert (answer.status, answer.error["code"]) == (409, "challenge_spent")
        await begun(running, ceremony=data["ceremony_id"])
        at = NOON + timedelta(minutes=15)
        answer = await post(running, "/signup", described(data["ceremony_id"]))
        assert (answer.status, answer.error["code"]) == (409, "challenge_spent")


async def test_what_was_left_unfinished_is_cleared_by_later_signups(log_of_module: TestDatabase) -> None:
    at = NOON + timedelta(days=1)
    async with service(log_of_module, utc_now=lambda: at) as running:
        left = UUID((await begun(running))["ceremony_id"])
        at += timedelta(hours=2)
        await begun(running)
        async with running.store.database.tenant_transaction(left) as tx:
            assert not await tx.fetch("SELECT FROM app.webauthn_challenge WHERE tenant_id = $1", left)


async def test_one_address_makes_five_tenants_an_hour(log_of_module: TestDatabase) -> None:
    at = NOON + timedelta(days=2)
    settings = Settings()
    async with service(log_of_module, settings=settings, utc_now=lambda: at) as running:
        ceremonies = [await enrolled(running, SoftwareKey()) for _ in range(7)]
        bodies = [described(ceremony) for ceremony in ceremonies]
        answers = await asyncio.gather(*(post(running, "/signup", body) for body in bodies[:6]))
        assert sorted(each.status for each in answers) == [201] * 5 + [429]
        refused = next(each for each in answers if each.status == 429)
        assert (refused.error["code"], refused.headers["retry-after"]) == ("rate_limited", "3600")
        at += timedelta(hours=1)
        assert (await post(running, "/signup", described(await enrolled(running, SoftwareKey())))).status == 201


async def test_an_operator_can_close_the_signup(log_of_module: TestDatabase) -> None:
    async with service(log_of_module, settings=Settings(signups_per_hour=0)) as running:
        answer = await post(running, "/signup/challenge", {"friendly_name": "k"})
        assert (answer.status, answer.error["code"]) == (403, "signup_closed")
