"""Of the two tenants of the contract's tests: signups, and security keys of a tenant that has some."""

from abc import abstractmethod
from typing import Any
from uuid import uuid4

from domain.authenticator import AuthenticatorEnrolled, AuthenticatorRemoved
from domain.tenant import TenantUpdated
from tests.api.asgi import Answer
from tests.api.signups import begun, enrolled, signed_up
from tests.api.team import Team
from tests.api.touching import Person
from tests.api.work import Client
from tests.support.authenticator import SoftwareKey, b64
from tests.support.database import TestDatabase, session


class Signing:
    """Mixed into a Side."""

    team: Team
    root: Client
    database: TestDatabase
    others: dict[str, Client]
    persons: dict[str, Person]

    @abstractmethod
    async def make_name(self) -> str: ...

    async def make_signed_note(self) -> str:
        """A head of the tenant's log."""
        await self.team.user.get("/audit/proof?kind=consistency&first=1")
        found: str = (await self.team.user.get(f"/audit/sth/{self.team.user.tenant}")).json()["data"]["note"]
        return found

    async def make_keyed_tenant(self) -> str:
        return str(self.touching.user.tenant)

    async def make_unkeyed_tenant(self) -> str:
        """A tenant whose log has lost its key, with every head that it has signed."""
        user, tenant = self.others["unkeyed"], self.others["unkeyed"].tenant
        async with session(self.database.admin_url) as connection:
            await connection.execute("DELETE FROM app.log_key WHERE tenant_id = $1", tenant)
            await connection.execute("DELETE FROM app.log_checkpoint WHERE tenant_id = $1", tenant)
        await user.happens(
            "tenant", str(tenant), TenantUpdated(name="Unkeyed")
        )  # so that what is remembered is forgotten
        return str(tenant)

    async def make_email(self) -> str:
        return f"{await self.make_name()}@{uuid4().hex}.example"

    async def make_draft(self) -> str:
        """A signup that has begun."""
        return str((await begun(self.root.service))["ceremony_id"])

    async def make_enrolled(self) -> str:
        """A signup with a security key."""
        return await enrolled(self.root.service, SoftwareKey())

    async def make_full_draft(self) -> str:
        return await enrolled(self.root.service, *(SoftwareKey() for _ in range(5)))

    async def make_attested(self) -> tuple[str, str, str, str]:
        """A signup, and what the browser brings back for it."""
        data = await begun(self.root.service)
        made = SoftwareKey().create(data["challenge"])
        return data["ceremony_id"], made["credential_id"], made["attestation_object"], made["client_data_json"]

    async def make_full(self) -> tuple[str, str, str, str]:
        """The same for a signup that has got its fifth key since it asked."""
        service = self.root.service
        ceremony = await enrolled(service, *(SoftwareKey() for _ in range(4)))
        made = SoftwareKey().create((await begun(service, ceremony=ceremony))["challenge"])
        await enrolled(service, SoftwareKey(), ceremony=ceremony)
        return ceremony, made["credential_id"], made["attestation_object"], made["client_data_json"]

    async def make_known(self) -> str:
        """A signup with a security key that belongs to a tenant."""
        key = SoftwareKey()
        await signed_up(self.root.service, key)
        return await enrolled(self.root.service, key)

    async def make_authenticator(self) -> str:
        """A second security key of the tenant that has some."""
        await self._only_first()
        return await self._enrolled()

    async def make_last_authenticator(self) -> str:
        await self._only_first()
        (found,) = [key["id"] for key in await self._keys() if key["credential_id"] == self._own]
        return str(found)

    async def make_enrolment(self) -> tuple[str, str, str, str]:
        """Nothing, and what the browser brings back of a new key for that tenant."""
        await self._only_first()
        data = await self._challenge()
        made = SoftwareKey().create(data["challenge"])
        return "", made["credential_id"], made["attestation_object"], made["client_data_json"]

    async def make_used(self) -> tuple[str, str, str, str]:
        """The same, of a challenge that was used."""
        made = await self.make_enrolment()
        body = dict(zip(("credential_id", "attestation_object", "client_data_json"), made[1:], strict=True))
        await done(self.touching.send("POST", "/tenants/me/authenticators", body))
        return made

    async def make_crowded(self) -> tuple[str, str, str, str]:
        """The same, for a tenant that has got its fifth key since."""
        made = await self.make_enrolment()
        for _ in range(4):
            await self._enrolled()
        return made

    async def make_crowd(self) -> str:
        """A name, when there are five."""
        await self.make_crowded()
        return "k"

    async def make_ceremony(self) -> str:
        return str((await self._begun())["ceremony_id"])

    async def make_polled(self) -> tuple[str, str]:
        """A ceremony, and the secret that asks how it stands."""
        data = await self._begun()
        return data["ceremony_id"], data["poll_secret"]

    async def make_touched(self) -> tuple[str, ...]:
        """A ceremony, and what the browser brings back for it."""
        data = await self._begun()
        return data["ceremony_id"], *self.touching.keys[0].get(data["challenge"]).values()

    async def make_answered(self) -> str:
        """A ceremony that was answered."""
        data = await self._begun()
        path = f"/ceremonies/{data['ceremony_id']}/assertion"
        await done(self.touching.user.post(path, self.touching.keys[0].get(data["challenge"])))
        return str(data["ceremony_id"])

    async def _begun(self) -> Any:
        wish = {"method": "DELETE", "path": "/api/v1/projects/my-app"}
        return (await done(self.touching.user.post("/ceremonies", wish))).json()["data"]

    @property
    def touching(self) -> Person:
        return self.persons["keyed"]

    @property
    def _own(self) -> str:
        return b64(self.touching.keys[0].credential_id)

    async def _keys(self) -> Any:
        return (await self.touching.user.get("/tenants/me/authenticators")).json()["data"]

    async def _challenge(self) -> Any:
        asked = self.touching.user.post("/tenants/me/authenticators/challenge", {"friendly_name": "k"})
        return (await done(asked)).json()["data"]

    async def _only_first(self) -> None:
        """Of the keys, that of the person who touches: times are the same, and ids by chance."""
        for each in [key for key in await self._keys() if key["credential_id"] != self._own]:
            gone = AuthenticatorRemoved(name=each["friendly_name"], credential_id=each["credential_id"])
            await self.touching.user.happens("authenticator", each["id"], gone)

    async def _enrolled(self) -> str:
        id_ = str(uuid4())
        made = AuthenticatorEnrolled(
            name="k", credential_id=uuid4().hex, public_key="AAAA", attestation_format="none", aaguid=str(uuid4()),
            sign_count=0, backup_eligible=False, backed_up=False, challenge="", rp_id="localhost",
            attestation_object="", client_data_json="",
        )  # fmt: skip
        await self.touching.user.happens("authenticator", id_, made)
        return id_


async def done(asked: Any) -> Answer:
    answer: Answer = await asked
    assert answer.status < 300, answer.body
    return answer
