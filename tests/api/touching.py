"""A tenant whose person has a security key, and what is sent with a touch of it."""

from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from tests.api.asgi import Answer
from tests.api.logs import Service
from tests.api.signups import signed_up
from tests.api.work import API, Client
from tests.support.authenticator import RIGHT, Said, SoftwareKey, b64


class Person(Struct, frozen=True):
    user: Client
    keys: tuple[SoftwareKey, ...]

    async def touch(
        self, method: str, path: str, body: Any = None, said: Said = RIGHT, which: int = 0
    ) -> dict[str, str]:
        """The assertion for a request."""
        asked = {"method": method, "path": API + path, "body": body}
        answer = await self.user.post("/tenants/me/webauthn/challenge", asked)
        assert answer.status == 200, answer.body
        return self.keys[which].get(answer.json()["data"]["challenge"], said)

    async def send(self, method: str, path: str, body: Any = None, **touch: Any) -> Answer:
        """With a touch."""
        return await self.sent(method, path, body, await self.touch(method, path, body, **touch))

    async def sent(self, method: str, path: str, body: Any, assertion: Any) -> Answer:
        """In the body, or in a header where the route reads none."""
        if method == "DELETE":
            return await self.user.send(method, path, None, Loopctl_Assertion=b64(msgspec.json.encode(assertion)))
        return await self.user.send(method, path, {**(body or {}), "webauthn_assertion": assertion})


async def person(service: Service, count: int = 1) -> Person:
    keys = tuple(SoftwareKey() for _ in range(count))
    made = await signed_up(service, *keys)
    return Person(Client(service, UUID(made["tenant"]["id"]), made["api_key"]["raw_key"]), keys)
