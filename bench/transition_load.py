"""Agents that take stories through contract, claim, start and request-review, in a process of their own:
``python -m bench.transition_load <plan file> <seconds>``.

Each agent has one connection, its own key and its own stories; it waits for each whole answer before it asks again,
and every request has an Idempotency-Key of its own. Prints JSON.
"""

import asyncio
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import uvloop
from msgspec import Struct

from bench.load import Client, Load


class Task(Struct, frozen=True):
    """A story as the one who contracts it has to know it."""

    id: str
    title: str
    ac_count: int


class Agent(Struct, frozen=True):
    raw_key: str
    tasks: list[Task]


class Plan(Struct, frozen=True):
    port: int
    agents: list[Agent]


class Out(Exception):
    """An agent has no story left: there were too few for the time."""


class Worker(Client):
    """Asks for the next thing each time."""

    def __init__(self, times: list[float], requests: Iterator[bytes]) -> None:
        super().__init__(times, b"")
        self._requests = requests
        self.out = False

    def _ask(self) -> None:
        self._request = next(self._requests, b"")
        self.out = not self._request
        if not self.out:
            super()._ask()


def requests(agent: Agent) -> list[bytes]:
    """Everything that the agent will ask, as bytes: making them must not cost the generator time later."""
    made: list[bytes] = []
    for task in agent.tasks:
        echo = msgspec.json.encode({"story_title": task.title, "ac_count": task.ac_count})
        steps = (("contract", echo), ("claim", b"{}"), ("start", b"{}"), ("request-review", b"{}"))
        made += [_request(agent.raw_key, f"/api/v1/stories/{task.id}/{action}", body) for action, body in steps]
    return made


def _request(raw_key: str, path: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {raw_key}\r\nContent-Type: application/json\r\n"
        f"Idempotency-Key: {secrets.token_hex(8)}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def work(plan: Plan, seconds: float) -> Load:
    """Raises Out."""
    times: list[float] = []
    loop = asyncio.get_running_loop()
    workers: list[Worker] = []
    prepared = [iter(requests(agent)) for agent in plan.agents]
    for each in prepared:
        _, worker = await loop.create_connection(lambda mine=each: Worker(times, mine), "127.0.0.1", plan.port)  # type: ignore[misc]  # a lambda's default
        workers.append(worker)
    await asyncio.sleep(min(0.5, seconds / 4))
    times.clear()
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    took, ordered = time.perf_counter() - began, sorted(times)
    for worker in workers:
        worker.stop()
    if any(worker.out for worker in workers):
        raise Out
    count = len(ordered)
    wrong = sum(worker.wrong for worker in workers)
    return Load(count / took, ordered[count // 2] * 1000, ordered[count * 99 // 100] * 1000, wrong)


def main(arguments: Sequence[str]) -> int:
    plan = msgspec.json.decode(Path(arguments[0]).read_bytes(), type=Plan)
    print(msgspec.json.encode(uvloop.run(work(plan, float(arguments[1])))).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
