"""Malformed requests by the hundred thousand: none may be answered with 5xx, hang, or get an answer of another shape.

    make soak ARGS="malformed 100000 [seed]"

The control is the same campaign against the framework without our shell, which must go red.
"""

import asyncio
import random
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import msgspec
import psutil
from msgspec import Struct

from bench.keyed import Serving
from bench.mutations import keyed, malformed
from tests.support.guarded import guarded

HANG_SECONDS = 2.0
ANSWER_SECONDS = 15.0
"""How long an answer may take on a machine that stands still now and then."""
CONCURRENCY = 32
KEYED_CONCURRENCY = 8
"""Each of these asks the database."""
CROWD = 24
"""Long bodies at the same time, while somebody else asks for /livez."""

LONG_FORM = b"a=" + b"%41" * 660_000
"""Costly to decode, and not longer than a route takes."""

LIVEZ = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
KEPT = 5
"""Examples of each kind of failure in the report."""

ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER that leaves no port behind in TIME_WAIT: there are fewer ports than requests."""

SOME_ID = "019a0000-0000-7000-8000-000000000000"
MEMORY_GROWTH = 64 * 1024 * 1024
WARM_UP = 5000
NOT_BUILT = 501
"""An answer like any other: of a route or a parameter that is refused because it would do nothing."""


MADE_ONCE = (b"/api/v1/openapi", b"/mcp")
"""What whoever asks first waits for, for seconds on a busy machine, and nobody else (tests/api/test_discovery.py)."""
FIRST = b"%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\n" + (
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
)


class Failure(Struct, frozen=True):
    """``what`` is 5xx, hang or shape."""

    what: str
    request: bytes
    answer: bytes


class Report(Struct):
    seed: int
    sent: int = 0
    statuses: Counter[int] = msgspec.field(default_factory=Counter)
    unanswered: int = 0
    """Cut off or closed without a word, as an unfinished request may be."""
    failures: Counter[str] = msgspec.field(default_factory=Counter)
    examples: list[Failure] = []
    seconds: float = 0.0

    @property
    def green(self) -> bool:
        return not self.failures

    def fail(self, what: str, request: bytes, answer: bytes) -> None:
        self.failures[what] += 1
        if self.failures[what] <= KEPT:
            self.examples.append(Failure(what, request, answer))


def run(base_url: str, count: int, seed: int, *, concurrency: int = CONCURRENCY) -> Report:
    """The same ``seed`` makes the same requests, though not in the same order of arrival."""
    return asyncio.run(campaign(base_url, count, seed, concurrency=concurrency))


async def keyed_campaign(serving: Serving, count: int, seed: int, *, concurrency: int = KEYED_CONCURRENCY) -> Report:
    """The same with requests that come in: each has a real key, and is right but for a thing or two."""
    report, chance, began = Report(seed), random.Random(seed), time.monotonic()
    goods = [tuple(part.encode() for part in msgspec.structs.astuple(good)) for good in serving.requests]
    requests = (keyed(chance, *chance.choice(goods)) for _ in range(count))
    await _exchange(serving.port, LIVEZ + b"\r\n")  # its port is open before it serves
    for good in goods:
        if good[1] in MADE_ONCE:
            method, path, raw_key, body = good
            await _exchange(serving.port, FIRST % (method, path, raw_key, len(body), body))
    async with asyncio.TaskGroup() as group:
        for client in range(concurrency):
            group.create_task(_client(client, serving.port, requests, report))
    report.seconds = time.monotonic() - began
    return report


async def campaign(base_url: str, count: int, seed: int, *, concurrency: int = CONCURRENCY) -> Report:
    report = Report(seed)
    began = time.monotonic()
    routes = await asyncio.to_thread(known_routes, base_url)
    chance = random.Random(seed)
    requests = (malformed(chance, routes) for _ in range(count))
    place = urlsplit(base_url)
    port = place.port or 80
    async with asyncio.TaskGroup() as group:
        for client in range(concurrency):
            group.create_task(_client(client, port, requests, report))
    report.seconds = time.monotonic() - began
    return report


def known_routes(base_url: str) -> list[tuple[bytes, bytes]]:
    """What the service lists; of one that lists nothing, the echo route alone."""
    answer = httpx2.get(base_url + "/api/v1/routes", timeout=10, trust_env=False)
    if answer.status_code != 200:
        return [(b"POST", b"/echo")]
    httpx2.get(base_url + MADE_ONCE[0].decode(), timeout=60, trust_env=False)
    listed = [(route["method"], re.sub(r":\w+", SOME_ID, route["path"])) for route in answer.json()["routes"]]
    routes = [(method.encode(), path.encode()) for method, path in listed]
    return routes + [(b"HEAD", path) for method, path in routes if method == b"GET"]


async def _client(number: int, port: int, requests: Iterator[bytes], report: Report) -> None:
    # Each client from an address of its own: loopback has many, and each has its own range of ports.
    source = (f"127.0.0.{number % 250 + 2}", 0)
    for request in requests:
        answer = await _ask(port, source, request)
        report.sent += 1
        if answer is None:
            report.fail("hang", request, b"")
        else:
            judge(request, answer, report)


async def _ask(port: int, source: tuple[str, int], request: bytes) -> bytes | None:
    """Everything that came back before the other side closed; None when it did not close in time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=source, limit=2**20)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
    received = bytearray()
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            writer.write(request)
            if writer.can_write_eof():
                writer.write_eof()
            while piece := await reader.read(65536):
                received += piece
    except TimeoutError:
        return None
    except OSError:
        pass  # cut off: what came before is judged
    finally:
        writer.close()
    return bytes(received)


