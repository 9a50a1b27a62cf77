"""A log on a server, read as the files of a bundle (C2SP tlog-tiles): every file is asked for by its name.

The one module of this package that uses the network, and the only one that needs httpx2: imported when it is needed.
"""

import re
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import httpx2
from msgspec import MsgspecError, Struct
from msgspec.json import decode
from msgspec.structs import replace

from loopctl.audit.directory import DirectorySource
from loopctl.audit.fault import Fault, Unreadable, faults
from loopctl.audit.keys_file import PLACE, KeyRecord, LogKeys, encode_keys
from loopctl.audit.names import LARGEST_KEYS_FILE, Member, Name, Single, StoredHead, group_of_head, largest, path
from loopctl.seen import FIRST
from loopctl.tlog.checkpoint import parse_checkpoint
from loopctl.tlog.note import parse_note
from loopctl.tlog.tile import TILE_HEIGHT, TILE_WIDTH, TOP_LEVEL, Bundle, Tile, partial_tiles
from loopctl.tlog.vkey import VerifierKey
from loopctl.trust import BUNDLE, BadBundle, trusting

URL = re.compile(
    r"(?P<server>https?://[^/?#\s]+(?:/[^?#\s]+)?)/t/(?P<tenant>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/?"
)
SECONDS = 10.0
"""Without a byte."""
PATIENCE = 60.0
"""Seconds for a whole answer, headers and all, and as many more as it would have at LEAST_RATE."""
LEAST_RATE = 50_000
ATTEMPTS = 4
AT_ONCE = 8
"""Requests on their way."""
AHEAD = 32
PASSING = {408, 425, 429, 500, 502, 503, 504}


class Place(NamedTuple):
    """``log`` is the prefix of its tiles, ``server`` of everything else."""

    log: str
    server: str
    tenant: str


def parse_url(text: str) -> Place:
    """Raises Unreadable."""
    match = URL.fullmatch(text)
    if match is None:
        raise Unreadable("a log on a server has an address that ends in /t/<tenant>")
    return Place(text.rstrip("/"), match["server"], match["tenant"])


class Client:
    """Asks again after what passes. Every method raises Unreadable.

    The library's timeouts are of one read each, and a server that sends a byte now and then keeps within them for ever.
    So that a whole answer has an end as well, a watch closes the connections under it, and this client is of no further
    use: such a server is not asked again.
    """

    def __init__(
        self,
        api_key: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
        patience: float = PATIENCE,
    ) -> None:
        self._http = httpx2.Client(verify=_trusting(), timeout=SECONDS, limits=httpx2.Limits(max_connections=AT_ONCE))
        self._private = {"Authorization": f"Bearer {api_key}", **FIRST} if api_key else {}
        self._sleep = sleep
        self._patience = patience
        self._too_slow = False

    @property
    def may_read_entries(self) -> bool:
        return bool(self._private)

    def close(self) -> None:
        self._http.close()

    def get(self, url: str, most: int, *, private: bool = False) -> bytes | None:
        """None when there is no such thing. ``private`` sends the key; nothing else ever does."""
        problem = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(0.1 * 3**attempt)
            try:
                status, body = self._ask(url, most, self._private if private else {})
            except (httpx2.TransportError, RuntimeError) as error:
                if self._too_slow:
                    raise Unreadable(f"the server is too slow: it had not sent all of {url} in time") from None
                if isinstance(error, RuntimeError):
                    raise
                _check_trust(error, url)
                problem = f"does not answer ({type(error).__name__})"
                continue
            if status == httpx2.codes.OK:
                return body
            if status == httpx2.codes.NOT_FOUND:
                return None
            problem = f"answers {status}"
            if status not in PASSING:
                break
        raise Unreadable(f"the server {problem} when asked for {url}")

    def _ask(self, url: str, most: int, headers: dict[str, str]) -> tuple[int, bytes]:
        watch = threading.Timer(self._patience + most / LEAST_RATE, self._give_up)
        watch.daemon = True
        watch.start()
        try:
            with self._http.stream("GET", url, headers=headers) as answer:
                body = bytearray()
                for part in answer.iter_bytes():
                    body += part
                    if len(body) > most:
                        raise Unreadable(f"the server sends more than {most} bytes as {url}")
                return answer.status_code, bytes(body)
        finally:
            watch.cancel()

    def _give_up(self) -> None:
        self._too_slow = True
        self._http.close()


