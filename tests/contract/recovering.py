"""Of the two tenants of the contract's tests: recoveries in each state, and the superadmin's security key."""

from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from api.webauthn.client_data import challenge_in
from domain.event import Event
from domain.recovery import RecoveryCompleted, RecoveryOpened, RecoverySeconded, SuperadminTouch, recovery_stream
from eventstore.log.command import Change, Command, Origin, Reply
from eventstore.log.lane import Writer
from projections.rows.challenges import challenge_id, mark_used
from tests.api.logs import NOON
from tests.api.recovering import Root, publicly
from tests.api.touching import Person, person
from tests.api.work import Client
from tests.support.authenticator import SoftwareKey, b64
from tests.support.database import TestDatabase, session

ROOT_KEYS: dict[str, SoftwareKey] = {}
"""By the superadmin's raw key: both tenants have the same one."""
SECRET = "0" * 40
DELAY = timedelta(hours=72)


class Recovering:
    """Mixed into a Side."""

    root: Client
    database: TestDatabase
    persons: dict[str, Person]

    @property
    def touch_by(self) -> Mapping[str, Any]:
        """By raw key, how its holder touches a security key for method, path and body."""
        keyed = self.persons["keyed"]
        return {keyed.user.raw: keyed.touch, self.root.raw: self.root_touch}

    # The superadmin

    async def make_unrooted(self) -> str:
        """A name, when the superadmin has no security key."""
        await self._unroot()
        return "k"

    async def make_unrooted_tenant(self) -> str:
        await self._unroot()
        return str(self.persons["keyed"].user.tenant)

    async def make_rooted_tenant(self) -> str:
        await self._rooted()
        return str(self.persons["keyed"].user.tenant)

    async def make_root_enrolment(self) -> tuple[str, str, str, str]:
        """Nothing, and what the browser brings back for a superadmin without a security key."""
        await self._unroot()
        asked = await self.root.post("/admin/authenticators/challenge", {"friendly_name": "k"})
        made = SoftwareKey().create(asked.json()["data"]["challenge"])
        return "", made["credential_id"], made["attestation_object"], made["client_data_json"]

    async def make_root_enrolled(self) -> tuple[str, str, str, str]:
        """The same, for one that has got a security key since."""
        made = await self.make_root_enrolment()
        other = await self.root.post("/admin/authenticators/challenge", {"friendly_name": "k"})
        key = ROOT_KEYS[self.root.raw] = SoftwareKey()
        answer = await self.root.post("/admin/authenticators", key.create(other.json()["data"]["challenge"]))
        assert answer.status == 201, answer.body
        return made

    async def make_root_used(self) -> tuple[str, str, str, str]:
        """The same, of a challenge that was used."""
        made = await self.make_root_enrolment()
        names = ("credential_id", "attestation_object", "client_data_json")
        answer = await self.root.post("/admin/authenticators", dict(zip(names, made[1:], strict=True)))
        assert answer.status == 201, answer.body
        await self._unroot()
        return made

    async def root_touch(self, _: str, path: str, body: Any) -> dict[str, str]:
        """For a step of a recovery."""
        tenant, _, step = path.partition("/admin/tenants/")[2].partition("/recovery")
        return await (await self._rooted()).touch(tenant, step, body)

    async def _rooted(self) -> Root:
        async with session(self.database.admin_url) as connection:
            there = await connection.fetchval("SELECT credential_id FROM app.superadmin_authenticator")
        known = ROOT_KEYS.get(self.root.raw)
        if known is None or there != b64(known.credential_id):
            await self.make_root_enrolled()
        return Root(self.root, ROOT_KEYS[self.root.raw])

    async def _unroot(self) -> None:
        async with session(self.database.admin_url) as connection:
            await connection.execute("DELETE FROM app.superadmin_authenticator")

    # The tenants

    async def make_lost(self) -> str:
        """A tenant with a security key and no recovery."""
        await self._rooted()
        return str((await person(self.root.service)).user.tenant)

    async def make_opened_by_root(self) -> str:
        await self._rooted()
        async with session(self.database.admin_url) as connection:
            own = await connection.fetchval("SELECT key_id FROM app.superadmin_key")
        tenant = UUID(await self.make_lost())
        await self._happens(tenant, NOON, RecoveryOpened(reason="lost", touch=_touch(str(own))))
        return str(tenant)

    async def make_ready(self) -> str:
        """Its delay is just over."""
        tenant = UUID(await self.make_lost())
        await self._waits(tenant, since=NOON - DELAY)
        return str(tenant)

    async def make_recovering(self) -> str:
        """The tenant that has a security key, with a recovery that waits."""
        await self._rooted()
        user = self.persons["keyed"].user
        if ((await user.get("/tenants/me/recovery")).json()["data"] or {}).get("status") != "waiting":
            await self._waits(user.tenant, since=NOON)
        return str(user.tenant)

    async def make_cancelling(self) -> tuple[str, ...]:
        """The same, and what the browser brings back to cancel it."""
        tenant = await self.make_recovering()
        asked = await publicly(self.root.service, f"/recovery/{tenant}/cancel/challenge")
        return tenant, *self.persons["keyed"].keys[0].get(asked.json()["data"]["challenge"]).values()

    async def make_link(self) -> str:
        """Of a recovery that is completed."""
        tenant = UUID(await self.make_ready())
        hashed = sha256(SECRET.encode()).hexdigest()
        completed = RecoveryCompleted(touch=_touch(""), link_hash=hashed, link_expires_at=NOON + timedelta(hours=24))
        await self._happens(tenant, NOON, completed)
        return f"{tenant}.{SECRET}"

    async def make_linked(self) -> tuple[str, str, str, str]:
        """The same, and what the browser brings back for it."""
        link = await self.make_link()
        asked = await publicly(self.root.service, "/recovery/challenge", {"link": link, "friendly_name": "k"})
        made = SoftwareKey().create(asked.json()["data"]["challenge"])
        return link, made["credential_id"], made["attestation_object"], made["client_data_json"]

    async def make_linked_used(self) -> tuple[str, str, str, str]:
        """The same, of a challenge that was used."""
        link, *made = await self.make_linked()
        value = challenge_in(made[2])
        async with self.root.service.store.database.tenant_transaction(UUID(link.partition(".")[0])) as tx:
            await mark_used(tx, challenge_id(value), NOON)
        return link, made[0], made[1], made[2]

    async def _waits(self, tenant: UUID, since: Any) -> None:
        opened = RecoveryOpened(reason="lost", touch=_touch("somebody"))
        seconded = RecoverySeconded(reason="lost", touch=_touch("somebody else"), ready_at=since + DELAY)
        await self._happens(tenant, since, opened, seconded)

    async def _happens(self, tenant: UUID, at: Any, *events: Event) -> None:
        stream = recovery_stream(tenant)
        command = Command(
            origin=Origin(actor=("test",), at=at, refuse=lambda _: Reply(422, b"")), needs=(), streams=(stream,),
            decide=lambda _: [Change(stream, event) for event in events], answer=lambda *_: None,
        )  # fmt: skip
        await Writer(self.root.service.store).submit(tenant, command)


def _touch(superadmin: str) -> SuperadminTouch:
    said = dict.fromkeys(SuperadminTouch.__struct_fields__, "")
    return SuperadminTouch(**{**said, "superadmin_id": superadmin, "superadmin_name": "Ann"})
