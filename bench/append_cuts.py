"""The writer dies, or its connection does, at every message of an append and of the signature after it (spec 05, R3).

`python -m bench.append_cuts [cuts] [seed]`. A sweep goes through the messages that the writer sends to PostgreSQL in
one situation (which are more than its statements, each being several) and breaks before, upon and after each. After
every break the same commands are sent again: nothing may be lost, twice, or half there, and no size of a log may ever
be signed with two roots. After every sweep the log is exported and verified offline.
"""

import itertools
import random
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import uvloop
from msgspec import Struct

from api.log.export import export_bundle
from api.log.reading import LogReader
from bench.append_writer import Job, Outcome, Setting
from bench.cut_proxy import ANSWERED, SIDES, Point, Proxy, Side
from bench.servers import bench_server
from bench.writer_process import WriterGone, WriterProcess
from eventstore.database.transaction import Database
from loopctl.audit.archive import ArchiveSource
from loopctl.audit.directory import write_directory
from loopctl.audit.expected import Expected
from loopctl.audit.fsck import fsck
from loopctl.tlog.checkpoint import parse_checkpoint
from loopctl.tlog.note import parse_note
from tests.eventstore.growing import KEYRING, opened_log

COUNTS = """
    SELECT (SELECT size FROM app.log_head WHERE tenant_id = $1) AS size,
           (SELECT count(*) FROM app.log_entry WHERE tenant_id = $1) AS entries,
           (SELECT count(*) FROM app.project WHERE tenant_id = $1) AS projects,
           (SELECT count(*) FROM app.idempotency WHERE tenant_id = $1) AS answers
"""

HEADS = """
    SELECT size, note
      FROM app.log_checkpoint
     WHERE tenant_id = $1
     ORDER BY size
     LIMIT 1000000
"""

MOST_TRIES = 5
TENANTS = 3
COMMIT = b"COMMIT"


class Broken(AssertionError):
    """A promise was not kept."""


class Situation(Struct, frozen=True):
    """What a sweep goes through; ``warm`` when the connection has its statements prepared already."""

    how: Literal["cut", "kill"]
    warm: bool
    sign: bool
    commands: int


class Sweep(Struct, frozen=True):
    """One sweep alone, through every ``stride``-th message."""

    situation: Situation
    stride: int = 1


class Report(Struct):
    """``struck`` by kind of message and side; of the breaks at a COMMIT, ``kept`` had happened and ``lost`` had not."""

    cuts: int = 0
    kills: int = 0
    sweeps: int = 0
    events: int = 0
    kept: int = 0
    lost: int = 0
    struck: Counter[str] = Counter()


class Signed:
    """Every head that anybody has signed, whether it was ever stored or not."""

    def __init__(self) -> None:
        self._roots: dict[tuple[UUID, int], bytes] = {}

    def saw(self, tenant: UUID, note: bytes) -> None:
        head = parse_checkpoint(parse_note(note).text)
        if self._roots.setdefault((tenant, head.size), head.root) != head.root:
            raise Broken(f"two roots were signed for size {head.size}")


