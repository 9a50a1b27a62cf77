"""Every delivery arrives or is given up, of each story in order, whatever receivers, workers and Redis do (06, B9).

`make soak ARGS="webhook_campaign 10000"`: a receiver that fails 30 %, hangs 5 % and drops 5 % of its answers halfway, a
worker killed every five seconds, a Redis flushed every ten. Then one that hangs as long as it may, beside others. In
the control nobody looks at what is due: there is only what Redis says, and that must lose some.
"""

import asyncio
import base64
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import uvloop
from msgspec import Struct, field
from redis.asyncio import Redis

from bench.servers import PASSWORDS, bench_server
from bench.table import percentile
from eventstore.following.pause import set_within
from eventstore.following.wake_up import announcing
from migrations.roles import with_role
from tests.api.logs import KEYRING, service
from tests.api.team import Team, team
from tests.support.guarded import guarded
from tests.workers.processes import CHECKOUT, PrivateRedis, until
from tests.workers.webhooks.receiving import OK, Receiver, Request

WEBHOOKS = 5
STORIES = 40
CYCLE = ("contract", "claim", "unclaim")
KILL_SECONDS, FLUSH_SECONDS = 5.0, 10.0
DONE_BY_EACH = 20
"""Deliveries that a worker has made before it is killed."""
PATIENCE_SECONDS = 120.0
FAILS = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
STATES = "SELECT state, count(*) AS count FROM app.webhook_delivery GROUP BY state"
SHELL_LINE = """openssl dgst -sha256 -hmac "$SECRET" | sed 's/.* /sha256=/'"""


class Report(Struct, kw_only=True):
    emitted: int
    states: dict[str, int]
    accepted: int
    duplicates: int
    disordered: int
    unsigned: int
    kills: int
    flushes: int
    seconds: float

    @property
    def good(self) -> bool:
        return self.complete and self.duplicates <= 0.05 * self.emitted

    @property
    def complete(self) -> bool:
        """Nothing is lost, disordered or unsigned."""
        over = self.states.get("delivered", 0) + self.states.get("exhausted", 0) + self.states.get("failed", 0)
        arrived = over == self.emitted and self.accepted >= self.states.get("delivered", 0)
        return arrived and not self.disordered and not self.unsigned


class Watched(Struct):
    """What a receiver has accepted, in order. ``secrets`` by webhook, in both spellings."""

    chance: random.Random
    receiver: Receiver
    secrets: dict[str, tuple[str, str]] = {}
    accepted: list[tuple[str, str, str, int]] = field(default_factory=list)
    """Webhook, id, story and position."""
    unsigned: int = 0
    arrivals: dict[int, float] = field(default_factory=dict)

    async def answer(self, request: Request) -> bytes:
        luck = self.chance.random()
        if luck < 0.30:
            return FAILS
        if luck < 0.35:
            await asyncio.sleep(30)
            return b""
        if luck < 0.40:
            return HALF
        return self.take(request)

    def take(self, request: Request) -> bytes:
        webhook, body = self.webhook_of(request), request.payload
        try:
            request.check(*self.secrets[webhook])
        except Exception:  # noqa: BLE001  # whatever speaks against it
            self.unsigned += 1
        self.accepted.append((webhook, request.headers["webhook-id"], body["story_id"], body["position"]))
        self.arrivals.setdefault(body["position"], time.monotonic())
        return OK

    def webhook_of(self, request: Request) -> str:
        """The delivery's id is the webhook's but for its last twelve digits."""
        return next(each for each in self.secrets if each[:23] == request.headers["webhook-id"][:23])


