"""A request that is confirmed in a browser, for a client that is none."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.api.asgi import JSON, Answer, ask
from tests.api.logs import NOON, Service, service
from tests.api.touching import Person, person
from tests.api.work import API, Client, nobody
from tests.support.authenticator import UP, Said
from tests.support.database import TestDatabase

USER_KEY = {"name": "another", "role": "user"}
WISH = {"method": "POST", "path": API + "/api_keys", "body": USER_KEY}


@pytest.fixture
async def olga(served: Service) -> Person:
    return await person(served)


async def begun(olga: Person, wish: Any = WISH) -> Any:
    answer = await olga.user.post("/ceremonies", wish)
    assert answer.status == 201, answer.body
    return answer.json()["data"]


async def answered(olga: Person, ceremony: str, assertion: Any) -> Answer:
    """By the page, which has no API key."""
    path = f"{API}/ceremonies/{ceremony}/assertion"
    return await ask(olga.user.service.app, path, method="POST", headers=JSON, body=msgspec.json.encode(assertion))


async def standing(user: Client, ceremony: str, secret: str) -> Answer:
    headers = {"Authorization": f"Bearer {user.raw}", "Loopctl-Poll-Secret": secret}
    return await ask(user.service.app, f"{API}/ceremonies/{ceremony}", headers=headers)


async def test_a_request_waits_until_a_key_was_touched_and_then_goes_once(olga: Person) -> None:
    made = await begun(olga)
    id_, via = made["ceremony_id"], {"Loopctl_Ceremony": made["ceremony_id"]}
    assert (await standing(olga.user, id_, made["poll_secret"])).json()["data"]["status"] == "pending"
    assert (await olga.user.post("/api_keys", USER_KEY, **via)).error["code"] == "webauthn_required"
    assert (await answered(olga, id_, olga.keys[0].get(made["challenge"]))).status == 200
    assert (await standing(olga.user, id_, made["poll_secret"])).json()["data"]["status"] == "confirmed"
    assert (await olga.user.post("/api_keys", USER_KEY, **via)).status == 201
    assert (await standing(olga.user, id_, made["poll_secret"])).json()["data"]["status"] == "used"
    assert (await olga.user.post("/api_keys", USER_KEY, **via)).error["code"] == "webauthn_failed"


async def test_the_page_says_in_words_what_is_to_be_done_and_the_code(served: Service, olga: Person) -> None:
    project = await olga.user.project()
    made = await begun(olga, {"method": "delete", "path": f"{API}/projects/{project}"})
    shown = (await ask(served.app, f"/ceremonies/{made['ceremony_id']}/operation")).json()["data"]
    assert shown["operation"] == f"Delete the project {project}"
    assert (shown["user_code"], shown["key_name"], shown["method"]) == (made["user_code"], "root", "DELETE")
    assert made["poll_secret"] not in str(shown)
    page = await ask(served.app, f"/ceremonies/{made['ceremony_id']}", headers={"Accept": "text/html"})
    assert page.status == 200


async def test_what_was_confirmed_is_that_request_and_no_other(olga: Person) -> None:
    made = await begun(olga)
    await answered(olga, made["ceremony_id"], olga.keys[0].get(made["challenge"]))
    via = {"Loopctl_Ceremony": made["ceremony_id"]}
    other = await olga.user.post("/api_keys", {**USER_KEY, "name": "b"}, **via)
    assert other.error["code"] == "webauthn_failed"
    assert (await olga.user.post("/api_keys", USER_KEY, **via)).status == 201


async def test_a_touch_that_is_not_good_confirms_nothing(olga: Person) -> None:
    made = await begun(olga)
    stranger = (await person(olga.user.service)).keys[0]
    right = olga.keys[0].get(made["challenge"])
    careless = olga.keys[0].get(made["challenge"], Said(flags=UP))
    for wrong in (careless, stranger.get(made["challenge"]), {**right, "signature": "AA"}):
        assert (await answered(olga, made["ceremony_id"], wrong)).error["code"] == "webauthn_failed"
    assert (await answered(olga, made["ceremony_id"], right)).status == 200


async def test_a_ceremony_is_answered_once(olga: Person) -> None:
    made = await begun(olga)
    touches = [olga.keys[0].get(made["challenge"]) for _ in range(8)]
    answers = await asyncio.gather(*(answered(olga, made["ceremony_id"], each) for each in touches))
    assert sorted(each.status for each in answers) == [200] + [409] * 7


async def test_nobody_else_hears_how_it_stands(served: Service, olga: Person) -> None:
    made, bob = await begun(olga), await person(served)
    for user, secret in ((olga.user, "wrong"), (olga.user, ""), (bob.user, made["poll_secret"])):
        assert (await standing(user, made["ceremony_id"], secret)).status == 404
    assert (await standing(olga.user, nobody(), made["poll_secret"])).status == 404


async def test_a_ceremony_of_another_tenant_confirms_nothing(served: Service, olga: Person) -> None:
    bob = await person(served)
    made = await begun(bob)
    await answered(bob, made["ceremony_id"], bob.keys[0].get(made["challenge"]))
    refused = await olga.user.post("/api_keys", USER_KEY, Loopctl_Ceremony=made["ceremony_id"])
    assert refused.error["code"] == "webauthn_failed"


async def test_what_names_no_ceremony_is_refused(olga: Person) -> None:
    for named in ("x", nobody()):
        refused = await olga.user.post("/api_keys", USER_KEY, Loopctl_Ceremony=named)
        assert (refused.status, refused.error["code"]) == (401, "webauthn_failed")


async def test_it_ends_after_two_minutes(log_of_module: TestDatabase) -> None:
    at = NOON
    async with service(log_of_module, utc_now=lambda: at) as served:
        olga = await person(served)
        made, late = await begun(olga), await begun(olga)
        await answered(olga, made["ceremony_id"], olga.keys[0].get(made["challenge"]))
        at = NOON + timedelta(minutes=2)
        assert (await standing(olga.user, late["ceremony_id"], late["poll_secret"])).json()["data"][
            "status"
        ] == "expired"
        gone = await answered(olga, late["ceremony_id"], olga.keys[0].get(late["challenge"]))
        assert gone.error["code"] == "challenge_spent"
        refused = await olga.user.post("/api_keys", USER_KEY, Loopctl_Ceremony=made["ceremony_id"])
        assert refused.error["code"] == "webauthn_failed"
