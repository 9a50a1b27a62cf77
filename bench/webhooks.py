"""What webhooks cost: a transition with ten of them beside one without, and deliveries beside a bare HTTP client.

While transitions are measured the worker stands still: what it sends afterwards is not what a transition waits for.
"""

import asyncio
import sys
import time
from collections.abc import Sequence

import asyncpg
import httpx2
import psutil

from bench.live import Live, Tenant, live
from bench.servers import PASSWORDS, bench_server
from bench.shell import Server
from bench.shell import ours as echo_server
from bench.table import at_least, at_most, median, tell_machine
from bench.transitions import Measured, worked
from domain.webhook import EVENT_TYPES
from eventstore.database.transaction import Database
from migrations.roles import with_role
from tests.api.logs import service
from tests.api.work import Client, client
from tests.workers.processes import until
from tests.workers.webhooks.receiving import courier_of
from workers.webhooks.judging import Pace

WEBHOOKS = 10
AGENTS = 16
TASKS = 160
SECONDS = 3.0
ROUNDS = 5
SENDERS = 5
DELIVERIES = 2000
WAITING = "SELECT EXISTS (SELECT FROM app.webhook_delivery WHERE state = 'pending')"
ANYWHERE = {"LOOPCTL_EGRESS_ALLOW": "127.0.0.0/8", "LOOPCTL_EGRESS_ALLOW_HTTP": "true"}
STILL = {"LOOPCTL_STILL_SECONDS": "3600"}
"""A worker that stands still on purpose is not started anew."""


def main(_: Sequence[str]) -> int:
    with echo_server("bare") as receiver:
        with live(**ANYWHERE, **STILL) as running:
            asyncio.run(tell_machine(running.admin_url))
            transitions(running, receiver)
        asyncio.run(deliveries(receiver))
    return 0


def transitions(running: Live, receiver: Server) -> None:
    plain, hooked = running.tenant(AGENTS), running.tenant(AGENTS)
    for _ in range(WEBHOOKS):
        body = {"url": f"http://127.0.0.1:{receiver.port}/", "events": list(EVENT_TYPES)}
        running.send(hooked.raw_key, "POST", "/webhooks", body)
    worker: psutil.Process = running.run.child("-m", "workers")
    worker.suspend()
    try:
        for tenant in (plain, hooked):
            _worked(running, tenant, 0.3)
        rounds = [(_worked(running, plain), _worked(running, hooked)) for _ in range(ROUNDS)]
    finally:
        worker.resume()
    latency = median([ten.load.p50_ms / none.load.p50_ms for none, ten in rounds])
    cost = median([_cost(ten) / _cost(none) for none, ten in rounds])
    at_most(
        f"a transition with {WEBHOOKS} webhooks / with none, p50 of {AGENTS} agents", latency, 1.15,
        _medians([(ten.load.p50_ms, none.load.p50_ms) for none, ten in rounds], "ms"),
    )  # fmt: skip
    at_most(
        "  its processor time, API and PostgreSQL", cost, 1.15,
        _medians([(_cost(ten), _cost(none)) for none, ten in rounds], "us"),
    )  # fmt: skip


def _worked(running: Live, tenant: Tenant, seconds: float = SECONDS) -> Measured:
    return worked(running, tenant.work(TASKS), seconds)


def _medians(pairs: Sequence[tuple[float, float]], unit: str) -> str:
    return f"{median([one for one, _ in pairs]):.2f} / {median([other for _, other in pairs]):.2f} {unit}"


def _cost(of: Measured) -> float:
    return of.costs["API"] + of.costs["PostgreSQL"]


async def deliveries(receiver: Server) -> None:
    url = f"http://127.0.0.1:{receiver.port}/"
    async with bench_server() as server, service(server) as running:
        user = await client(running)
        webhooks = await _webhooks(user, url)
        worker_url = with_role(server.admin_url, "loopctl_worker", PASSWORDS.worker)
        worker = await Database.connect(worker_url, role="loopctl_worker", max_size=8)
        courier, stop = courier_of(worker, Pace(sweep=0.05)), asyncio.Event()
        rates = []
        for _ in range(3):
            bare = await _bare(url)
            await _queue(user, webhooks)
            began, sweeping = time.perf_counter(), asyncio.create_task(courier.run(stop))
            await _all_sent(server.admin_url)
            rates.append((DELIVERIES / (time.perf_counter() - began), bare))
            stop.set()
            await sweeping
            stop.clear()
        await courier.drain()
        await worker.close()
    ours, bare = (median([rate[place] for rate in rates]) for place in (0, 1))
    ratio = median([mine / others for mine, others in rates])
    at_least(
        "deliveries of one worker / requests of the bare client", ratio, 0.5, f"{ours:,.0f} / {bare:,.0f} a second"
    )


async def _webhooks(user: Client, url: str) -> list[str]:
    """They let everything overtake, so that all that may be sent at once is."""
    made = [
        await user.post("/webhooks", {"url": url, "events": ["story.verified"], "ordered": False})
        for _ in range(SENDERS)
    ]
    return [each.json()["webhook"]["id"] for each in made]


async def _queue(user: Client, webhooks: Sequence[str]) -> None:
    for number in range(DELIVERIES):
        path = f"/webhooks/{webhooks[number % SENDERS]}/test"
        assert (await user.post(path, {"event_type": "story.verified"})).status == 200


async def _all_sent(admin_url: str) -> None:
    connection = await asyncpg.connect(admin_url)

    async def sent() -> bool:
        return not await connection.fetchval(WAITING)

    await until(sent, within_seconds=120)
    await connection.close()


async def _bare(url: str) -> float:
    """Requests a second, as many at once, each on a connection of its own."""
    body = bytes(700)
    began = time.perf_counter()
    async with httpx2.AsyncClient(trust_env=False, limits=httpx2.Limits(max_keepalive_connections=0)) as http:
        turns = asyncio.Semaphore(Pace().per_tenant)

        async def one() -> None:
            async with turns:
                assert (await http.post(url, content=body)).status_code == 200

        await asyncio.gather(*(one() for _ in range(DELIVERIES)))
    return DELIVERIES / (time.perf_counter() - began)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