class Campaign:
    def __init__(self, place: Path, direct: str, proxy: Proxy, setting: Setting, database: Database) -> None:
        self._place = place
        self._direct = direct
        self._proxy = proxy
        self._setting = setting
        self._database = database
        self._numbers = itertools.count()
        self._signed = Signed()
        self._acknowledged: dict[UUID, dict[str, bytes]] = {}
        self._writer = WriterProcess(setting)
        self.report = Report(struck=Counter())

    async def run(self, cuts: int, chance: random.Random, only: Sweep | None) -> None:
        tenants = [await opened_log(self._database) for _ in range(TENANTS)]
        self._acknowledged = {tenant: {} for tenant in tenants}
        try:
            while self.report.cuts + self.report.kills < cuts:
                await self._sweep(chance.choice(tenants), only or Sweep(_any(chance)), cuts)
                if only is not None:
                    break
            for tenant in tenants:
                await self._verify(tenant)
        finally:
            await self._writer.end()

    async def _sweep(self, tenant: UUID, sweep: Sweep, cuts: int) -> None:
        for point in self._points(sweep.stride):
            if not await self._break_at(tenant, sweep.situation, point):
                break  # the append has no so many messages
            if self.report.cuts + self.report.kills == cuts:
                break
        self.report.sweeps += 1
        await self._verify(tenant)

    def _points(self, stride: int) -> Iterator[Point]:
        """Whether the server answers a message is known from the break before it."""
        for message in itertools.count(step=stride):
            for side in SIDES:
                before = self._proxy.struck_by
                if side != "unheard" or (before is not None and before[:1] in ANSWERED):
                    yield Point(message, side)

    async def _break_at(self, tenant: UUID, situation: Situation, point: Point) -> bool:
        """Whether it broke: False when everything was over before."""
        if situation.warm:
            await self._settle(self._job(tenant, 1, sign=situation.sign))
        else:
            await self._writer.end()  # what repeated the last job has its statements prepared
        await self._writer.ready()
        job = self._job(tenant, situation.commands, sign=situation.sign)
        self._proxy.arm(point, self._writer.kill if situation.how == "kill" else _only_cut)
        try:
            outcome = await self._writer.do(job)
            self._take_in(job, outcome)
        except WriterGone:
            outcome = None
        struck = self._proxy.struck_by
        self._proxy.disarm()
        self._saw_remembered(tenant)
        again = await self._settle(job)
        if struck is not None:
            self._count(situation, point.side, struck)
            if not job.sign:
                self._judge(point.side, struck, outcome, again)
        await self._compare(tenant)
        return struck is not None

    def _job(self, tenant: UUID, commands: int, *, sign: bool) -> Job:
        return Job(tenant, tuple(f"p-{next(self._numbers)}" for _ in range(commands)), sign)

    async def _settle(self, job: Job) -> Outcome:
        """As clients resolve an unknown outcome: the same again, until there is an answer."""
        for _ in range(MOST_TRIES):
            await self._writer.ready()
            outcome = await self._writer.do(job)
            self._take_in(job, outcome)
            if None not in outcome.replies and (outcome.note or not job.sign):
                return outcome
        raise Broken(f"no answer after {MOST_TRIES} tries")

    def _take_in(self, job: Job, outcome: Outcome) -> None:
        if outcome.bugs:
            raise Broken("; ".join(outcome.bugs))
        known = self._acknowledged[job.tenant]
        for slug, reply in zip(job.slugs, outcome.replies, strict=True):
            if reply is not None and (reply.status != 201 or known.setdefault(slug, reply.body) != reply.body):
                raise Broken(f"{slug} was answered {reply.status} {reply.body!r}, and before {known.get(slug)!r}")
        if outcome.note is not None:
            self._signed.saw(job.tenant, outcome.note)

    def _judge(self, side: Side, struck: bytes, first: Outcome | None, again: Outcome) -> None:
        """Whether what a break leaves is what has to be there, in the cases where that is sure."""
        if first is not None and None not in first.replies:
            return
        kept = all(reply is not None and reply.replayed for reply in again.replies)
        if side == "unsent" and kept:
            raise Broken("stored without a COMMIT")
        if COMMIT in struck:
            if side == "unheard" and not kept:
                raise Broken("not stored in spite of a COMMIT")
            self.report.kept += kept
            self.report.lost += not kept

    def _count(self, situation: Situation, side: Side, struck: bytes) -> None:
        self.report.struck[f"{struck[:1].decode()} {side}"] += 1
        if situation.how == "kill":
            self.report.kills += 1
        else:
            self.report.cuts += 1

    def _saw_remembered(self, tenant: UUID) -> None:
        """What was signed before a break, and perhaps never stored."""
        remembered = self._setting.remembered / str(tenant)
        if remembered.exists():
            self._signed.saw(tenant, remembered.read_bytes())

    async def _compare(self, tenant: UUID) -> None:
        connection = await asyncpg.connect(self._direct, timeout=5)
        try:
            found = await connection.fetchrow(COUNTS, tenant)
        finally:
            await connection.close()
        assert found is not None
        if set(found.values()) != {len(self._acknowledged[tenant])}:
            raise Broken(f"{len(self._acknowledged[tenant])} were acknowledged, and there are {dict(found)}")

    async def _verify(self, tenant: UUID) -> None:
        """Export, offline verification, fsck of the exported directory; every stored head against those seen."""
        with tempfile.TemporaryDirectory(dir=self._place) as folder:
            archive = Path(folder) / "log.tar"
            with archive.open("wb") as file:
                async for block in export_bundle(LogReader(self._database, KEYRING), tenant):
                    file.write(block)
            root = Path(folder) / "log"
            write_directory(root, ArchiveSource(archive).members())
            found = fsck(root, Expected())
        if found.verdict != "good":
            raise Broken(f"the export is {found.verdict}: {found.log.fault}")
        if found.log.checked.entries != len(self._acknowledged[tenant]):
            raise Broken(f"{found.log.checked.entries} entries were exported")
        self.report.events = sum(map(len, self._acknowledged.values()))
        async with self._database.tenant_transaction(tenant) as tx:
            for row in await tx.fetch(HEADS, tenant):
                self._signed.saw(tenant, row["note"])


