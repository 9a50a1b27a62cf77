"""What destroys or weakens needs a touch of a security key, for exactly that request (B14)."""

import asyncio
import hashlib
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import cbor2
import msgspec
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from tests.api.logs import NOON, Service, service
from tests.api.signups import begun
from tests.api.touching import Person, person
from tests.api.work import API, Client, client, nobody
from tests.support.authenticator import BE, BS, RIGHT, UP, UV, Said, SoftwareKey, b64, unb64
from tests.support.database import TestDatabase

USER_KEY = {"name": "another", "role": "user"}


@pytest.fixture
async def olga(served: Service) -> Person:
    return await person(served)


def told(answer: Any) -> tuple[int, str]:
    return answer.status, answer.error["code"]


async def test_a_project_goes_with_a_touch_and_not_without(olga: Person) -> None:
    project = await olga.user.project()
    path = f"/projects/{project}"
    assert told(await olga.user.delete(path)) == (401, "webauthn_required")
    assert (await olga.user.get(path)).json()["project"]["status"] == "active"
    assert (await olga.send("DELETE", path)).status == 200
    tags = [tag for tag, _ in await olga.user.recorded()]
    assert tags[-2:] == ["authenticator.asserted", "project.archived"]


async def test_where_there_is_no_security_key_nothing_asks_for_one(served: Service) -> None:
    ann = await client(served)
    project = await ann.project()
    answer = await ann.post("/tenants/me/webauthn/challenge", {"method": "DELETE", "path": f"{API}/projects/{project}"})
    assert told(answer) == (422, "no_authenticators")
    assert (await ann.delete(f"/projects/{project}")).status == 200


async def test_each_of_what_destroys_or_weakens_waits_for_a_touch(olga: Person) -> None:
    """The control beside each: what is next to it and weakens nothing goes without."""
    user = olga.user
    project = await user.project()
    epic = await user.epic(project)
    story = await user.story(epic)
    lead = (await user.post("/api_keys", {"name": "k", "role": "agent"})).json()["api_key"]
    assert lead["raw_key"], "a key of another role needs no touch"
    own = (await user.get("/tenants/me")).json()["api_key"]["id"]
    strong = {"settings": {"lineage_policy": "strict", "require_distinct_verifier": True}}
    assert (await user.patch("/tenants/me", strong)).status == 200, "to make custody stronger needs none"
    weak = {"settings": {"lineage_policy": "agent"}}
    wishes = [
        ("DELETE", f"/stories/{story}", None), ("DELETE", f"/epics/{epic}", None),
        ("DELETE", f"/projects/{project}", None), ("POST", "/api_keys", USER_KEY),
        ("POST", f"/api_keys/{own}/rotate", {}), ("PATCH", "/tenants/me", weak),
        ("POST", "/dispatches", {"role": "agent"}),
    ]  # fmt: skip
    for method, path, body in wishes:
        assert told(await user.send(method, path, body)) == (401, "webauthn_required"), path
    for method, path, body in wishes:
        answer = await olga.send(method, path, body)
        assert answer.status in (200, 201, 204), (path, answer.body)
        assert "ignored" not in (answer.json() if answer.body else {})