def _trusting() -> ssl.SSLContext:
    try:
        return trusting()
    except BadBundle as error:
        raise Unreadable(str(error)) from None


def _check_trust(error: Exception, url: str) -> None:
    """Raises Unreadable for a certificate, which is the same next time. The library keeps only its text."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        problem = str(error).partition("certificate verify failed: ")[2].partition(" (")[0]
        raise Unreadable(f"{url} is not trusted: {problem}; {BUNDLE}=FILE (PEM) trusts a certificate of your own")


class _PublicKey(Struct, frozen=True):
    vkey: str
    first_size: int
    last_size: int | None
    reason: str
    created_at: str
    retired_at: str | None


class _PublicKeys(Struct, frozen=True):
    origin: str
    data: list[_PublicKey]


class _TreeHead(Struct, frozen=True):
    size: int
    note: str


class _TreeHeadAnswer(Struct, frozen=True):
    data: _TreeHead


class RemoteSource:
    """A LogSource. The log as its newest head has it when ``members`` is called.

    ``kept`` is a directory in which every file is put as it comes, and from which those that never change are taken
    before the server is asked: a check that was interrupted goes on there. The head comes last, so that a directory
    with one is a whole export.
    """

    def __init__(
        self, place: Place, client: Client, kept: DirectorySource | None = None, cosigners: Sequence[VerifierKey] = ()
    ) -> None:
        self._place = place
        self._client = client
        self._kept = kept
        self._cosigners = {(key.name, key.key_id) for key in cosigners}
        self._have = set() if kept is None else {name for name in kept.names() if _is_final(name)}
        self._size = self._read = 0
        self.reused = 0

    def fraction(self) -> float:
        return self._read / self._size if self._size else 0.0

    def members(self, first: int = 0) -> Iterator[Member]:
        """``first``: without the groups before this one, for a check that goes on where an earlier one was."""
        newest = self.newest()
        keys = self.keys()
        size = self._size
        yield self._keep(Single.KEYS, encode_keys(keys))
        heads = {record.first_size for record in keys.keys[1:] if record.first_size < size}
        heads = {boundary for boundary in heads if group_of_head(boundary) >= first}
        stored = {boundary: self._boundary(boundary) for boundary in sorted(heads)} | {size: newest}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for name, data in self._all(pool, names_of(size, sorted(stored), first)):
                self._read = name.index * TILE_WIDTH if isinstance(name, Bundle) else self._read
                yield self._keep(name, stored[name.size] if isinstance(name, StoredHead) else data)
        yield self._keep(Single.NEWEST, newest)

    def hash_tiles(self) -> Iterator[tuple[Tile, bytes]]:
        """What anybody may read, of the newest head that was read: no entries."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            tiles = (name for name in names_of(self._size, ()) if isinstance(name, Tile))
            for name, data in self._all(pool, tiles):
                if isinstance(name, Tile):
                    self._read = name.index * TILE_WIDTH if name.level == 0 else self._read
                    yield name, data

    def newest(self) -> bytes:
        """The newest head; the size that it says is not believed, only the reading goes by it."""
        note = self._client.get(f"{self._place.log}/checkpoint", largest(Single.NEWEST))
        if note is None:
            raise Unreadable("the server has no such log")
        with faults("heads", path(Single.NEWEST)):
            self._size = parse_checkpoint(parse_note(note).text).size
        return self._known_lines(note)

    def keys(self) -> LogKeys:
        """Those of the newest head that was read, as the server tells them."""
        url = f"{self._place.server}/api/v1/tenants/{self._place.tenant}/audit_public_keys"
        raw = self._client.get(url, LARGEST_KEYS_FILE)
        try:
            told = decode(raw or b"", type=_PublicKeys)
        except MsgspecError:
            raise Fault("keys", "keys_malformed", PLACE, "the server does not tell the log's keys") from None
        records = tuple(
            KeyRecord(
                vkey=key.vkey, purpose="log", first_size=key.first_size, last_size=key.last_size,
                created_at=_microseconds(key.created_at), reason=key.reason,
                retired_at=None if key.retired_at is None else _microseconds(key.retired_at),
            )
            for key in told.data
            if key.first_size <= self._size  # a key that came in the meantime signs no head that is looked at
        )  # fmt: skip
        if records and len(records) < len(told.data):
            records = (*records[:-1], replace(records[-1], last_size=None))
        return LogKeys(origin=told.origin, keys=records)

    def tiles(self, wanted: Sequence[Tile]) -> list[bytes]:
        """Those of a proof."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(self._one, wanted))

    def tidy(self) -> None:
        """Removes from the directory what belongs to the log as it was at smaller sizes."""
        if self._kept is None:
            return
        for name in self._kept.names():
            if not _is_final(name) and not _is_of(name, self._size):
                self._kept.remove(name)

    def _boundary(self, size: int) -> bytes:
        url = f"{self._place.server}/api/v1/audit/sth/{self._place.tenant}?at={size - 1}"
        raw = self._client.get(url, 2 * largest(StoredHead(size)))
        try:
            head = decode(raw or b"", type=_TreeHeadAnswer).data
        except MsgspecError:
            raise Fault("heads", "member_missing", path(StoredHead(size)), "is missing") from None
        with faults("heads", path(StoredHead(size))):
            return self._known_lines(head.note.encode())

    def _known_lines(self, raw: bytes) -> bytes:
        """Without the lines of cosigners that nobody here knows: a server tells the log's own keys only."""
        note = parse_note(raw)
        origin = parse_checkpoint(note.text).origin
        lines = tuple(line for line in note.lines if line.name == origin or (line.name, line.key_id) in self._cosigners)
        return raw if lines == note.lines else replace(note, lines=lines).encode()

    def _all(self, pool: ThreadPoolExecutor, names: Iterator[Name]) -> Iterator[tuple[Name, bytes]]:
        """In order, some of them on their way while the first is being checked."""
        waiting: deque[tuple[Name, Future[bytes]]] = deque()
        try:
            for name in names:
                waiting.append((name, pool.submit(self._one, name)))
                if len(waiting) >= AHEAD:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            for _, future in waiting:
                future.cancel()

    def _one(self, name: Name) -> bytes:
        if isinstance(name, StoredHead):
            return b""
        if self._kept is not None and name in self._have:
            self.reused += 1
            return self._kept.read(name)
        private = isinstance(name, Bundle)
        data = self._client.get(f"{self._place.log}/{path(name)}", largest(name), private=private)
        if data is None and isinstance(name, Tile) and name.width < TILE_WIDTH:
            full = Tile(name.level, name.index)
            data = (self._client.get(f"{self._place.log}/{path(full)}", largest(full)) or b"")[: largest(name)] or None
        if data is None:
            raise Fault("bundle", "member_missing", path(name), "is missing")
        return data

    def _keep(self, name: Name, data: bytes) -> Member:
        if self._kept is not None and name not in self._have:
            self._kept.write((path(name), data))
        return path(name), data


