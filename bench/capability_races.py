"""Many uses of one capability at once, through two writers on one database: each is good once (06, B4).

`make soak ARGS="capability_races 1000"`. In the controls the use is decided on what was read before: with the row that
says what was used it still counts once, without that it counts many times.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID, uuid4

import asyncpg
import uvloop
from msgspec import Struct

from bench.races import AT_ONCE, DoubleWin, Server
from bench.servers import bench_server
from domain.caller import Role
from domain.capability import (
    Capability,
    CapabilityMinted,
    Fresh,
    Right,
    check_right,
    consumed,
    minted,
    slot_of,
)
from domain.errors import Rejected
from domain.event import Event, Stream
from domain.lifecycle.identity import Identity
from domain.story import Story
from eventstore.log.command import Change, Command, Known, Origin, Reply, existing
from eventstore.log.lane import Writer
from projections.rows.capabilities import CAPABILITIES
from tests.api.logs import NOON, service, tenant_with_key
from tests.domain.lifecycle.making import story

Guard = Literal["both", "the row alone", "none"]
WHO = Identity(role=Role.AGENT, key_id=UUID(int=9), agent_id=UUID(int=8), dispatch_id=None, lineage=(UUID(int=9),))
USED = "SELECT count(*) FROM app.used_nonce WHERE tenant_id = $1"


class Report(Struct):
    rounds: int
    refused: Counter[str]
    seconds: float


async def race(server: Server, rounds: int, *, guard: Guard = "both") -> Report:
    """Raises DoubleWin."""
    async with service(server) as one, service(server) as two:
        tenant, _ = await tenant_with_key(one.store)
        writers = (Writer(one.store), Writer(two.store))
        refused: Counter[str] = Counter()
        began = time.monotonic()
        for _ in range(rounds):
            of = story(story_id=uuid4())
            slot = Stream("capability", slot_of(of.story_id, "start_cap"))
            made = minted(CapabilityMinted, "start_cap", of, WHO.lineage, Fresh(uuid4(), "n", NOON))
            await writers[0].submit(tenant, _command(slot, lambda _, event=made: [event]))
            before = None
            if guard != "both":
                async with one.store.database.tenant_transaction(tenant) as tx:
                    before = (await CAPABILITIES.load(tx, [slot.id]))[slot.id]
            use = _use(slot, of, made.cap_id, before, guard)
            asked = (writers[number % 2].submit(tenant, use) for number in range(AT_ONCE))
            replies = await asyncio.gather(*asked, return_exceptions=True)
            won = [each for each in replies if isinstance(each, Reply) and each.status == 200]
            if len(won) != 1:
                raise DoubleWin(f"one capability was used {len(won)} times")
            refused.update(_code(each) for each in replies if each not in won)
        async with one.store.database.tenant_transaction(tenant) as tx:
            used = await tx.fetchval(USED, tenant)
        if used != rounds:
            raise DoubleWin(f"{used} rows say what was used, of {rounds} capabilities")
        return Report(rounds, refused, time.monotonic() - began)


def _use(slot: Stream, of: Story, cap_id: UUID, before: Capability | None, guard: Guard) -> Command:
    need = CAPABILITIES.need(slot.id)

    def decide(known: Known) -> Sequence[Event]:
        right = Right(presented=cap_id, slot=before or existing(known, need), at=NOON)
        check_right(right, "start", WHO, None)
        return consumed(right, of)

    nonces = () if guard == "none" else (cap_id.bytes,)
    return _command(slot, decide, needs=(need,), nonces=nonces)


def _command(stream: Stream, decide: Any, **more: Any) -> Command:
    needs = more.pop("needs", ())
    return Command(
        origin=Origin(actor=("bench",), at=NOON, refuse=_refused), needs=needs, streams=(stream,),
        decide=lambda known: [Change(stream, event) for event in decide(known)], answer=lambda *_: None, **more,
    )  # fmt: skip


def _refused(refusal: Rejected) -> Reply:
    return Reply(403, refusal.code.encode())


def _code(reply: Reply | BaseException) -> str:
    if isinstance(reply, asyncpg.UniqueViolationError):
        return "the row"
    if isinstance(reply, BaseException):
        raise reply
    return reply.body.decode()


async def _campaign(rounds: int) -> int:
    async with bench_server() as server:
        try:
            report = await race(server, rounds)
            row = await race(server, 50, guard="the row alone")
        except DoubleWin as found:
            print(f"DOUBLE WIN: {found}")
            return 1
        print(f"{rounds} capabilities, each used {AT_ONCE} times at once and once with success: {dict(report.refused)}")
        print(f"  {AT_ONCE * rounds / report.seconds:.0f} uses/s; with the row alone: {dict(row.refused)}")
        try:
            await race(server, 50, guard="none")
        except DoubleWin as found:
            print(f"control (decided on what was read before, no row): red, as it must be: {found}")
            return 0
    print("control (decided on what was read before, no row): GREEN: the race proves nothing")
    return 1


def main(arguments: list[str]) -> int:
    return uvloop.run(_campaign(int(arguments[0]) if arguments else 1000))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