WRONG: dict[str, Said] = {
    "the type of an enrolment": Said(type="webauthn.create"),
    "a type of its own": Said(type="payment.get"),
    "another origin": Said(origin="http://evil.example"),
    "another scheme": Said(origin="https://localhost:4000"),
    "another port": Said(origin="http://localhost:4001"),
    "an origin with a path": Said(origin="http://localhost:4000/"),
    "an origin below ours": Said(origin="http://a.localhost:4000"),
    "an origin of other letters": Said(origin="http://LOCALHOST:4000"),
    "no origin": Said(origin=""),
    "another relying party": Said(rp_id="evil.example"),
    "a relying party below ours": Said(rp_id="a.localhost"),
    "nobody was there": Said(flags=UV),
    "nobody was verified": Said(flags=UP),
    "neither": Said(flags=0),
    "it may be backed up, and could not": Said(flags=UP | UV | BE),
    "it is backed up, and cannot be": Said(flags=UP | UV | BS),
    "a frame of another site": Said(client={"crossOrigin": True}),
    "crossOrigin as text": Said(client={"crossOrigin": "false"}),
    "crossOrigin as a number": Said(client={"crossOrigin": 0}),
    "a frame that names its top": Said(client={"topOrigin": "http://localhost:4000"}),
    "one byte after the data": Said(trailing=b"\0"),
    "a key in the data": Said(flags=UP | UV | 0x40),
    "client data that is no JSON": Said(raw_client=b"{"),
    "client data that is a list": Said(raw_client=b"[]"),
    "client data that is no text": Said(raw_client=b"\xff\xfe"),
    "no client data": Said(raw_client=b""),
    "client data without a challenge": Said(raw_client=b'{"type":"webauthn.get","origin":"http://localhost:4000"}'),
    "client data that is too long": Said(client={"more": "x" * 5000}),
    "another challenge": Said(client={"challenge": b64(bytes(32))}),
    "a challenge that is short": Said(client={"challenge": "AAAA"}),
    "a challenge that is no text": Said(client={"challenge": 7}),
    "a challenge in another alphabet": Said(client={"challenge": "é" * 43}),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
async def test_a_touch_with_one_thing_wrong_is_refused_and_put_right_it_is_taken(olga: Person, wrong: Said) -> None:
    answer = await olga.send("POST", "/api_keys", USER_KEY, said=wrong)
    assert told(answer) == (401, "webauthn_failed"), answer.body
    assert (await olga.send("POST", "/api_keys", USER_KEY)).status == 201


DAMAGES: dict[str, tuple[str, Any]] = {
    "a signature of another key": ("signature", b64(SoftwareKey().sign(b"m"))),
    "a signature that is none": ("signature", "AAAA"),
    "no signature": ("signature", ""),
    "a member in another alphabet": ("signature", "é"),
    "a credential of nobody": ("credential_id", "AAAA"),
    "data that is cut off": ("authenticator_data", b64(bytes(36))),
    "a member that is a number": ("signature", 7),
    "a member too many": ("user_handle", "AAAA"),
}


@pytest.mark.parametrize(("member", "value"), DAMAGES.values(), ids=DAMAGES.keys())
async def test_a_damaged_touch_is_refused_and_whole_it_is_taken(olga: Person, member: str, value: Any) -> None:
    whole = await olga.touch("POST", "/api_keys", USER_KEY)
    answer = await olga.sent("POST", "/api_keys", USER_KEY, {**whole, member: value})
    assert told(answer) == (401, "webauthn_failed"), answer.body
    assert (await olga.sent("POST", "/api_keys", USER_KEY, whole)).status == 201


@pytest.mark.parametrize("given", [None, "", "AAAA", "!", 7, [], {}, {"credential_id": "AAAA"}])
async def test_what_is_no_assertion_is_refused(olga: Person, given: Any) -> None:
    answer = await olga.sent("POST", "/api_keys", USER_KEY, given)
    assert answer.status == 401, answer.body


async def test_every_bit_of_a_signature_and_of_its_data_counts(olga: Person) -> None:
    whole = await olga.touch("POST", "/api_keys", USER_KEY)
    for member in ("signature", "authenticator_data"):
        for place in range(len(unb64(whole[member])) * 8):
            damaged = bytearray(unb64(whole[member]))
            damaged[place // 8] ^= 1 << place % 8
            answer = await olga.sent("POST", "/api_keys", USER_KEY, {**whole, member: b64(bytes(damaged))})
            assert answer.status == 401, (member, place, answer.body)
    assert (await olga.sent("POST", "/api_keys", USER_KEY, whole)).status == 201


async def test_a_touch_is_for_one_method_path_query_body_key_and_tenant(served: Service, olga: Person) -> None:
    """Each of the bound fields is another one; the control is the request that was confirmed."""
    one, two = await olga.user.project("one"), await olga.user.project("two")
    made = (await olga.send("POST", "/api_keys", USER_KEY)).json()["api_key"]["raw_key"]
    other_key = Client(served, olga.user.tenant, made)
    stranger = await person(served)
    touch = await olga.touch("DELETE", f"/projects/{one}")
    header = {"Loopctl_Assertion": b64(msgspec.json.encode(touch))}
    wrong = [
        await olga.user.send("DELETE", f"/projects/{two}", None, **header),
        await olga.user.send("DELETE", "/projects/one", None, **header),
        await olga.user.send("DELETE", f"/projects/{one}?force=true", None, **header),
        await olga.user.send("POST", "/api_keys", USER_KEY, **header),
        await other_key.send("DELETE", f"/projects/{one}", None, **header),
        await stranger.user.send("DELETE", f"/projects/{await stranger.user.project()}", None, **header),
    ]
    assert {told(answer) for answer in wrong} == {(401, "webauthn_failed")}
    body = await olga.touch("POST", "/api_keys", USER_KEY)
    for changed in (
        {**USER_KEY, "name": "b"},
        {**USER_KEY, "expires_at": "2099-01-01T00:00:00Z"},
        {**USER_KEY, "x": 1},
    ):
        assert told(await olga.sent("POST", "/api_keys", changed, body)) == (401, "webauthn_failed")
    assert (await olga.user.send("DELETE", f"/projects/{one}", None, **header)).status == 200
    assert (await olga.sent("POST", "/api_keys", dict(reversed(USER_KEY.items())), body)).status == 201, "order is none"


async def test_a_touch_of_another_tenants_key_is_none(served: Service, olga: Person) -> None:
    stranger = await person(served)
    answer = await olga.user.post(
        "/tenants/me/webauthn/challenge", {"method": "POST", "path": API + "/api_keys", "body": USER_KEY}
    )
    touch = stranger.keys[0].get(answer.json()["data"]["challenge"])
    assert told(await olga.sent("POST", "/api_keys", USER_KEY, touch)) == (401, "webauthn_failed")


async def test_a_touch_is_good_once(olga: Person) -> None:
    touch = await olga.touch("POST", "/api_keys", USER_KEY)
    assert (await olga.sent("POST", "/api_keys", USER_KEY, touch)).status == 201
    assert told(await olga.sent("POST", "/api_keys", USER_KEY, touch)) == (401, "webauthn_failed")


@pytest.mark.parametrize("processes", [1, 2])
async def test_of_64_requests_with_one_touch_one_is_carried_out(
    log_of_module: TestDatabase, served: Service, olga: Person, processes: int
) -> None:
    touch = await olga.touch("POST", "/api_keys", USER_KEY)
    async with service(log_of_module) as second:
        places = [served, second][:processes]
        clients = [Client(places[place % processes], olga.user.tenant, olga.user.raw) for place in range(64)]
        body = {**USER_KEY, "webauthn_assertion": touch}
        answers = await asyncio.gather(*(each.post("/api_keys", body) for each in clients))
    assert sum(answer.status == 201 for answer in answers) == 1
    assert {answer.error["code"] for answer in answers if answer.status != 201} <= {
        "webauthn_failed",
        "too_many_at_once",
    }
    made = [event for tag, event in await olga.user.recorded() if tag == "api_key.created"]
    assert len(made) == 2, "the root key, and one more"


async def test_a_retry_with_its_idempotency_key_hears_the_first_answer(olga: Person) -> None:
    body = {**USER_KEY, "webauthn_assertion": await olga.touch("POST", "/api_keys", USER_KEY)}
    first, again = [await olga.user.post("/api_keys", body, Idempotency_Key="once") for _ in range(2)]
    assert (first.status, again.body) == (201, first.body)


async def test_to_be_told_that_a_touch_is_needed_is_kept_under_no_idempotency_key(olga: Person) -> None:
    project = await olga.user.project()
    path, retry = f"/projects/{project}", {"Idempotency_Key": "twice"}
    assert (await olga.user.send("DELETE", path, None, **retry)).status == 401
    touch = b64(msgspec.json.encode(await olga.touch("DELETE", path)))
    assert (await olga.user.send("DELETE", path, None, **retry, Loopctl_Assertion=touch)).status == 200


async def test_a_challenge_ends_after_two_minutes(log_of_module: TestDatabase) -> None:
    at = NOON
    async with service(log_of_module, utc_now=lambda: at) as served:
        olga = await person(served)
        early, late = [await olga.touch("POST", "/api_keys", USER_KEY) for _ in range(2)]
        at = NOON + timedelta(seconds=119)
        assert (await olga.sent("POST", "/api_keys", USER_KEY, early)).status == 201
        at = NOON + timedelta(seconds=120)
        assert told(await olga.sent("POST", "/api_keys", USER_KEY, late)) == (401, "webauthn_failed")


async def test_a_challenge_for_an_enrolment_confirms_nothing(served: Service, olga: Person) -> None:
    for challenge in (
        (await begun(served))["challenge"],
        (await olga.user.post("/tenants/me/authenticators/challenge", {"friendly_name": "k"})).json()["data"][
            "challenge"
        ],
    ):
        touch = olga.keys[0].get(challenge)
        assert told(await olga.sent("POST", "/api_keys", USER_KEY, touch)) == (401, "webauthn_failed")


async def test_a_counter_that_goes_back_is_an_event_and_the_key_is_taken_no_more(served: Service) -> None:
    olga = await person(served, 2)
    assert (await olga.send("POST", "/api_keys", USER_KEY)).status == 201
    answer = await olga.send("POST", "/api_keys", USER_KEY, said=Said(count=1))
    assert told(answer) == (401, "webauthn_failed")
    assert (await olga.user.recorded())[-1][0] == "authenticator.suspected"
    assert told(await olga.send("POST", "/api_keys", USER_KEY)) == (401, "webauthn_failed")
    assert (await olga.send("POST", "/api_keys", USER_KEY, which=1)).status == 201, "the other key is"


async def test_keys_without_a_counter_are_taken_again_and_again(served: Service) -> None:
    key = SoftwareKey()
    never = Said(count=0)
    olga = Person((await with_key(served, key, never)), (key,))
    for _ in range(3):
        assert (await olga.send("POST", "/api_keys", USER_KEY, said=never)).status == 201


async def test_a_touch_without_a_counter_is_good_once_all_the_same(
    log_of_module: TestDatabase, served: Service
) -> None:
    """Went red when a challenge was good as long as it lasts: a counter hides that."""
    key, never = SoftwareKey(), Said(count=0)
    olga = Person(await with_key(served, key, never), (key,))
    touch = await olga.touch("POST", "/api_keys", USER_KEY, never)
    async with service(log_of_module) as second:
        places = [Client(each, olga.user.tenant, olga.user.raw) for each in (served, second)]
        body = {**USER_KEY, "webauthn_assertion": touch}
        answers = await asyncio.gather(*(places[number % 2].post("/api_keys", body) for number in range(16)))
    assert sorted(answer.status for answer in answers) == [201] + [401] * 15
    assert told(await olga.sent("POST", "/api_keys", USER_KEY, touch)) == (401, "webauthn_failed")


async def with_key(served: Service, key: SoftwareKey, said: Said) -> Client:
    ann = await client(served)
    data = (await ann.post("/tenants/me/authenticators/challenge", {"friendly_name": "k"})).json()["data"]
    answer = await ann.post("/tenants/me/authenticators", key.create(data["challenge"], said))
    assert answer.status == 201, answer.body
    return ann


async def test_anybody_can_check_later_that_a_person_touched_a_key_for_exactly_this(olga: Person) -> None:
    """From the entries of the log alone, with nothing of ours; changed, each of the six fields shows."""
    project = await olga.user.project()
    await olga.send("DELETE", f"/projects/{project}")
    events = await olga.user.recorded()
    enrolled = next(event for tag, event in events if tag == "authenticator.enrolled")
    asserted = next(event for tag, event in events if tag == "authenticator.asserted")
    fields = {
        "nonce": unb64(asserted.nonce), "tenant": olga.user.tenant.bytes, "method": b"DELETE",
        "path": f"/api/v1/projects/{project}".encode(), "body": hashlib.sha256(b"{}").digest(),
        "key": UUID(asserted.key_id).bytes,
    }  # fmt: skip
    assert touched(enrolled.public_key, asserted, list(fields.values()))
    for name in fields:
        changed = {**fields, name: fields[name][:-1] + bytes([fields[name][-1] ^ 1])}
        assert not touched(enrolled.public_key, asserted, list(changed.values())), name


def touched(public_key: str, asserted: Any, parts: list[bytes]) -> bool:
    pieces = [b"loopctl/webauthn/op/v1", *parts]
    message = len(pieces).to_bytes(8, "little")
    message += b"".join(len(piece).to_bytes(8, "little") + piece for piece in pieces)
    client_data = unb64(asserted.client_data_json)
    if json.loads(client_data)["challenge"] != b64(hashlib.sha256(message).digest()):
        return False
    cose = cbor2.loads(unb64(public_key))
    numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(cose[-2]), int.from_bytes(cose[-3]), ec.SECP256R1())
    signed = unb64(asserted.authenticator_data) + hashlib.sha256(client_data).digest()
    try:
        numbers.public_key().verify(unb64(asserted.signature), signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


async def test_keys_are_listed_renamed_added_and_removed_but_never_the_last(served: Service, olga: Person) -> None:
    (first,) = (await olga.user.get("/tenants/me/authenticators")).json()["data"]
    path = f"/tenants/me/authenticators/{first['id']}"
    assert (await olga.user.patch(path, {"friendly_name": "Old key"})).json()["data"]["friendly_name"] == "Old key"
    assert told(await olga.send("DELETE", path)) == (409, "last_authenticator")
    data = (await olga.user.post("/tenants/me/authenticators/challenge", {"friendly_name": "New"})).json()["data"]
    new = SoftwareKey()
    body = new.create(data["challenge"])
    assert told(await olga.user.post("/tenants/me/authenticators", body)) == (401, "webauthn_required")
    assert (await olga.send("POST", "/tenants/me/authenticators", body)).status == 201
    both = Person(olga.user, (*olga.keys, new))
    assert told(await olga.user.delete(path)) == (401, "webauthn_required")
    assert (await both.send("DELETE", path, which=1)).status == 204
    (left,) = (await olga.user.get("/tenants/me/authenticators")).json()["data"]
    assert left["friendly_name"] == "New"
    assert told(await both.send("POST", "/api_keys", USER_KEY)) == (401, "webauthn_failed"), "the old key is gone"


async def test_another_tenants_security_key_is_not_found(served: Service, olga: Person) -> None:
    bob = await person(served)
    (theirs,) = (await bob.user.get("/tenants/me/authenticators")).json()["data"]
    path = f"/tenants/me/authenticators/{theirs['id']}"
    assert told(await olga.user.patch(path, {"friendly_name": "mine"})) == (404, "not_found")
    assert told(await olga.send("DELETE", path)) == (404, "not_found")
    assert told(await olga.user.patch(f"/tenants/me/authenticators/{nobody()}", {"friendly_name": "x"}))[0] == 404


@pytest.mark.parametrize("alg", [-7, -8, -257])
async def test_keys_of_each_algorithm_confirm(served: Service, alg: int) -> None:
    key = SoftwareKey(alg)
    olga = Person(await with_key(served, key, RIGHT), (key,))
    assert (await olga.send("POST", "/api_keys", USER_KEY)).status == 201


@pytest.mark.parametrize(("flags", "status"), [(UP | UV, 201), (UP | UV | BE, 422), (UP | UV | BE | BS, 422)])
async def test_with_device_bound_only_no_key_that_can_be_copied_is_added(olga: Person, flags: int, status: int) -> None:
    """The control: without the setting each is."""
    assert (await olga.user.send("PATCH", "/tenants/me", {"settings": {"device_bound_only": True}})).status == 200

    async def added() -> Any:
        data = (await olga.user.post("/tenants/me/authenticators/challenge", {"friendly_name": "k"})).json()["data"]
        body = SoftwareKey().create(data["challenge"], Said(flags=flags))
        return await olga.send("POST", "/tenants/me/authenticators", body)

    assert (await added()).status == status
    assert (await olga.send("PATCH", "/tenants/me", {"settings": {"device_bound_only": False}})).status == 200
    assert (await added()).status == 201