async def crowd(base_url: str, count: int = CROWD) -> float:
    """Seconds that the slowest plain /livez waited while ``count`` clients sent it with a long form."""
    port = urlsplit(base_url).port or 80
    kind = b"Content-Type: application/x-www-form-urlencoded\r\n"
    heavy = LIVEZ + kind + b"Content-Length: %d\r\n\r\n" % len(LONG_FORM) + LONG_FORM
    slowest = 0.0
    async with asyncio.TaskGroup() as group:
        sending = [group.create_task(_exchange(port, heavy)) for _ in range(count)]
        while not all(task.done() for task in sending):
            slowest = max(slowest, await _exchange(port, LIVEZ + b"\r\n"))
            await asyncio.sleep(0.01)
    return slowest


async def _exchange(port: int, request: bytes) -> float:
    began = time.monotonic()
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request)
            await writer.drain()
            await reader.read()
        finally:
            writer.close()
    return time.monotonic() - began


def judge(request: bytes, answer: bytes, report: Report) -> None:
    """Adds what is wrong with the answers of one connection."""
    if not answer:
        report.unanswered += 1
        return
    bodiless = b"HEAD" in request
    while answer:
        head, separator, rest = answer.partition(b"\r\n\r\n")
        status = _status(head)
        if status is None or not separator:
            report.fail("shape", request, answer)
            return
        report.statuses[status] += 1
        if status >= 500 and status != NOT_BUILT:
            report.fail("5xx", request, answer[:2000])
        length = _length(head)
        if bodiless and (not rest or rest.startswith(b"HTTP/1.1 ")):
            length = 0
        body, answer = rest[:length], rest[length:]
        right = _is_error(status, body) or (b" /mcp" in request and _is_of_json_rpc(body)) or _is_page(request, head)
        if status >= 400 and length and not right:
            report.fail("shape", request, head + separator + body[:2000])


def _status(head: bytes) -> int | None:
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
    return int(found[1]) if found else None


def _length(head: bytes) -> int:
    found = re.search(rb"(?i)\r\ncontent-length: (\d+)(?:\r\n|$)", head)
    return int(found[1]) if found else 0


