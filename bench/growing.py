"""One nasty shape at a time, twice as large at every step, and somebody else who asks for /livez meanwhile: the slowest
answer is bounded, and so is what the other one waits. What is linear is far from the bound at the largest size that the
service takes; what is quadratic is past it long before.

    make soak ARGS="growing [random shapes] [seed]"
"""

import asyncio
import random
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from api.http.limits import LARGE_BODY_BYTES as LARGEST
from api.http.limits import Limits
from bench.keyed import Serving
from bench.malformed import LIVEZ, serving
from bench.table import at_most, told

SLOWEST_SECONDS = 5.0
"""For an ordinary body and for /livez, whatever is beside it; more for an import, by its size.
Many times what is needed, so that a loaded machine is no fault of the service."""
GIVEN_UP_SECONDS = 120.0
SMALLEST = 1024
RANDOM_SHAPES = 40
ORDINARY_BYTES = 200_000
"""Of each shape to every route that takes a body: there the bars are those of a quiet machine."""
ORDINARY_ANSWER_MS = 300
ORDINARY_LIVEZ_MS = 100
LIMITS = Limits()
QUERY_BYTES = LIMITS.url_bytes - 64
HEADER_BYTES = LIMITS.header_bytes - 512
JSON = b"application/json"
FORM = b"application/x-www-form-urlencoded"
DEEP = b"[" * (LIMITS.json_depth + 1)
"""From here on the guard looks for how deep it is."""