class Scene(Struct):
    """What a campaign runs in."""

    people: Team
    admin_url: str
    redis: PrivateRedis
    environment: dict[str, str]
    stack: AsyncExitStack
    stories: list[str] = []

    async def receiver(self) -> Receiver:
        made = Receiver()
        server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
        self.stack.callback(server.close)
        made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        return made

    async def subscribe(self, url: str) -> Any:
        made = await self.people.user.post("/webhooks", {"url": url, "events": ["story.status_changed"]})
        assert made.status == 201, made.body
        return made.json()["webhook"]

    def worker(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "bench.webhook_worker"]
        return guarded(subprocess.Popen(command, env=self.environment, cwd=CHECKOUT, start_new_session=True))

    async def step(self, number: int) -> int:
        """One transition of one story: its position."""
        story, action = self.stories[number % STORIES], CYCLE[number // STORIES % len(CYCLE)]
        body = {"story_title": f"Story {1}.{number % STORIES + 1}", "ac_count": 0} if action == "contract" else {}
        answer = await self.people.implementer.post(f"/stories/{story}/{action}", body)
        assert answer.status == 200, answer.body
        return int(answer.headers["loopctl-position"])

    async def states(self) -> dict[str, int]:
        connection = await asyncpg.connect(self.admin_url)
        found = {row["state"]: row["count"] for row in await connection.fetch(STATES)}
        await connection.close()
        return found


@asynccontextmanager
async def scene(pace: str) -> AsyncIterator[Scene]:
    with tempfile.TemporaryDirectory(prefix="loopctl-hooks-") as folder:
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(bench_server())
            redis = PrivateRedis(Path(folder))
            await redis.start()
            stack.callback(redis.kill)
            client = await stack.enter_async_context(Redis.from_url(redis.url))
            announcer = await stack.enter_async_context(announcing(client))
            running = await stack.enter_async_context(service(server, parts={"committed": announcer.committed}))
            people = await team(running)
            keks = ",".join(f"{key.kid}:{base64.b64encode(key.secret).decode()}" for key in KEYRING.keks)
            environment = {
                **{name: value for name, value in os.environ.items() if not name.startswith("LOOPCTL_")},
                "PYTHONPATH": str(CHECKOUT), "LOOPCTL_REDIS_URL": redis.url, "LOOPCTL_KEKS": keks,
                "LOOPCTL_DATABASE_URL": with_role(server.admin_url, "loopctl_worker", PASSWORDS.worker),
                "LOOPCTL_DATA_DIR": folder, "LOOPCTL_EGRESS_ALLOW": "127.0.0.0/8", "LOOPCTL_LOG_LEVEL": "error",
                "LOOPCTL_EGRESS_ALLOW_HTTP": "true", "WEBHOOK_PACE": pace,
            }  # fmt: skip
            made = Scene(people, server.admin_url, redis, environment, stack)
            # The service of the tests lives in the past: what is over would be forgotten at once.
            await people.user.patch("/tenants/me", {"settings": {"webhook_event_retention_days": 3650}})
            epic = await people.user.epic(await people.user.project())
            made.stories = [await people.user.story(epic, f"1.{number + 1}") for number in range(STORIES)]
            yield made


async def storm(deliveries: int, seed: int, *, redis_only: bool = False, kill_seconds: float = KILL_SECONDS) -> Report:
    """``redis_only``: nobody looks at the rows, so that what Redis forgets is forgotten."""
    began, count = time.monotonic(), Counter[str]()
    patience = 15.0 if redis_only else PATIENCE_SECONDS
    async with scene("blind" if redis_only else "quick") as here:
        watched = Watched(random.Random(seed), await here.receiver())
        watched.receiver.answer = watched.answer
        for _ in range(WEBHOOKS):
            webhook = await here.subscribe(watched.receiver.url)
            watched.secrets[webhook["id"]] = (webhook["signing_secret"], webhook["standard_webhooks_secret"])
        over = asyncio.Event()
        chaos = [
            asyncio.create_task(_killing(here, over, count, kill_seconds, watched.accepted)),
            asyncio.create_task(_flushing(here, over, count)),
        ]
        for number in range(deliveries // WEBHOOKS):
            await here.step(number)
            await asyncio.sleep(0.005)

        async def settled() -> bool:
            return not (await here.states()).get("pending")

        with suppress(TimeoutError):
            await until(settled, within_seconds=patience + deliveries / 50, every_seconds=0.5)
        states = await here.states()
        over.set()
        await asyncio.gather(*chaos)
        assert not watched.accepted or _signed_in_shell(watched)
        return Report(
            emitted=sum(states.values()), states=states, accepted=len({id_ for _, id_, *_ in watched.accepted}),
            duplicates=len(watched.accepted) - len({id_ for _, id_, *_ in watched.accepted}),
            disordered=_disordered(watched.accepted), unsigned=watched.unsigned, kills=count["kills"],
            flushes=count["flushes"], seconds=time.monotonic() - began,
        )  # fmt: skip


async def _killing(
    here: Scene, over: asyncio.Event, count: Counter[str], seconds: float, accepted: Sequence[Any]
) -> None:
    """There is always a worker, and never for long the same; but each gets something done, however slow the machine."""
    while not over.is_set():
        worker, before = here.worker(), len(accepted)
        ended = await set_within(over, seconds)
        while not ended and len(accepted) < before + DONE_BY_EACH:
            ended = await set_within(over, 0.05)
        count["kills"] += not ended
        worker.kill()
        await asyncio.to_thread(worker.wait)


async def _flushing(here: Scene, over: asyncio.Event, count: Counter[str]) -> None:
    async with Redis.from_url(here.redis.url) as client:
        while not over.is_set():
            try:
                async with asyncio.timeout(FLUSH_SECONDS):
                    await over.wait()
            except TimeoutError:
                await client.flushall()
                count["flushes"] += 1


def _disordered(accepted: Sequence[tuple[str, str, str, int]]) -> int:
    """How many came for the first time after a later one of the same story."""
    newest: dict[tuple[str, str], int] = {}
    seen, wrong = set[str](), 0
    for webhook, id_, story, position in accepted:
        if id_ not in seen:
            seen.add(id_)
            wrong += position < newest.get((webhook, story), -1)
            newest[webhook, story] = max(position, newest.get((webhook, story), -1))
    return wrong


def _signed_in_shell(watched: Watched) -> bool:
    """The line of the documents, on what came last."""
    request = watched.receiver.seen[-1]
    secret = watched.secrets[watched.webhook_of(request)][0]
    said = subprocess.run(
        ["sh", "-c", SHELL_LINE], input=request.body, env={**os.environ, "SECRET": secret}, capture_output=True,
        check=True,
    )  # fmt: skip
    return said.stdout.decode().strip() == request.headers["x-loopctl-signature"]


async def beside_a_slow_one(events: int, *, slow: bool) -> float:
    """99th percentile of the seconds from a transition to its arrival at a quick receiver."""
    async with scene("earnest") as here:
        watched = Watched(random.Random(0), await here.receiver())
        watched.receiver.answer = watched.take
        webhook = await here.subscribe(watched.receiver.url)
        watched.secrets[webhook["id"]] = (webhook["signing_secret"], webhook["standard_webhooks_secret"])
        if slow:
            stuck = await here.receiver()
            stuck.answer = _never
            await here.subscribe(stuck.url)
        worker = here.worker()
        done: dict[int, float] = {}
        try:
            await here.step(0)
            await until(lambda: bool(watched.arrivals), within_seconds=60)  # it works
            watched.arrivals.clear()
            for number in range(1, events + 1):
                done[await here.step(number)] = time.monotonic()
                await asyncio.sleep(0.03)
            with suppress(TimeoutError):
                await until(lambda: len(watched.arrivals) >= events, within_seconds=30)
        finally:
            worker.kill()
            await asyncio.to_thread(worker.wait)
        missing = [position for position in done if position not in watched.arrivals]
        assert not missing, f"{len(missing)} never came"
        return percentile(sorted(watched.arrivals[position] - at for position, at in done.items()), 0.99)


async def _never(_: Request) -> bytes:
    await asyncio.sleep(3600)
    return b""


def main(arguments: Sequence[str]) -> int:
    deliveries = int(arguments[0]) if arguments else 10_000
    seed = int(arguments[1]) if len(arguments) > 1 else random.randrange(2**32)
    report = uvloop.run(storm(deliveries, seed))
    print(
        f"{report.emitted} deliveries, seed {seed}, {report.kills} kills, {report.flushes} flushes, "
        f"{report.seconds:.0f} s: {report.states}; accepted {report.accepted}, twice {report.duplicates} "
        f"({report.duplicates / max(1, report.emitted):.1%}), out of order {report.disordered}, "
        f"unsigned {report.unsigned}"
    )
    alone = uvloop.run(beside_a_slow_one(300, slow=False))
    beside = uvloop.run(beside_a_slow_one(300, slow=True))
    print(f"p99 of a quick receiver: alone {alone * 1000:.0f} ms, beside one that hangs {beside * 1000:.0f} ms")
    control = uvloop.run(storm(min(deliveries, 1000), seed, redis_only=True))
    red = not control.good
    print(
        f"control (queue in Redis only): {control.states}: {'red, as it must be' if red else 'GREEN: proves nothing'}"
    )
    return 0 if report.good and beside <= max(2 * alone, 0.25) and red else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
