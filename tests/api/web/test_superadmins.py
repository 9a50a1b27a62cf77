"""A superadmin signs in with its security key: to its own pages alone, and with no key that may be a copy."""

from typing import Any
from uuid import uuid4

import msgspec
import pytest

from eventstore.callers.superadmins import revoke_superadmin
from eventstore.database.owning import owner_system_transaction
from tests.api.asgi import JSON, Answer, ask
from tests.api.logs import NOON, Service
from tests.api.recovering import Root, root
from tests.api.signups import signed_up
from tests.api.web.test_login import look
from tests.support.authenticator import RIGHT, UP, Said, SoftwareKey
from tests.support.database import TestDatabase

SENT = {**JSON, "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def grace(served: Service, log_of_module: TestDatabase) -> Root:
    return await root(served, log_of_module, uuid4(), "Grace")


async def asked(service: Service) -> dict[str, Any]:
    answer = await ask(service.app, "/login/challenge", method="POST", headers=SENT, body=b"{}")
    found: dict[str, Any] = answer.json()["data"]
    return found


async def touched(service: Service, key: SoftwareKey, said: Said = RIGHT, begun: Any = None) -> Answer:
    begun = begun or await asked(service)
    body = {**key.get(begun["challenge"], said), "login_id": begun["login_id"]}
    return await ask(service.app, "/login/passkey", method="POST", headers=SENT, body=msgspec.json.encode(body))


async def session(service: Service, key: SoftwareKey) -> str:
    answer = await touched(service, key)
    assert answer.status == 200, answer.body
    return answer.headers["set-cookie"].partition(";")[0]


async def test_it_comes_to_its_own_pages_and_to_no_tenants(served: Service, grace: Root) -> None:
    cookie = await session(served, grace.key)
    admin = await look(served, "/app/admin", cookie)
    assert (admin.status, b"superadmin" in admin.body, b"Grace" in admin.body) == (200, True, True)
    led = await look(served, "/app", cookie)
    assert (led.status, led.headers["location"]) == (303, "/app/admin")


async def test_a_challenge_is_good_for_one_login(served: Service, grace: Root) -> None:
    begun = await asked(served)
    assert (await touched(served, grace.key, begun=begun)).status == 200
    assert (await touched(served, grace.key, begun=begun)).error["code"] == "challenge_spent"


async def test_a_key_that_has_not_seen_its_user_signs_nobody_in(served: Service, grace: Root) -> None:
    assert (await touched(served, grace.key, Said(flags=UP))).error["code"] == "webauthn_failed"
    assert (await touched(served, grace.key)).status == 200, "the control"


async def test_a_copy_ends_the_sessions_and_the_security_key(served: Service, grace: Root) -> None:
    """Went red with the counter not looked at, and with sessions that went on."""
    cookie = await session(served, grace.key)
    copy = await touched(served, grace.key, Said(count=grace.key.count))
    assert (copy.status, copy.error["code"]) == (401, "webauthn_failed")
    assert (await look(served, "/app/admin", cookie)).status == 303
    assert "may not be used any more" in (await touched(served, grace.key)).error["message"]


async def test_a_revoked_superadmin_does_not_come_in(served: Service, grace: Root, log_of_module: TestDatabase) -> None:
    cookie = await session(served, grace.key)
    before = (await look(served, "/app/admin", cookie)).status
    async with owner_system_transaction(log_of_module.admin_url) as tx:
        rows = await tx.fetch("SELECT key_id FROM app.superadmin_key WHERE name = 'Grace' AND revoked_at IS NULL")
        for row in rows:
            await revoke_superadmin(tx, row["key_id"], NOON)
    assert (before, (await look(served, "/app/admin", cookie)).status) == (200, 303)
    assert (await touched(served, grace.key)).error["code"] == "webauthn_failed"


async def test_the_same_credential_in_a_tenant_does_not_stand_before_it(served: Service, grace: Root) -> None:
    """Somebody makes a tenant with a credential of a superadmin's id: the login is the superadmin's all the same."""
    await signed_up(served, SoftwareKey(credential_id=grace.key.credential_id))
    assert (await look(served, "/app/admin", await session(served, grace.key))).status == 200


async def test_a_key_that_nobody_has_enrolled_signs_nobody_in(served: Service, grace: Root) -> None:
    assert "belongs to no tenant" in (await touched(served, SoftwareKey())).error["message"]
    assert (await touched(served, grace.key)).status == 200, "the control"