class Repeated(Struct, frozen=True):
    """A text of any size: ``head``, then ``piece`` again and again, then ``tail``."""

    head: bytes
    piece: bytes
    tail: bytes = b""

    def of(self, size: int) -> bytes:
        times = max(1, (size - len(self.head) - len(self.tail)) // len(self.piece))
        return b"%b%b%b" % (self.head, self.piece * times, self.tail)


class Shape(Struct, frozen=True):
    """``text`` goes where ``request`` puts it, at most ``most`` bytes of it."""

    name: str
    text: Callable[[int], bytes]
    request: Callable[[bytes], bytes]
    most: int


class Door(Struct, frozen=True):
    """A route that takes a body, what has to be said to come in, and the largest body that it takes."""

    method: bytes = b"POST"
    path: bytes = b"/echo"
    headers: bytes = b""
    most: int = LIMITS.body_bytes


class Slow(Struct, frozen=True):
    shape: str
    size: int
    answer_seconds: float
    livez_seconds: float
    head: bytes


class Report(Struct):
    seed: int
    asked: int = 0
    answer_seconds: float = 0.0
    """Of the slowest answer."""
    slowest: str = ""
    """Its shape."""
    livez_seconds: float = 0.0
    """The longest that somebody waited for /livez meanwhile."""
    server_errors: list[str] = []
    slow: list[Slow] = []

    @property
    def green(self) -> bool:
        return not self.slow and not self.server_errors


JSON_SHAPES = {
    "an unfinished string of escaped quotes": Repeated(b'"', b'\\"'),
    "the same behind deep nesting": Repeated(DEEP + b'"', b'\\"'),
    "quotes and backslashes behind deep nesting": Repeated(DEEP, b'"\\'),
    "an unfinished string of backslashes": Repeated(DEEP + b'"', b"\\"),
    "quotes behind deep nesting": Repeated(DEEP, b'"', b"x"),
    "strings behind deep nesting": Repeated(DEEP + b'"', b'","', b'"]'),
    "a finished string of escapes": Repeated(b'{"name":"', b"\\\\", b'"}'),
    "nesting": Repeated(b"", b"["),
    "nesting and back": Repeated(b"[", b"[[]],", b"0]"),
    "nested objects": Repeated(b"", b'{"a":'),
    "closing brackets": Repeated(b"", b"]"),
    "a long number": Repeated(b'{"count":', b"7", b"}"),
    "a long fraction": Repeated(b'{"count":0.', b"7", b"}"),
    "a long exponent": Repeated(b'{"count":1e-', b"7", b"}"),
    "numbers of eighteen digits": Repeated(b'{"name":[', b"123456789012345678,", b"0]}"),
    "numbers just inside the range": Repeated(b'{"name":[', b"9223372036854775807,1e300,", b"1e999]}"),
    "halves of surrogate pairs": Repeated(b'{"name":"', b"\\ud800", b'"}'),
    "surrogate pairs": Repeated(b'{"name":"', b"\\ud83d\\ude00", b'\\ud800"}'),
    "almost escaped NULs": Repeated(b'{"name":"', b"\\\\u0000", b'"}'),
    "backslashes and an escaped NUL": Repeated(b'{"name":"', b"\\\\", b'\\u0000"}'),
    "whitespace": Repeated(b"", b" \t\r\n"),
    "whitespace behind deep nesting": Repeated(DEEP, b" ", b"x"),
    "a repeated key": Repeated(b"{", b'"k":1,', b'"k":1}'),
    "a repeated long key": Repeated(b'{"a":{"' + b"k" * 5000 + b'":1', b',"' + b"k" * 5000 + b'":1', b"}}"),
    "unknown keys": Repeated(b'{"name":"a"', b',"x":1'),
    "a string of megabytes": Repeated(b'{"name":"', b"x", b'"}'),
    "two bytes a character": Repeated(b'{"name":"', b"\xc3\xa9", b'"}'),
    "the last byte is no UTF-8": Repeated(b'{"name":"', b"\xc3\xa9", b'\xff"}'),
    "a list": Repeated(b'{"tags":[', b'"",', b"1]}"),
}

FORM_SHAPES = {
    "escaped letters": Repeated(b"a=", b"%41"),
    "percent signs": Repeated(b"a=", b"%"),
    "blanks": Repeated(b"", b"+"),
    "empty fields": Repeated(b"", b"&"),
    "equals signs": Repeated(b"", b"="),
    "the same field": Repeated(b"", b"a=1&"),
}

HEADER_SHAPES = {
    "Accept: ranges": Repeated(b"Accept: ", b"a/b;q=0,"),
    "Accept: semicolons": Repeated(b"Accept: ", b";"),
    "Accept: blanks": Repeated(b"Accept: x", b" ", b"x"),
    "Content-Type: parameters": Repeated(b"Content-Type: application/json", b';charset="utf-8"'),
    "Authorization: blanks": Repeated(b"Authorization: Bearer ", b" ", b"x"),
    "Authorization: letters": Repeated(b"Authorization: Bearer lc_", b"a"),
    "Prefer: commas": Repeated(b"Prefer: ", b" ,"),
    "If-None-Match: tags": Repeated(b"If-None-Match: ", b'W/"a",'),
    "X-Request-Id: letters": Repeated(b"X-Request-Id: ", b"a", b"!"),
    "Idempotency-Key: letters": Repeated(b"Idempotency-Key: ", b"a"),
    "Cookie: pairs": Repeated(b"Cookie: ", b"a=b;"),
    "one line again and again": Repeated(b"A: b", b"\r\nA:"),
    "a header given twice, again and again": Repeated(b"Authorization: a", b"\r\nAuthorization:"),
}

PATH_SHAPES = {
    "steps": Repeated(b"", b"a/"),
    "slashes": Repeated(b"", b"/"),
    "dots": Repeated(b"", b"../"),
    "escaped letters": Repeated(b"api/v1/stories/", b"%41"),
    "an id": Repeated(b"api/v1/stories/", b"0"),
}

HEADS = (b"", DEEP, b"{", b'{"name":', b'"', DEEP + b'"', b'{"name":"', b'{"a":' * (LIMITS.json_depth + 1))
PIECES = (
    b'"', b"\\", b'\\"', b"\\\\", b"[", b"]", b"{", b"}", b":", b",", b"0", b"9", b".", b"e", b"-", b" ", b"\n",
    b"\\u0000", b"\\ud800", b"\\udc00", b"u0000", b"null", b"NaN", b'"a":', b"\xc3\xa9", b"x",
)  # fmt: skip
TAILS = (b"", b"", b'"', b"\\", b"]", b"}", b"x", b"\xff", b'\\u0000"')


def shapes(chance: random.Random, doors: Sequence[Door], random_shapes: int) -> Iterator[Shape]:
    """Those that somebody has thought of, then as many that nobody has."""
    for door in doors:
        for name, repeated in JSON_SHAPES.items():
            yield Shape(f"{door.path.decode()} JSON, {name}", repeated.of, _body(door, JSON), door.most)
        yield Shape(f"{door.path.decode()} JSON, a place far below long keys", _far_below, _body(door, JSON), door.most)
        for name, repeated in FORM_SHAPES.items():
            yield Shape(f"{door.path.decode()} form, {name}", repeated.of, _body(door, FORM), door.most)
    yield Shape("chunks of one byte", Repeated(b"", b"1\r\n \r\n", b"0\r\n\r\n").of, _chunked, LIMITS.body_bytes)
    for name, repeated in FORM_SHAPES.items():
        yield Shape(f"query, {name}", repeated.of, _query, QUERY_BYTES)
    for name, repeated in PATH_SHAPES.items():
        yield Shape(f"path, {name}", repeated.of, _path, QUERY_BYTES)
    for name, repeated in HEADER_SHAPES.items():
        yield Shape(f"header {name}", repeated.of, _headers, HEADER_BYTES)
    for _ in range(random_shapes):
        piece = b"".join(chance.choices(PIECES, k=chance.randint(1, 4)))
        repeated, door = Repeated(chance.choice(HEADS), piece, chance.choice(TAILS)), chance.choice(doors)
        yield Shape(f"{door.path.decode()} JSON, {repeated}", repeated.of, _body(door, JSON), door.most)


def _far_below(size: int) -> bytes:
    """A key that is given twice, and beside it a long key with many values: each of them has a long place."""
    return b'{"a":{"b":1,"b":1},"%b":[%b1]}' % (b"k" * (size // 2), b"1," * (size // 4 - 16))


def _body(door: Door, kind: bytes) -> Callable[[bytes], bytes]:
    head = b"%b %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%b" % (door.method, door.path, door.headers)
    return lambda text: b"%bContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (head, kind, len(text), text)


def _chunked(text: bytes) -> bytes:
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
    return b"%bTransfer-Encoding: chunked\r\n\r\n%b" % (head, text)


def _query(text: bytes) -> bytes:
    return b"GET /livez?%b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % text


def _path(text: bytes) -> bytes:
    return b"GET /%b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % text


def _headers(text: bytes) -> bytes:
    return b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%b\r\nContent-Length: 2\r\n\r\n{}" % text


async def campaign(
    port: int, seed: int, *, doors: Sequence[Door] = (Door(),), random_shapes: int = RANDOM_SHAPES, factor: int = 2
) -> Report:
    """The same ``seed`` makes the same requests. ``factor`` is how many times as large the next step is."""
    report = Report(seed)
    for shape in shapes(random.Random(seed), doors, random_shapes):
        await grow(port, shape, report, factor=factor)
    return report


async def grow(
    port: int, shape: Shape, report: Report, *, factor: int = 2, slowest_seconds: float = SLOWEST_SECONDS
) -> None:
    """Up to the largest size, or to the first that takes too long."""
    size = min(SMALLEST, shape.most)
    while await _step(port, shape, size, report, slowest_seconds) and size < shape.most:
        size = min(size * factor, shape.most)


def import_doors(serving: Serving) -> list[Door]:
    """The routes that take the largest bodies, with keys that come in."""
    return [
        Door(good.method.encode(), good.path.encode(), b"Authorization: Bearer %b\r\n" % good.raw_key.encode(), LARGEST)
        for good in serving.requests
        if good.method == "POST" and good.path.partition("?")[0].endswith("/import")
    ][:1]


def ordinary_doors(serving: Serving) -> list[Door]:
    """Every route that takes a body, once, with a key that comes in."""
    found = {
        (good.method, re.sub(r"[0-9a-f-]{36}", "", good.path)): Door(
            good.method.encode(), good.path.encode(), b"Authorization: Bearer %b\r\n" % good.raw_key.encode(),
            ORDINARY_BYTES,
        )
        for good in serving.requests
        if good.method in ("POST", "PUT", "PATCH")
    }  # fmt: skip
    return list(found.values())


async def ordinary(port: int, seed: int, doors: Sequence[Door]) -> Report:
    """Every shape of a body, as large as it ordinarily may be, to each of them."""
    report = Report(seed)
    for shape in shapes(random.Random(seed), doors, 0):
        if shape.most == ORDINARY_BYTES:
            await _step(port, shape, ORDINARY_BYTES, report, SLOWEST_SECONDS)
    return report


async def _step(port: int, shape: Shape, size: int, report: Report, slowest_seconds: float) -> bool:
    """One request, and /livez again and again until it is answered; false when either took too long."""
    request, waited = shape.request(shape.text(size)), 0.0
    heavy = asyncio.create_task(_ask(port, request))
    while True:
        livez_seconds, livez = await _ask(port, LIVEZ + b"\r\n")
        waited = max(waited, livez_seconds)
        if not livez.startswith(b"HTTP/1.1 200 "):
            report.server_errors.append(f"/livez beside {shape.name} of {size} bytes: {livez[:60]!r}")
        if heavy.done():
            break
        await asyncio.wait({heavy}, timeout=0.01)
    took, answer = heavy.result()
    report.asked += 1
    if took > report.answer_seconds:
        report.answer_seconds, report.slowest = took, shape.name
    report.livez_seconds = max(report.livez_seconds, waited)
    if answer.startswith(b"HTTP/1.1 5"):
        report.server_errors.append(f"{shape.name} of {size} bytes: {answer[:60]!r}")
    if waited < slowest_seconds and took < slowest_seconds * max(1.0, size / LIMITS.body_bytes):
        return True
    report.slow.append(Slow(shape.name, size, took, waited, answer[:200]))
    return False


async def _ask(port: int, request: bytes) -> tuple[float, bytes]:
    """Seconds until the connection was closed, and what came before that."""
    began = time.monotonic()
    received = bytearray()
    try:
        async with asyncio.timeout(GIVEN_UP_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
            try:
                writer.write(request)
                while piece := await reader.read(65536):
                    received += piece
            finally:
                writer.close()
    except (TimeoutError, OSError):
        pass  # given up, or cut off: the time and what came before it say enough
    return time.monotonic() - began, bytes(received)


def show_ordinary(report: Report) -> None:
    told(f"bodies of {ORDINARY_BYTES // 1000} KB", f"{report.asked}: every shape to every route, seed {report.seed}")
    at_most("slowest answer, ms", report.answer_seconds * 1e3, ORDINARY_ANSWER_MS, report.slowest)
    at_most("longest wait for /livez beside them, ms", report.livez_seconds * 1e3, ORDINARY_LIVEZ_MS)
    _show_faults(report)


def show(report: Report) -> None:
    print(
        f"{report.asked} growing requests, seed {report.seed}: slowest answer {report.answer_seconds:.2f} s, "
        f"longest wait for /livez {report.livez_seconds:.2f} s (less than {SLOWEST_SECONDS:.0f})"
    )
    _show_faults(report)


def _show_faults(report: Report) -> None:
    for slow in report.slow:
        print(f"  slow: {msgspec.json.encode(msgspec.structs.replace(slow, head=b'')).decode()}")
    for error in report.server_errors:
        print(f"  error: {error}")


def main(arguments: Sequence[str]) -> int:
    count = int(arguments[0]) if arguments else 200
    seed = int(arguments[1]) if len(arguments) > 1 else random.randrange(2**32)
    with serving("shell") as (address, _):
        report = asyncio.run(campaign(urlsplit(address).port or 80, seed, random_shapes=count))
    show(report)
    return 0 if report.green else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
