"""Other requests beside /mcp: while its first call loads the library that speaks MCP, and while calls go on."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import uvloop

from bench.table import percentile, told
from interop.mcp.service import service

PATH = "/api/v1/tenants/me"
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_agents", "arguments": {}}}
SECONDS = 3.0
PAUSE = 0.01
CALLS = 60
"""No more than what a key may ask in a minute, beside the others."""


class Beside:
    """One client that asks the same all the time. ``took`` has when it asked, and the milliseconds of the answer."""

    def __init__(self, address: str, key: str) -> None:
        self._client = client(address, key)
        self.took: list[tuple[float, float]] = []

    async def ask(self) -> None:
        async with self._client:
            while True:
                began = time.perf_counter()
                answer = await self._client.get(PATH)
                answer.raise_for_status()
                self.took.append((began, (time.perf_counter() - began) * 1e3))
                await asyncio.sleep(PAUSE)

    def since(self, moment: float) -> str:
        times = sorted(took for began, took in self.took if began >= moment)
        shares = (percentile(times, 0.5), percentile(times, 0.99), times[-1])
        return "p50 {:.1f}, p99 {:.1f}, slowest {:.1f} ms".format(*shares) + f" of {len(times)}"


def client(address: str, key: str) -> httpx2.AsyncClient:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx2.AsyncClient(base_url=address, headers=headers, timeout=60, trust_env=False)


async def measure(address: str, asking: str, calling: str) -> None:
    beside = Beside(address, asking)
    others = asyncio.create_task(beside.ask())
    async with client(address, calling) as agent:
        began = time.perf_counter()
        await asyncio.sleep(SECONDS)
        told("other requests, alone", beside.since(began))
        began = time.perf_counter()
        await called(agent)
        told("beside the first call of a tool", f"{beside.since(began)}; it took {time.perf_counter() - began:.2f} s")
        began = time.perf_counter()
        for _ in range(CALLS):
            await called(agent)
        each = (time.perf_counter() - began) / CALLS * 1e3
        told("beside calls of tools, one after the other", f"{beside.since(began)}; each took {each:.1f} ms")
    others.cancel()
    await asyncio.gather(others, return_exceptions=True)


async def called(agent: httpx2.AsyncClient) -> Any:
    answer = await agent.post("/mcp", json=CALL)
    if answer.status_code != 200 or answer.json()["result"]["isError"]:
        raise AssertionError(answer.text)


def main(_: Sequence[str]) -> None:
    with TemporaryDirectory(prefix="loopctl-bench-") as folder, service(Path(folder)) as running:
        uvloop.run(measure(running.inside, running.keys["orchestrator"], running.keys["user"]))
