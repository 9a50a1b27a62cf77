"""Superadmins with security keys, a tenant that may have lost its own, and a clock that is moved by hand."""

from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from tests.api.asgi import JSON, Answer, ask
from tests.api.logs import NOON, Service
from tests.api.superadmins import Owned, superadmin
from tests.api.work import API, Client
from tests.support.authenticator import RIGHT, Said, SoftwareKey


class Clock:
    def __init__(self) -> None:
        self.now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **time: float) -> None:
        self.now += timedelta(**time)


class Root(Struct, frozen=True):
    """A superadmin. ``key`` is enrolled."""

    client: Client
    key: SoftwareKey

    async def touch(self, tenant: object, step: str = "", body: Any = None, said: Said = RIGHT) -> dict[str, str]:
        """The assertion for a step of a recovery."""
        base = f"/admin/tenants/{tenant}/recovery"
        wish = {"method": "POST", "path": f"{API}{base}{step}", "body": body}
        answer = await self.client.post(f"{base}/challenge", wish)
        assert answer.status == 200, answer.body
        return self.key.get(answer.json()["data"]["challenge"], said)

    async def step(self, tenant: object, step: str = "", body: Any = None, touch: Any = None, **headers: str) -> Answer:
        touch = touch or await self.touch(tenant, step, body)
        whole = {**(body or {}), "webauthn_assertion": touch}
        return await self.client.send("POST", f"/admin/tenants/{tenant}/recovery{step}", whole, **headers)

    async def opens(self, tenant: object, reason: str = "burnt down") -> Answer:
        return await self.step(tenant, "", {"reason": reason})

    async def completes(self, tenant: object) -> Answer:
        return await self.step(tenant, "/complete")


async def root(service: Service, database: Owned, tenant: Any, name: str = "Ann") -> Root:
    _, raw = await superadmin(database, name)
    made = Root(Client(service, tenant, raw), SoftwareKey())
    asked = await made.client.post("/admin/authenticators/challenge", {"friendly_name": "k"})
    answer = await made.client.post("/admin/authenticators", made.key.create(asked.json()["data"]["challenge"]))
    assert answer.status == 201, answer.body
    return made


async def publicly(service: Service, path: str, body: Any = None) -> Answer:
    """Without any API key."""
    import msgspec

    return await ask(service.app, path, method="POST", headers=JSON, body=msgspec.json.encode(body or {}))


async def cancelled_by(service: Service, tenant: object, key: SoftwareKey) -> Answer:
    """By whoever has a security key and nothing else."""
    asked = await publicly(service, f"/recovery/{tenant}/cancel/challenge")
    if asked.status != 200:
        return asked
    return await publicly(service, f"/recovery/{tenant}/cancel", key.get(asked.json()["data"]["challenge"]))


async def used(service: Service, link: str, key: SoftwareKey) -> Answer:
    """What the page does with the link."""
    said = link.partition("#")[2]
    asked = await publicly(service, "/recovery/challenge", {"link": said, "friendly_name": "new"})
    if asked.status != 200:
        return asked
    return await publicly(service, "/recovery", {"link": said, **key.create(asked.json()["data"]["challenge"])})
