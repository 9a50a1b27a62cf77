"""The other direction: heads, proofs and tiles that others made of the same entries, read by ours."""

from collections.abc import Iterator
from itertools import chain

from msgspec import Struct

from interop.log import ORIGIN, SEEDS, SIGNERS, SMALL, large_log
from loopctl.tlog.errors import TlogError
from loopctl.tlog.keys import first_key
from loopctl.tlog.plan import prove_consistency, prove_inclusion
from loopctl.tlog.proof import check_consistency, check_inclusion
from loopctl.tlog.signer import sign_checkpoint
from loopctl.tlog.tile import TILE_WIDTH, Bundle, Tile, parse_bundle, parse_tile_path, tiles_between
from loopctl.tlog.trust import Trust, open_checkpoint
from loopctl.tlog.vkey import parse_vkey

SIZES = (1, SMALL, 256, 257, 700, 70_000)


class Order(Struct, frozen=True):
    origin: str
    cosigner: str
    seed: bytes
    entries: list[bytes]
    sizes: tuple[int, ...]
    proofs: int
    """All proofs of trees up to this size."""


class ReturnedLog(Struct, frozen=True):
    size: int
    note: bytes
    tiles: dict[str, bytes]


class Returned(Struct, frozen=True):
    key: str
    logs: list[ReturnedLog]
    inclusion: list[list[bytes] | None]
    consistency: list[list[bytes] | None]
    """In order of the tree's size; None is how Go writes an empty list."""
    cosigner: str | None = None


class Finding(Struct, frozen=True):
    about: str
    right: bool


def order() -> Order:
    return Order(ORIGIN, "cosigner.example/c1", SEEDS[0], list(large_log().entries), SIZES, SMALL)


def findings(returned: Returned) -> Iterator[Finding]:
    yield Finding("vkey", returned.key == SIGNERS[0].key.text())
    yield Finding("logs", [log.size for log in returned.logs] == list(SIZES))
    cosigners = (returned.cosigner,) if returned.cosigner else ()
    for log in returned.logs:
        yield Finding(f"head {log.size}", _reads_head(log, returned.key, cosigners))
        yield from _changed_heads(log, returned.key, cosigners)
        yield from _tiles(log)
    yield from _proofs(returned)


def _reads_head(log: ReturnedLog, key: str, cosigners: tuple[str, ...]) -> bool:
    """It opens, says what ours would say, and its log line is the one that ours would write."""
    trust = Trust(first_key(parse_vkey(key)), tuple(map(parse_vkey, cosigners)), quorum=len(cosigners))
    try:
        signed = open_checkpoint(log.note, trust)
    except TlogError:
        return False
    head = large_log().head(log.size)
    return signed.checkpoint == head and log.note.startswith(sign_checkpoint(head, SIGNERS[:1]).encode())


def _changed_heads(log: ReturnedLog, key: str, cosigners: tuple[str, ...]) -> Iterator[Finding]:
    """The control of the reading: one character other in the text, or in the last signature."""
    for place in (0, -10):
        changed = bytearray(log.note)
        changed[place] ^= 1
        refused = not _reads_head(ReturnedLog(log.size, bytes(changed), {}), key, cosigners)
        yield Finding(f"head {log.size}, byte {place} flipped", refused)


def _tiles(log: ReturnedLog) -> Iterator[Finding]:
    try:
        found = {parse_tile_path(path): data for path, data in log.tiles.items()}
    except TlogError:
        yield Finding(f"tile paths of {log.size}", False)
        return
    hashes = {tile for tile in found if isinstance(tile, Tile)}
    yield Finding(f"which tiles of {log.size}", _same_tiles(hashes, set(tiles_between(0, log.size))))
    for tile, data in found.items():
        yield Finding(f"{tile} of {log.size}", _same_content(tile, data))


def _same_content(tile: Tile | Bundle, data: bytes) -> bool:
    if isinstance(tile, Tile):
        return data == large_log().tile(tile)
    first = tile.index * TILE_WIDTH
    try:
        return parse_bundle(tile, data) == large_log().entries[first : first + tile.width]
    except TlogError:
        return False


def _same_tiles(found: set[Tile], wanted: set[Tile]) -> bool:
    """x/mod also makes the partial tiles of all smaller sizes: narrower ones in the places of ours."""
    widest = {(tile.level, tile.index): tile.width for tile in wanted if tile.width < TILE_WIDTH}
    return wanted <= found and all(tile.width < widest.get((tile.level, tile.index), 0) for tile in found - wanted)


def _proofs(returned: Returned) -> Iterator[Finding]:
    """They check, and are those that ours makes."""
    log = large_log()
    roots = [log.root(size) for size in range(SMALL + 1)]
    pairs = list(chain.from_iterable(((index, size) for index in range(size)) for size in range(1, SMALL + 1)))
    yield Finding("how many proofs", len(pairs) == len(returned.inclusion) == len(returned.consistency))
    for (index, size), path in zip(pairs, returned.inclusion, strict=False):
        try:
            check_inclusion(log.leaves[index], index, size, path or (), roots[size])
            right = tuple(path or ()) == prove_inclusion(log.reader(size), index, size)
        except TlogError:
            right = False
        yield Finding(f"leaf {index} in {size}", right)
    for (index, size), path in zip(pairs, returned.consistency, strict=False):
        try:
            check_consistency(index + 1, size, path or (), roots[index + 1], roots[size])
            right = tuple(path or ()) == prove_consistency(log.reader(size), index + 1, size)
        except TlogError:
            right = False
        yield Finding(f"{index + 1} before {size}", right)
