"""Two agents after the same stories, each through a writer of its own on one database: one winner each (06, B4).

`make soak ARGS="races 10000"`. In the control the claim is decided on what was read before, which is not looked at
again when it is written: there must be two winners.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID, uuid4

import uvloop
from msgspec import Struct

from bench.servers import bench_server
from domain.caller import Role
from domain.errors import Rejected
from domain.event import JsonText, Stream
from domain.lifecycle import implementer as working
from domain.lifecycle.events import StoryContracted
from domain.lifecycle.identity import Identity
from domain.lifecycle.implementer import Hold
from domain.story import Story, StoryCreated
from eventstore.database.transaction import Database
from eventstore.log.command import Change, Command, Known, Need, Origin, Reply, existing
from eventstore.log.lane import Store, Writer
from projections.facts.prerequisites import PREREQUISITES
from projections.rows.stories import STORIES
from tests.api.logs import NOON, service, tenant_with_key

AT_ONCE = 64
EVENTS = "SELECT count(*) FROM app.log_entry WHERE tenant_id = $1"
PROJECT, EPIC = UUID(int=1), UUID(int=2)


class DoubleWin(Exception):
    """Two agents hold the same story, or nobody does."""


class Report(Struct):
    stories: int
    wins: Counter[str]
    seconds: float


class Server(Protocol):
    @property
    def app_url(self) -> str: ...


async def race(server: Server, stories: int, *, read_then_write: bool = False) -> Report:
    """Raises DoubleWin."""
    async with service(server) as one, service(server) as two:
        tenant, _ = await tenant_with_key(one.store)
        ids = [uuid4() for _ in range(stories)]
        writers = {"ann": Writer(one.store), "ben": Writer(two.store)}
        for start in range(0, stories, AT_ONCE):
            await asyncio.gather(
                *(writers["ann"].submit(tenant, _contracted(each)) for each in ids[start : start + AT_ONCE])
            )
        read = await _read(one.store.database, one.store, tenant, ids) if read_then_write else {}
        began = time.monotonic()
        wins: Counter[str] = Counter()
        for start in range(0, stories, AT_ONCE):
            for story, winners in (await _round(writers, tenant, ids[start : start + AT_ONCE], read)).items():
                if len(winners) != 1:
                    raise DoubleWin(f"story {story} was won by {winners or 'nobody'}")
                wins.update(winners)
        await _check(one.store.database, tenant, stories)
        return Report(stories, wins, time.monotonic() - began)


async def _round(
    writers: Mapping[str, Writer], tenant: UUID, ids: Sequence[UUID], read: Mapping[UUID, Story]
) -> Mapping[UUID, list[str]]:
    claims = [(story, name) for story in ids for name in writers]
    replies = await asyncio.gather(
        *(writers[name].submit(tenant, _claim(story, PEOPLE[name], read.get(story))) for story, name in claims)
    )
    won: dict[UUID, list[str]] = {story: [] for story in ids}
    for (story, name), reply in zip(claims, replies, strict=True):
        if reply.status == 200:
            won[story].append(name)
    return won


def _claim(story_id: UUID, who: Identity, read: Story | None) -> Command:
    story, before, stream = STORIES.need(story_id), PREREQUISITES.need(story_id), Stream("story", story_id)

    def decide(known: Known) -> Sequence[Change]:
        state = existing(known, story) if read is None else read
        return [Change(stream, event) for event in working.claim(state, who, known[before], Hold(), NOON)]

    return _command(stream, decide, (story, before))


def _contracted(story_id: UUID) -> Command:
    stream = Stream("story", story_id)
    number = f"{story_id.int % 9999}.{story_id.int // 9999 % 9999}"
    created = StoryCreated(
        project_id=PROJECT, epic_id=EPIC, number=number, title="t", acceptance_criteria=JsonText("[]"),
        metadata=JsonText("{}"),
    )  # fmt: skip
    contracted = StoryContracted(
        project_id=PROJECT, epic_id=EPIC, agent_status_was="pending", agent_id=UUID(int=11), contract_hash="c"
    )
    return _command(stream, lambda _: [Change(stream, created), Change(stream, contracted)], ())


def _command(stream: Stream, decide: Any, needs: Sequence[Need[Any]]) -> Command:
    return Command(
        origin=Origin(actor=("bench",), at=NOON, refuse=_refused), needs=needs, streams=(stream,), decide=decide,
        answer=lambda *_: None,
    )  # fmt: skip


def _refused(refusal: Rejected) -> Reply:
    return Reply(409, refusal.code.encode())


async def _read(database: Database, store: Store, tenant: UUID, ids: Sequence[UUID]) -> Mapping[UUID, Story]:
    async with database.tenant_transaction(tenant) as tx:
        found: Mapping[UUID, Story] = await store.models["story"].load(tx, ids)
    return found


async def _check(database: Database, tenant: UUID, stories: int) -> None:
    """Founding, then for each story: created, contracted, claimed once."""
    async with database.tenant_transaction(tenant) as tx:
        entries = await tx.fetchval(EVENTS, tenant)
        held = await tx.fetchval(HELD, tenant)
    founding = 2
    if held != stories or entries != founding + 3 * stories:
        raise DoubleWin(f"{held} of {stories} stories are held, {entries} entries")


HELD = "SELECT count(*) FROM app.story WHERE tenant_id = $1 AND agent_status = 'assigned'"


def _agent(number: int) -> Identity:
    key = UUID(int=20 + number)
    return Identity(role=Role.AGENT, key_id=key, agent_id=UUID(int=10 + number), dispatch_id=None, lineage=(key,))


PEOPLE = {"ann": _agent(1), "ben": _agent(2)}


async def _campaign(stories: int) -> int:
    async with bench_server() as server:
        try:
            report = await race(server, stories)
        except DoubleWin as found:
            print(f"DOUBLE WIN: {found}")
            return 1
        claims = 2 * stories / report.seconds
        print(f"{stories} stories, one winner each: {dict(report.wins)}; {claims:.0f} claims/s")
        try:
            await race(server, 1000, read_then_write=True)
        except DoubleWin as found:
            print(f"control (decided on what was read before): red, as it must be: {found}")
            return 0
    print("control (decided on what was read before): GREEN: the race proves nothing")
    return 1


def main(arguments: list[str]) -> int:
    return uvloop.run(_campaign(int(arguments[0]) if arguments else 10_000))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
