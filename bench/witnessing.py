"""What it costs that a client says which head it has seen (spec 05, R10): one request with and without it, in turn."""

import time
from collections.abc import Sequence

import uvloop

from bench.servers import bench_server
from bench.table import at_most, median
from eventstore.heads.claims import KNOWN_SECONDS
from tests.api.logs import HasAddress, call, create, service, tenant_with_key

PATH = "/api/v1/tenants/me"
ROUNDS = 3_000
BAR_MS = 0.3


async def measure(server: HasAddress, rounds: int = ROUNDS) -> dict[str, float]:
    """Median milliseconds over those of a request without a claim."""
    async with service(server, remember_seconds=KNOWN_SECONDS * 100) as running:
        tenant, raw = await tenant_with_key(running.store)
        older: dict[str, str] = {}
        for number in range(3):
            await create(running.app, raw, {"name": "x", "slug": f"project-{number}"})
            await call(running.app, raw, "/api/v1/audit/proof?kind=consistency&first=1")
            running.callers.forget(tenant)
            answer = await call(running.app, raw, PATH)
            older = older or _said(answer.headers.get("loopctl-head"))
        now = _said((await call(running.app, raw, PATH)).headers.get("loopctl-head"))
        seconds: dict[str, list[float]] = {"without": [], "the newest head": [], "an older head": []}
        for _ in range(rounds):
            for name, said in (("without", {}), ("the newest head", now), ("an older head", older)):
                began = time.perf_counter()
                answer = await call(running.app, raw, PATH, **said)
                if answer.status != 200:
                    raise AssertionError(answer.body)
                seconds[name].append(time.perf_counter() - began)
        base = median(seconds.pop("without"))
        return {name: (median(each) - base) * 1e3 for name, each in seconds.items()}


def _said(head: str | None) -> dict[str, str]:
    return {"Loopctl_Witness": f"{head}; key=00c0ffee"} if head else {}


async def _run() -> None:
    async with bench_server() as server:
        for name, milliseconds in (await measure(server)).items():
            at_most(f"p50 of a request that says {name}, over one that does not, ms", milliseconds, BAR_MS)


def main(_: Sequence[str]) -> None:
    uvloop.run(_run())
