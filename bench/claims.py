"""Claims of heads, hostile and honest: no claim without a contradiction that the log has signed halts a tenant, and an
honest one is never doubted (spec 05, R10).

`make soak ARGS="claims 10000 SEED"`. In the control the server believes heads that nobody has signed.
"""

import asyncio
import base64
import itertools
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import uvloop
from msgspec import Struct

from api.log import witness
from bench.servers import bench_server
from eventstore.database.transaction import TenantTx
from eventstore.heads.evidence import Weighed
from loopctl.audit import fork
from loopctl.tlog.checkpoint import parse_checkpoint
from loopctl.tlog.note import parse_note
from tests.api.logs import HasAddress, Service, call, create, service, tenant_with_key

ME = "/api/v1/tenants/me"
READERS = 8
EXPECTED = {200, 400, 409, 412}


class Halted(Exception):
    """By a claim that proves nothing."""


class Doubted(Exception):
    """An honest client was told that its head is wrong."""


class Log(Struct, frozen=True):
    service: Service
    tenant: UUID
    raw: str
    note: bytes
    size: int
    root: bytes

    async def is_halted(self) -> bool:
        shown = await call(self.service.app, self.raw, ME)
        return shown.json()["tenant"]["custody_halted_at"] is not None


async def hostile_claims(server: HasAddress, count: int, seed: int, *, credulous: bool = False) -> Counter[int]:
    """How often each status was answered. Raises Halted."""
    chosen = random.Random(seed)
    async with service(server) as running:
        log = await _log(running)
        statuses: Counter[int] = Counter()
        with _believing() if credulous else _as_it_is():
            for _ in range(count):
                answer = await call(running.app, log.raw, ME, **_claim(chosen, log))
                statuses[answer.status] += 1
        if await log.is_halted():
            raise Halted(f"after {statuses}")
        if statuses.keys() - EXPECTED:
            raise Halted(f"{statuses}")
        return statuses


async def honest_claims(server: HasAddress, count: int, heads: int = 1) -> int:
    """Through two processes, of which each remembers callers for a moment, while the log grows and is signed: how many
    heads were seen. At least `count` claims, and as many more as it takes to see `heads` heads. Raises Doubted."""
    async with service(server, remember_seconds=0.05) as one, service(server, remember_seconds=0.05) as two:
        log = await _log(one)
        seen: set[str] = set()
        turns = itertools.count()

        async def reads(number: int) -> None:
            head = ""
            for turn in turns:
                if turn >= count and len(seen) >= heads:
                    return
                if growing.done():
                    growing.result()  # a log that grows no more would never show another head
                said = {"Loopctl_Witness": f"{head}; key=00c0ffee"} if head else {}
                answer = await call((one, two)[(number + turn) % 2].app, log.raw, ME, **said)
                if answer.status != 200:
                    raise Doubted(f"{answer.status} {answer.body!r} to {said}")
                head = answer.headers.get("loopctl-head", head)  # remembered since before the first one: none
                seen.add(head)

        async def grows() -> None:
            for number in itertools.count():
                body = {"name": "x", "slug": f"grown-{number}"}
                await create(one.app, log.raw, body)
                await call(two.app, log.raw, "/api/v1/audit/proof?kind=consistency&first=1")

        growing = asyncio.create_task(grows())
        try:
            await asyncio.gather(*map(reads, range(READERS)))
        finally:
            growing.cancel()
            await asyncio.gather(growing, return_exceptions=True)
        return len(seen)


async def _log(running: Service) -> Log:
    tenant, raw = await tenant_with_key(running.store)
    for number in range(5):
        await create(running.app, raw, {"name": "x", "slug": f"project-{number}"})
    await call(running.app, raw, "/api/v1/audit/proof?kind=consistency&first=1")
    note = (await call(running.app, raw, f"/t/{tenant}/checkpoint", Accept="*/*")).body
    head = parse_checkpoint(parse_note(note).text)
    return Log(running, tenant, raw, note, head.size, head.root)


def _claim(chosen: random.Random, log: Log) -> dict[str, str]:
    """Everything but a head that the log has signed and that contradicts it."""
    root = chosen.choice([chosen.randbytes(32), log.root, bytes(32)])
    size = chosen.choice([0, 1, log.size - 1, log.size, log.size + 1, chosen.randrange(10**18)])
    said = {"Loopctl_Witness": f"size={size}; root={_encoded(root)}; key=00c0ffee"}
    match chosen.randrange(6):
        case 0:
            return said
        case 1:
            return {"X_Loopctl_Last_Known_STH": f"{size}:{_encoded(chosen.randbytes(16))}"}
        case 2:  # a bit of a good note is another
            raw = bytearray(log.note)
            raw[chosen.randrange(len(raw))] ^= 1 << chosen.randrange(8)
            return {"Loopctl_Witness_Note": _encoded(bytes(raw))}
        case 3:
            return {"Loopctl_Witness": "".join(map(chr, chosen.choices(range(32, 127), k=chosen.randrange(100))))}
        case 4:  # a good form, and nobody's signature
            text, _, signatures = log.note.partition(b"\n\n")
            lines = text.split(b"\n")
            lines[1], lines[2] = b"%d" % size, base64.b64encode(root)
            return {"Loopctl_Witness_Note": _encoded(b"\n".join(lines) + b"\n\n" + signatures)}
        case _:
            return {**said, "Loopctl_Witness_Note": _encoded(log.note)}


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


@contextmanager
def _believing() -> Iterator[None]:
    """The control: whoever shows a head is believed that the log has signed it."""

    async def weigh(_: TenantTx, note: bytes) -> Weighed:
        head = parse_checkpoint(parse_note(note).text)
        return Weighed(head.size, fork.evidence_of(note), fork.rollback(note.decode(), None, []))

    ours = vars(witness)["weigh"]
    vars(witness)["weigh"] = weigh
    try:
        yield
    finally:
        vars(witness)["weigh"] = ours


async def _campaign(count: int, seed: int) -> int:
    began = time.monotonic()
    async with bench_server() as server:
        try:
            statuses = await hostile_claims(server, count, seed)
            heads = await honest_claims(server, count)
        except (Halted, Doubted) as found:
            print(f"{type(found).__name__}: {found}")
            return 1
        try:
            await hostile_claims(server, 200, seed, credulous=True)
        except Halted:
            halted = True
        else:
            halted = False
    print(
        f"{count} hostile claims, seed {seed}: {dict(sorted(statuses.items()))}, 0 halts. {count} honest ones of "
        f"{heads} heads while the log grew: 0 doubted. {time.monotonic() - began:.0f} s. "
        f"Control, which believes what nobody has signed: {'halted' if halted else 'NOT halted'}"
    )
    return 0 if halted else 1


def main(arguments: Sequence[str]) -> int:
    count, seed = (int(each) for each in (*arguments, *("10000", "12")[len(arguments) :]))
    return uvloop.run(_campaign(count, seed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
