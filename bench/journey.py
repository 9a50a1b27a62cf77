"""How far a request travels through our own code: files entered, and moves from one file to another.

``python -m bench.journey [--files]`` runs the application in this process on a real PostgreSQL, makes one request of a
kind for warming up, and traces the next one. A file counts when one of its functions is called; a move is a call into
another file, or a return to one, as somebody who steps through the code would see it. Few of either is what makes a
change easy to place and a bug easy to find; the figures say nothing about time.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from msgspec import Struct, field

from api.http.rate_limits.counts import RedisCounts
from api.http.rate_limits.local import LocalLimiter
from api.http.rate_limits.shared import SharedLimiter
from bench.servers import bench_redis, bench_server
from bench.table import at_most
from tests.api.logs import Service, service
from tests.api.team import Work, work
from tests.support.database import TestDatabase

CHECKOUT = Path(__file__).parent.parent
OURS = ("api", "config", "domain", "egress", "eventstore", "loopctl", "migrations", "projections")
"""The harness in tests/ is not part of the way."""


class Journey(Struct):
    """``files`` in the order in which they were first entered."""

    files: dict[str, int] = field(default_factory=dict)
    moves: int = 0
    last: str = ""

    def see(self, file: str, *, called: bool) -> None:
        self.files[file] = self.files.get(file, 0) + called
        self.moves += self.last not in ("", file)
        self.last = file


@contextmanager
def traced() -> Iterator[Journey]:
    journey, known = Journey(), dict[CodeType, str | None]()

    def profile(frame: FrameType, event: str, _: Any) -> None:
        if event not in ("call", "return"):
            return
        code = frame.f_code
        if code not in known:
            known[code] = _ours(code.co_filename)
        if file := known[code]:
            journey.see(file, called=event == "call")

    sys.setprofile(profile)
    try:
        yield journey
    finally:
        sys.setprofile(None)


def _ours(name: str) -> str | None:
    path = Path(name)
    if not path.is_relative_to(CHECKOUT):
        return None
    relative = path.relative_to(CHECKOUT)
    return str(relative) if relative.parts[0] in OURS else None


class OnUrl(TestDatabase, frozen=True):
    """A database that is known by the application's address only."""

    @property
    def app_url(self) -> str:
        return self.admin_url


async def journeys(app_url: str, redis_url: str) -> dict[str, Journey]:
    async with RedisCounts(redis_url) as counts:
        limiter = SharedLimiter(counts, LocalLimiter(1))
        on = OnUrl("bench", app_url)
        async with service(on, remember_seconds=60.0, check_rate=limiter.check) as served:
            return {
                "verify": await _second(
                    served, ("1", "2"), _ready_to_verify, lambda done, number: done.verifies(number)
                ),
                "ready queue": await _second(served, ("1", "2"), _nothing, _ready_queue),
            }


async def _second(
    served: Service,
    numbers: Sequence[str],
    before: Callable[[Work, str], Awaitable[None]],
    act: Callable[[Work, str], Awaitable[None]],
) -> Journey:
    """Of the second of two: what the first one loads once does not count. Both are ready before either is done."""
    done = await work(served, "0", *numbers)
    for number in numbers:
        await before(done, number)
    first, second = numbers
    await act(done, first)
    for caller in (done.team.implementer, done.team.orchestrator):
        for _ in range(BUSY):
            await caller.get("/tenants/me")
    with traced() as journey:
        await act(done, second)
    return journey


async def _nothing(_: Work, __: str) -> None: ...


async def _ready_to_verify(done: Work, number: str) -> None:
    await done.works(done.team.implementer, number)
    await done.reviews(done.team.reviewer, number)


async def _verify(done: Work, number: str) -> None:
    await done.verifies(number)


async def _ready_queue(done: Work, _: str) -> None:
    answer = await done.team.implementer.get(f"/stories/ready?project_id={done.project}")
    assert answer.status == 200, answer.body


async def _run(redis_url: str, show_files: bool) -> None:
    async with bench_server() as server:
        found = await journeys(server.app_url, redis_url)
    for name, (most_files, most_moves) in BARS.items():
        journey = found[name]
        at_most(f"{name}: files of ours entered", len(journey.files), most_files)
        at_most(f"{name}: moves between files", journey.moves, most_moves)
        if show_files:
            for file, calls in journey.files.items():
                print(f"            {calls:>4}  {file}")


BUSY = 12
"""Requests before the one that is traced, so that it is one of many of its key."""
BARS = {"verify": (25, 100), "ready queue": (14, 40)}
"""Files and moves at most.

Before the routes built one command each, it was 68 and 335, and 31 and 142; before doors that were entered for one line
were closed, 80 and 345, and 33 and 115."""


def main(arguments: Sequence[str]) -> int:
    with bench_redis() as redis_url:
        asyncio.run(_run(redis_url, "--files" in arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
