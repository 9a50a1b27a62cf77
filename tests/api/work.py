"""Asks a running service as one caller, and lays out work for it to ask about."""

from typing import Any
from uuid import UUID, uuid4

import msgspec
from msgspec import Struct

from domain.event import Event, JsonText, Stream
from domain.lifecycle.events import StoryBackfilled
from domain.project import ProjectCreated
from eventstore.log.command import Change, Command, Origin, Reply
from eventstore.log.lane import Writer
from eventstore.log.read import decoded
from tests.api.asgi import JSON, Answer, ask
from tests.api.logs import NOON, Service, tenant_with_key

API = "/api/v1"


class Client(Struct, frozen=True):
    """``raw`` is the key that it asks with."""

    service: Service
    tenant: UUID
    raw: str

    async def get(self, path: str) -> Answer:
        return await ask(self.service.app, API + path, headers=self.headers())

    async def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return await self.send("POST", path, body, **headers)

    async def patch(self, path: str, body: Any = None) -> Answer:
        return await self.send("PATCH", path, body)

    async def delete(self, path: str) -> Answer:
        return await ask(self.service.app, API + path, method="DELETE", headers=self.headers())

    async def send(self, method: str, path: str, body: Any, **headers: str) -> Answer:
        sent = {**JSON, **self.headers(), **{name.replace("_", "-"): value for name, value in headers.items()}}
        encoded = msgspec.json.encode({} if body is None else body)
        return await ask(self.service.app, API + path, method=method, headers=sent, body=encoded)

    def headers(self) -> dict[str, str]:
        """Of every request: who asks."""
        return {"Authorization": f"Bearer {self.raw}"}

    async def project(self, slug: str = "my-app", **more: Any) -> str:
        """The id of a new one; so for the others below."""
        return await self._made("/projects", {"name": slug, "slug": slug, **more})

    async def epic(self, project: str, number: int = 1, **more: Any) -> str:
        return await self._made(f"/projects/{project}/epics", {"number": number, "title": f"Epic {number}", **more})

    async def story(self, epic: str, number: str = "1.1", **more: Any) -> str:
        return await self._made(f"/epics/{epic}/stories", {"number": number, "title": f"Story {number}", **more})

    async def _made(self, path: str, body: Any) -> str:
        answer = await self.post(path, body)
        assert answer.status == 201, answer.body
        (made,) = answer.json().values()
        found: str = made["id"]
        return found

    async def shown(self, story: str) -> Any:
        return (await self.get(f"/stories/{story}")).json()["story"]

    async def numbers(self, path: str) -> list[Any]:
        """Of what a list holds."""
        return [each.get("story", each)["number"] for each in (await self.get(path)).json()["data"]]

    async def recorded(self) -> list[tuple[str, Any]]:
        """Tags and data of the tenant's events, oldest first."""
        async with self.service.store.database.tenant_transaction(self.tenant) as tx:
            rows = await tx.fetch("SELECT entry FROM app.log_entry WHERE tenant_id = $1 ORDER BY position", self.tenant)
            events = [each.event for each in await decoded(tx, self.service.store.codec, rows)]
        return [(event.TAG, event) for event in events]

    async def happens(self, kind: str, id_: str, *events: Event) -> None:
        """Events without a decision: what other routes would make of a story."""
        await happen(Writer(self.service.store), self.tenant, kind, UUID(id_), *events)


async def happen(writer: Writer, tenant: UUID, kind: str, id_: UUID, *events: Event) -> None:
    stream = Stream(kind, id_)
    command = Command(
        origin=Origin(actor=("test",), at=NOON, refuse=lambda _: Reply(422, b"")), needs=(), streams=(stream,),
        decide=lambda _: [Change(stream, event) for event in events], answer=lambda *_: None,
    )  # fmt: skip
    await writer.submit(tenant, command)


async def client(service: Service, role: Any = "user", **changes: Any) -> Client:
    """A tenant of its own with one caller."""
    tenant, raw = await tenant_with_key(service.store, role, **changes)
    return Client(service, tenant, raw)


def nobody() -> str:
    """An id that nothing has."""
    return str(uuid4())


async def made_by_others(caller: Client) -> str:
    """A project, for a caller whose role could not make one."""
    project = nobody()
    await caller.happens("project", project, ProjectCreated(name="p", slug="p-p", metadata=JsonText("{}")))
    return project


def verified(project: str, epic: str, **more: Any) -> StoryBackfilled:
    """Makes a pending story verified."""
    before: dict[str, Any] = {"agent_status_was": "pending", "verified_status_was": "unverified", **more}
    return StoryBackfilled(project_id=UUID(project), epic_id=UUID(epic), reason="done before", **before)