class Server(Protocol):
    """A migrated database behind a socket."""

    @property
    def admin_url(self) -> str: ...
    @property
    def app_url(self) -> str: ...


async def run(server: Server, cuts: int, seed: int, *, only: Sweep | None = None, control: str = "") -> Report:
    """Raises Broken. Without ``only`` it sweeps through all situations, until there were so many ``cuts``.

    ``control`` is "torn" (no transaction around an append) or "forgetful" (no idempotency keys): both must be Broken.
    """
    with tempfile.TemporaryDirectory(prefix="loopctl-cuts-") as folder:
        place = Path(folder)
        parts = urlsplit(server.app_url)
        socket = Path(unquote(parts.query.partition("host=")[2])) / ".s.PGSQL.5432"
        through = urlunsplit(parts._replace(query=f"host={quote(str(place))}"))
        proxy = Proxy(socket, torn=control == "torn")
        setting = Setting(through, place / "remembered", forgetful=control == "forgetful")
        async with proxy.listening(place / ".s.PGSQL.5432"), _direct(server.app_url) as database:
            campaign = Campaign(place, server.admin_url, proxy, setting, database)
            await campaign.run(cuts, random.Random(seed), only)
        return campaign.report


@asynccontextmanager
async def _direct(url: str) -> AsyncIterator[Database]:
    database = await Database.connect(url, role="loopctl_app", max_size=2)
    try:
        yield database
    finally:
        await database.close()


def _any(chance: random.Random) -> Situation:
    how: Literal["cut", "kill"] = "kill" if chance.random() < 0.5 else "cut"
    return Situation(how, chance.random() < 0.5, chance.random() < 0.5, chance.choice((1, 2, 9)))


def _only_cut() -> None:
    """The connections are gone; the process lives."""


async def _campaign(cuts: int, seed: int) -> int:
    async with bench_server() as server:
        report = await run(server, cuts, seed)
        print(
            f"seed {seed}: {report.cuts} connections cut and {report.kills} writers killed in {report.sweeps} sweeps, "
            f"{report.events} events, every log verified; of breaks at a COMMIT {report.kept} kept, {report.lost} lost"
        )
        print("  by message and side: " + ", ".join(f"{each} {count}" for each, count in sorted(report.struck.items())))
        green = [control for control in ("torn", "forgetful") if not await _is_red(server, control)]
    print(f"controls (no transaction; no idempotency keys): {f'{green} GREEN' if green else 'red, as they must be'}")
    return 1 if green else 0


async def _is_red(server: Server, control: str) -> bool:
    try:
        await run(server, 300, 1, control=control)
    except Broken:
        return True
    return False


def main(arguments: list[str]) -> int:
    cuts = int(arguments[0]) if arguments else 10_000
    seed = int(arguments[1]) if len(arguments) > 1 else random.randrange(2**32)
    try:
        return uvloop.run(_campaign(cuts, seed))
    except Broken as broken:
        print(f"seed {seed}: {broken}")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