def _is_page(request: bytes, head: bytes) -> bool:
    """What is wrong with a page is told on one."""
    return b" /api/" not in request and b"content-type: text/html" in head.lower()


def _is_of_json_rpc(body: bytes) -> bool:
    """What is wrong with a message is said as its protocol has it (JSON-RPC 2.0 §5.1)."""
    try:
        said = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return False
    error = said.get("error") if isinstance(said, dict) else None
    return isinstance(error, dict) and isinstance(error.get("code"), int) and isinstance(error.get("message"), str)


def _is_error(status: int, body: bytes) -> bool:
    """The envelope, or the same as RFC 9457 has it, with the status of the status line."""
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return False
    if status == 422 and isinstance(found, dict) and isinstance(found.get("results"), list):
        return True  # of a request about many stories: what became of each
    inner = found.get("error", found) if isinstance(found, dict) else None
    texts = ("code", "message") if inner is not found else ("code", "detail")
    return (
        isinstance(inner, dict)
        and inner.get("status") == status
        and all(isinstance(inner.get(name), str) and inner[name] for name in texts)
    )


STORED = "(^/recovery|/(signup|ceremonies))"
"""Public routes that need a database, which the service that is asked here has not; 503 is the right answer then."""


def schemathesis(
    base_url: str, examples: int, seed: int, only: str = "", *, phases: str = "examples,coverage,fuzzing,stateful"
) -> tuple[int, str]:
    """Exit code and output of Schemathesis over the service's own OpenAPI document, or ``only`` one path of it. 0 when
    it found nothing."""
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", base_url + "/api/v1/openapi", "--url", base_url,
        "--checks", checks, "--max-examples", str(examples), "--seed", str(seed), "--request-timeout", "5",
        "--no-color", "--generation-database", "none", "--phases", phases,
        *(("--include-path", only) if only else ("--exclude-path-regex", STORED)),
    ]  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="loopctl-schemathesis-") as folder:
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, timeout=1800)
    return done.returncode, done.stdout + done.stderr


@contextmanager
def serving(name: str) -> Iterator[tuple[str, psutil.Process]]:
    """A server of bench.echo_app in a process of its own."""
    command = [sys.executable, "-m", "bench.echo_app", name]
    with guarded(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}", psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(timeout=30)


def main(arguments: Sequence[str]) -> int:
    count = int(arguments[0]) if arguments else 100_000
    seed = int(arguments[1]) if len(arguments) > 1 else random.randrange(2**32)
    with serving("shell") as (address, process):
        run(address, min(count, WARM_UP), seed + 1)
        before = process.memory_info().rss
        report = run(address, count, seed)
        growth = process.memory_info().rss - before
        show("shell", report)
        print(f"  memory grew by {growth / 2**20:.1f} MiB (at most {MEMORY_GROWTH / 2**20:.0f})")
        waited = asyncio.run(crowd(address))
        print(f"  /livez waited {waited:.2f} s beside {CROWD} long forms (less than {HANG_SECONDS:.0f})")
        code, output = schemathesis(address, max(10, count // 1000), seed)
        print(f"  schemathesis: {'found nothing' if code == 0 else output}")
    with serving("litestar") as (address, _):
        control = run(address, min(count, 5000), seed)
        show("control, the framework alone", control)
    print(f"control is {'GREEN: the campaign proves nothing' if control.green else 'red, as it must be'}")
    green = report.green and growth < MEMORY_GROWTH and waited < HANG_SECONDS and code == 0
    return 0 if green and not control.green else 1


def show(name: str, report: Report) -> None:
    rate = report.sent / report.seconds
    print(f"{name}: {report.sent} requests in {report.seconds:.0f} s ({rate:.0f}/s), seed {report.seed}")
    print(f"  answers {dict(sorted(report.statuses.items()))}, {report.unanswered} cut off")
    print(f"  failures {dict(report.failures) or 'none'}")
    for failure in report.examples:
        print(f"  {failure.what}: {failure.request[:200]!r} -> {failure.answer[:200]!r}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
