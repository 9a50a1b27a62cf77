"""One check of one log: from where it begins, group by group, to its end. Memory does not grow with the log."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Literal
from uuid import UUID

from msgspec import Struct, structs

from eventstore.database.transaction import TenantTx
from eventstore.fsck.history import LinksSeen, check_history
from eventstore.fsck.reading import StoredEnds, compare_tile, group_end, read_ends, read_heads, read_rows
from eventstore.fsck.starting import newest_start, position_at
from eventstore.fsck.stored import check_entry_columns, check_head_columns, read_checked_keys
from eventstore.heads.bundled_keys import bundled_keys
from eventstore.heads.log_keys import LogKey
from loopctl.audit.expected import Expected, Older
from loopctl.audit.fault import Fault, Finding
from loopctl.audit.keys_file import encode_keys
from loopctl.audit.position import Position
from loopctl.audit.verifier import ALL, Verifier
from loopctl.tlog.tile import TILE_WIDTH, Bundle, Tile, encode_bundle, tile_path

GROUPS_AT_ONCE = 16
"""In one transaction."""

Begin = Callable[[UUID], AbstractAsyncContextManager[TenantTx]]
"""``Database.tenant_transaction``, of any role that may read the log."""
Progress = Callable[[int, int], object]
"""Told after each transaction how many entries were checked, and the log's size."""


class Wanted(Struct, frozen=True, kw_only=True):
    """Which part of a log. Both None: from the first entry on."""

    resume: Position | None = None
    newest: int | None = None
    """The newest so many entries, or a few more."""
    most: int | None = None
    """Stop after so many entries, at the next multiple of 256."""
    older: Older | None = None
    """A signed head that was kept outside the database."""


class LogCheck(Struct, frozen=True, kw_only=True):
    """``position``: what a later check can resume from; None before the first 256 entries. ``complete``: as far as the
    end of the log."""

    tenant_id: UUID
    verdict: Literal["good", "bad"]
    fault: Finding | None
    complete: bool
    first: int
    size: int
    root: str | None
    heads: int
    """Signed heads that were checked."""
    position: Position | None


class ComputedTiles:
    """Takes what follows from the entries; compared when the group is over, because reading a tile has to wait."""

    def __init__(self) -> None:
        self.recorded_leaves = b""
        self.computed: list[tuple[Tile, bytes]] = []

    def leaves(self, tile: Tile, entries: bytes) -> bytes:  # noqa: ARG002  # of the group that was just read
        return self.recorded_leaves

    def see(self, tile: Tile, computed: bytes) -> None:
        self.computed.append((tile, computed))


class Checking:
    """The state of one check. Every method raises Fault. Compares no stored tile: that is the caller's part."""

    def __init__(self, older: Older | None = None) -> None:
        self._links = LinksSeen()
        self._tiles = ComputedTiles()
        self._keys: Sequence[LogKey] = ()
        self.verifier = Verifier(Expected(older=older, form=True), structs.replace(ALL, entities=lambda: self._links))
        self.position: Position | None = None
        self.first = 0

    async def begin(self, tx: TenantTx, wanted: Wanted) -> StoredEnds:
        ends = await read_ends(tx)
        self._keys = await read_checked_keys(tx)
        self.verifier.begin(encode_keys(bundled_keys(self._keys)))
        self.verifier.signed = ends.signed
        self.position = wanted.resume
        if wanted.newest is not None:
            self.position = await position_at(tx, newest_start(ends, wanted.newest), self._keys)
        if self.position is not None:
            if self.position.size > ends.size:
                problem = f"was checked before up to {self.position.size}, and now ends at {ends.size}"
                raise Fault("freshness", "stale", "the log", problem)
            self.verifier.resume(self.position)
            self.first = self.position.size
        else:
            for head in await read_heads(tx, -1, 0):
                self.verifier.empty_head(head.note)
                check_head_columns(head, self._keys)
        return ends

    async def group(self, tx: TenantTx, ends: StoredEnds) -> list[tuple[Tile, bytes]]:
        """The next 256 entries, or what there is of them; the tiles that they complete."""
        first = self.verifier.size
        end = group_end(first, ends.size)
        rows = await read_rows(tx, first, end)
        heads = await read_heads(tx, first, min(end, ends.signed))
        self._tiles.recorded_leaves = b"".join([row.leaf_hash for row in rows])
        self._tiles.computed = []
        bundle = Bundle(first // TILE_WIDTH, end - first)
        raw = encode_bundle([row.entry for row in rows])
        self.verifier.group(bundle, raw, [(head.size, head.note) for head in heads], self._tiles)
        check_entry_columns(first, rows, self._links.links)
        await check_history(tx, first, self._links.links)
        for head in heads:
            check_head_columns(head, self._keys)
        return self._tiles.computed

    def pass_on(self) -> None:
        """After a group whose tiles were compared too."""
        if self.verifier.size % TILE_WIDTH == 0:
            self.position = self.verifier.position()

    def end(self) -> tuple[bytes, bytes, list[tuple[Tile, bytes]]]:
        """Last leaf and frontier as they follow from the entries, and the tiles that are not full."""
        self._tiles.computed = []
        head = self.verifier.end_unsigned(self._tiles)
        return head.last_leaf, head.frontier.data(), self._tiles.computed


async def check_log(begin: Begin, tenant_id: UUID, wanted: Wanted, progress: Progress | None = None) -> LogCheck:
    """Never raises Fault, which is in the answer. Raises DatabaseUnavailable."""
    checking = Checking(wanted.older)
    try:
        complete = await _run(checking, begin, tenant_id, wanted, progress)
    except Fault as fault:
        return _answer(checking, tenant_id, fault.finding, complete=False)
    finally:
        checking.verifier.close()
    return _answer(checking, tenant_id, None, complete=complete)


async def _run(checking: Checking, begin: Begin, tenant_id: UUID, wanted: Wanted, progress: Progress | None) -> bool:
    async with begin(tenant_id) as tx:
        ends = await checking.begin(tx, wanted)
    if ends.misfit is not None:
        problem = f"not as long as it is in a tree of size {ends.size}"
        raise Fault("tiles", "tile_malformed", tile_path(ends.misfit), problem)
    stop = ends.size if wanted.most is None else min(ends.size, checking.first + wanted.most)
    while checking.verifier.size < stop:
        async with begin(tenant_id) as tx:
            for _ in range(GROUPS_AT_ONCE):
                if checking.verifier.size < stop:
                    for tile, computed in await checking.group(tx, ends):
                        await compare_tile(tx, tile, computed)
                    checking.pass_on()
        if progress is not None:
            progress(checking.verifier.size - checking.first, ends.size)
    if checking.verifier.size < ends.size:
        return False
    last_leaf, frontier, unfinished = checking.end()
    async with begin(tenant_id) as tx:
        for tile, computed in unfinished:
            await compare_tile(tx, tile, computed)
    if (last_leaf, frontier) != (ends.last_leaf, ends.frontier):
        raise Fault("stored", "head_row", "head row", f"of size {ends.size}, is not what the entries come to")
    return True


def _answer(checking: Checking, tenant_id: UUID, fault: Finding | None, *, complete: bool) -> LogCheck:
    report = checking.verifier.report(fault)
    return LogCheck(
        tenant_id=tenant_id,
        verdict=report.verdict,
        fault=fault,
        complete=complete,
        first=checking.first,
        size=report.size,
        root=report.root,
        heads=report.checked.heads,
        position=checking.position,
    )