def names_of(size: int, heads: Sequence[int], first: int = 0) -> Iterator[Name]:
    """Of a bundle of this size, between its keys and its newest head, in their order, from the group ``first`` on.
    ``heads`` are of these groups."""
    if size == 0:
        yield StoredHead(0)
    waiting = deque(heads)
    for index in range(first, -(-size // TILE_WIDTH)):
        while waiting and group_of_head(waiting[0]) == index:
            yield StoredHead(waiting.popleft())
        width = min(TILE_WIDTH, size - index * TILE_WIDTH)
        yield Bundle(index, width)
        yield Tile(0, index, width)
        if width == TILE_WIDTH:
            yield from full_above(index)
    yield from (tile for tile in partial_tiles(size) if tile.level)


def full_above(index: int) -> Iterator[Tile]:
    """The tiles of higher levels that become full with the group of this index."""
    for level in range(1, TOP_LEVEL + 1):
        above, rest = divmod(index + 1, 1 << TILE_HEIGHT * level)
        if rest:
            return
        yield Tile(level, above - 1)


def _is_final(name: Name) -> bool:
    """What a log that grows never changes."""
    return isinstance(name, Bundle | Tile) and name.width == TILE_WIDTH


def _is_of(name: Name, size: int) -> bool:
    match name:
        case Bundle(index=index, width=width):
            return index * TILE_WIDTH + width == size
        case Tile():
            return name in partial_tiles(size)
        case StoredHead() | Single():
            return True


def _microseconds(text: str) -> str:
    """As keys.json has its times; servers leave out a fraction of zero."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return f"{whole}.{fraction:0<6}Z"
