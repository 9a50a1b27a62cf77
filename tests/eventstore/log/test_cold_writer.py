"""A writer that knows nothing yet reads the head, and then the rest; others may append in between."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from msgspec import structs

from domain.event import JsonText, Recorded, Stream
from domain.project import ProjectCreated
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Change, Command, Model, Need, Origin, Reply
from eventstore.log.lane import Writer
from tests.eventstore.growing import opened_log
from tests.eventstore.writing import NOON, created, refused, store
from tests.support.database import TestDatabase, connected

VERSIONS = """
    SELECT stream_version FROM app.log_entry WHERE tenant_id = $1 AND stream_id = $2 ORDER BY position
"""
MEDDLED: Need[Any] = Need("meddling", None)


class Meddling(Model[Any, Any]):
    """Loading it lets somebody else append first, once."""

    name = "meddling"
    volatile = True
    events = ()

    def __init__(self, other: Writer, tenant: UUID, stream: Stream) -> None:
        self._other: Writer | None = other
        self._tenant = tenant
        self._stream = stream

    async def load(self, _: TenantTx, __: Sequence[Any]) -> Mapping[Any, Any]:
        other, self._other = self._other, None
        if other:
            await other.submit(self._tenant, appending(self._stream))
        return {}

    def initial(self, _: Any) -> None:
        return None

    def touched(self, _: Recorded) -> Sequence[Any]:
        return ()

    def evolve(self, state: Any, _: Recorded) -> Any:
        return state


def appending(stream: Stream, *needs: Need[Any]) -> Command:
    event = ProjectCreated(name="p", slug="p-p", metadata=JsonText("{}"))
    return Command(
        origin=Origin(actor=("test",), at=NOON, refuse=refused), needs=needs, streams=(stream,),
        decide=lambda _: [Change(stream, event)], answer=created, status=201,
    )  # fmt: skip


async def test_who_appends_to_the_same_stream_after_the_head_was_read_is_seen_and_the_command_decided_again(
    database: TestDatabase,
) -> None:
    """Went red, with an entry that could not be made, while only the append itself looked where the head is."""
    opened = await connected(database.app_url, role="loopctl_app")
    try:
        tenant, stream = await opened_log(opened), Stream("project", uuid4())
        plain = structs.replace(store(opened), projections=[], models={})
        cold = structs.replace(plain, models={"meddling": Meddling(Writer(plain), tenant, stream)})
        reply: Reply = await Writer(cold).submit(tenant, appending(stream, MEDDLED))
    finally:
        await opened.close()
    assert reply.status == 201


async def test_an_event_goes_behind_the_last_one_of_a_stream_that_its_command_did_not_name(
    database: TestDatabase,
) -> None:
    """As one of a budget does, whose limit a report reaches. Went red in every process but the one that wrote the last
    one: the stream was taken for a new one, and each report after that was answered with 500."""
    opened = await connected(database.app_url, role="loopctl_app")
    try:
        tenant, stream = await opened_log(opened), Stream("project", uuid4())
        plain = structs.replace(store(opened), projections=[], models={})
        await Writer(plain).submit(tenant, appending(stream))
        unnamed = structs.replace(appending(stream), streams=())
        for _ in range(2):
            await Writer(plain).submit(tenant, unnamed)
        async with opened.tenant_transaction(tenant) as tx:
            rows = await tx.fetch(VERSIONS, tenant, stream.id)
    finally:
        await opened.close()
    assert [row["stream_version"] for row in rows] == [0, 1, 2]
