"""`make soak ARGS="memory [requests] [tenants]"`: memory of one API process while many tenants ask (spec 07, 3).

Each request is of another tenant than the one before: a story, a list, a change of the story. Reports what the process
keeps in memory after each tenth; the bar is the most of all, and that the second half adds next to nothing.
"""

import asyncio
import itertools
import sys
from collections.abc import Iterator, Sequence

import msgspec
import uvloop

from bench.live import Live, Tenant, live
from bench.load import get_request
from bench.table import at_most, told
from bench.transition_load import Worker

REQUESTS = 100_000
TENANTS = 1_000
CONNECTIONS = 16
MOST_MIB = 250
MOST_GROWTH = 1.05
"""Of the second half of the requests."""


def requests_of(tenant: Tenant) -> list[bytes]:
    """A story, a list, and two changes of the story, the second of which undoes the first."""
    live_, raw_key = tenant.live, tenant.raw_key
    project = live_.send(raw_key, "POST", "/projects", {"name": "p", "slug": "my-app"})["project"]["id"]
    epic = live_.send(raw_key, "POST", f"/projects/{project}/epics", {"number": 1, "title": "e"})["epic"]["id"]
    body = {"number": "1.1", "title": "A story", "acceptance_criteria": [{"id": "AC-1", "description": "It works"}]}
    story = live_.send(raw_key, "POST", f"/epics/{epic}/stories", body)["story"]["id"]
    path = f"/api/v1/stories/{story}"
    reads = [get_request(path, raw_key), get_request(f"/api/v1/stories?project_id={project}", raw_key)]
    return [*reads, _change(path, raw_key, "One title"), *reads, _change(path, raw_key, "Another title")]


def _change(path: str, raw_key: str, title: str) -> bytes:
    body = msgspec.json.encode({"title": title})
    head = (
        f"PATCH {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {raw_key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def ask(port: int, requests: Iterator[bytes], count: int) -> int:
    """Asks ``count`` of them; how many were not answered with 200."""
    loop, times = asyncio.get_running_loop(), list[float]()
    some = itertools.islice(requests, count)
    workers = [
        (await loop.create_connection(lambda: Worker(times, some), "127.0.0.1", port))[1] for _ in range(CONNECTIONS)
    ]
    await asyncio.gather(*(worker.done.wait() for worker in workers))
    for worker in workers:
        worker.stop()
    return sum(worker.wrong for worker in workers)


def measure(service: Live, requests: int, tenants: int) -> None:
    told("after the start", f"{resident(service):.0f} MiB")
    each = [requests_of(service.tenant(0)) for _ in range(tenants)]
    told(f"after making {tenants:,} tenants", f"{resident(service):.0f} MiB")
    endless = itertools.chain.from_iterable(itertools.cycle(zip(*each, strict=True)))
    found, wrong = [], 0
    for part in range(1, 11):
        wrong += uvloop.run(ask(service.port, endless, requests // 10))
        found.append(resident(service))
        told(f"after {part * requests // 10:,} requests", f"{found[-1]:.0f} MiB")
    at_most("most memory of the API process, MiB", max(found), MOST_MIB, f"{wrong} wrong answers")
    at_most("after all of them / after half", found[-1] / found[4], MOST_GROWTH)


def resident(service: Live) -> float:
    return float(service.api.memory_info().rss) / 2**20


def main(arguments: Sequence[str]) -> int:
    requests = int(arguments[0]) if arguments else REQUESTS
    tenants = int(arguments[1]) if len(arguments) > 1 else TENANTS
    with live(LOOPCTL_LOG_LEVEL="warning") as service:
        measure(service, requests, tenants)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
