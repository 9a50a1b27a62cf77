"""A load generator of our own, in a process of its own: ``python -m bench.load <port> <connections> <seconds>``.

It sends a small JSON to /echo, or asks with GET for what a path and a key after that name. Each connection asks, waits
for the whole answer, and asks again: the load follows the server. Prints JSON.
"""

import asyncio
import sys
import time
from collections.abc import Sequence

import msgspec
import uvloop
from msgspec import Struct

BODY = b'{"name":"ann","count":2,"tags":["a","b"]}'
REQUEST = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)


class Load(Struct, frozen=True):
    """``wrong`` counts answers that were not 200 and connections that were lost."""

    rate: float
    p50_ms: float
    p99_ms: float
    wrong: int


class Client(asyncio.Protocol):
    """Reads no more of an answer than it takes to know its end."""

    def __init__(self, times: list[float], request: bytes) -> None:
        self._times = times
        self._request = request
        self._asked_at = 0.0
        self._received = b""
        self.wrong = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as streams have it
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator or len(body) < _length(head):
            return
        self._times.append(time.perf_counter() - self._asked_at)
        if not head.startswith(b"HTTP/1.1 200"):
            self.wrong += 1
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self.wrong += 1

    def stop(self) -> None:
        self._transport.abort()

    def _ask(self) -> None:
        self._received = b""
        self._asked_at = time.perf_counter()
        self._transport.write(self._request)


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])


def get_request(path: str, raw_key: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {raw_key}\r\n\r\n".encode()


async def load(port: int, connections: int, seconds: float, request: bytes = REQUEST) -> Load:
    times: list[float] = []
    loop = asyncio.get_running_loop()
    clients: list[Client] = []
    for _ in range(connections):
        _, client = await loop.create_connection(lambda: Client(times, request), "127.0.0.1", port)
        clients.append(client)
    times.clear()
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    took, count = time.perf_counter() - began, len(times)
    for client in clients:
        client.stop()
    ordered = sorted(times)
    wrong = sum(client.wrong for client in clients)
    return Load(count / took, ordered[count // 2] * 1000, ordered[count * 99 // 100] * 1000, wrong)


def main(arguments: Sequence[str]) -> int:
    port, connections, seconds = int(arguments[0]), int(arguments[1]), float(arguments[2])
    request = get_request(*arguments[3:5]) if len(arguments) > 3 else REQUEST
    print(msgspec.json.encode(uvloop.run(load(port, connections, seconds, request))).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
