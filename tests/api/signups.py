"""A signup as a browser goes through it."""

from typing import Any
from uuid import uuid4

import msgspec

from tests.api.asgi import JSON, Answer, ask
from tests.api.logs import Service
from tests.support.authenticator import RIGHT, Said, SoftwareKey


async def post(service: Service, path: str, body: Any) -> Answer:
    return await ask(service.app, path, method="POST", headers=JSON, body=msgspec.json.encode(body))


async def begun(service: Service, name: str = "Blue key", ceremony: str | None = None) -> dict[str, Any]:
    answer = await post(service, "/signup/challenge", {"friendly_name": name, "ceremony_id": ceremony})
    assert answer.status == 200, answer.body
    data: dict[str, Any] = answer.json()["data"]
    return data


async def enrolled(service: Service, *keys: SoftwareKey, said: Said = RIGHT, ceremony: str | None = None) -> str:
    """The ceremony with these keys in it."""
    for key in keys:
        data = await begun(service, ceremony=ceremony)
        ceremony = data["ceremony_id"]
        body = {"ceremony_id": ceremony, **key.create(data["challenge"], said)}
        answer = await post(service, "/signup/attestation", body)
        assert answer.status == 200, answer.body
    assert ceremony
    return ceremony


def described(ceremony: str, **changes: Any) -> dict[str, Any]:
    name = f"acme-{uuid4().hex[:12]}"
    return {"ceremony_id": ceremony, "name": "Acme", "slug": name, "email": f"{name}@example.org", **changes}


async def signed_up(service: Service, *keys: SoftwareKey) -> dict[str, Any]:
    """The answer of a signup that went well."""
    answer = await post(service, "/signup", described(await enrolled(service, *(keys or (SoftwareKey(),)))))
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json()
    return made
