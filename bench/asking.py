"""Somebody who asks now and then: ``python -m bench.asking <port> <seconds> <path> <key>``, in a process of its own, so
that what it measures is the service's and not that of whoever loads it. Prints one line of JSON.

On one connection for each it asks for the path and for /livez, fifty times a second.
"""

import asyncio
import sys
import time
from collections.abc import Sequence

import msgspec
import uvloop
from msgspec import Struct

from bench.load import get_request
from bench.table import percentile
from tests.support.guarded import guarded

EVERY_SECONDS = 0.02
LIVEZ = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


class Asked(Struct):
    """Seconds of each answer, and how often there was none or another one than 200."""

    seconds: list[float] = []
    refused: int = 0

    @property
    def p99_ms(self) -> float:
        return percentile(sorted(self.seconds), 0.99) * 1e3

    @property
    def slowest_ms(self) -> float:
        return max(self.seconds) * 1e3


class Report(Struct):
    path: Asked
    livez: Asked


async def ask(port: int, request: bytes, asked: Asked, until: float) -> None:
    while time.perf_counter() < until:
        try:
            await _ask(port, request, asked, until)
        except (OSError, asyncio.IncompleteReadError):
            asked.refused += 1


async def _ask(port: int, request: bytes, asked: Asked, until: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while (began := time.perf_counter()) < until:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            asked.seconds.append(time.perf_counter() - began)
            asked.refused += not head.startswith(b"http/1.1 200")
            await asyncio.sleep(EVERY_SECONDS)
    finally:
        writer.close()


async def both(port: int, seconds: float, request: bytes) -> Report:
    report, until = Report(Asked(), Asked()), time.perf_counter() + seconds
    await asyncio.gather(ask(port, request, report.path, until), ask(port, LIVEZ, report.livez, until))
    return report


async def asked(port: int, seconds: float, path: str, key: str) -> Report:
    """In the process of its own."""
    command = [sys.executable, "-m", "bench.asking", str(port), str(seconds), path, key]
    process = guarded(await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE))
    said, _ = await process.communicate()
    return msgspec.json.decode(said, type=Report)


def main(arguments: Sequence[str]) -> int:
    port, seconds, path, key = arguments
    report = uvloop.run(both(int(port), float(seconds), get_request(path, key)))
    print(msgspec.json.encode(report).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
