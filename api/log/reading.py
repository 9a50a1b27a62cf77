"""The log as the routes read it: one transaction for each question."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

from msgspec import Struct

from domain.errors import NotFound
from eventstore.database.transaction import Database, TenantTx
from eventstore.heads.checkpoints import StoredHead, checkpoint_at, newest_checkpoint
from eventstore.heads.claims import Claims
from eventstore.heads.cosignatures import Cosignature, cosignatures_of
from eventstore.heads.last_signed import LastSigned
from eventstore.heads.log_keys import LogKey, NoLogKey, read_log_keys
from eventstore.heads.rotate import Changing, Signing, begin_change
from eventstore.heads.signing import confirm_growth, sign_if_due
from eventstore.heads.story_proof import ProvenEntry, prove_story
from eventstore.heads.tree import consistency_proof, inclusion_proof, read_bundle, read_tile, receipt
from eventstore.keys.keyring import Keyring
from eventstore.log.append import NoLog
from loopctl.tlog.errors import TlogError
from loopctl.tlog.tile import Bundle, Tile, parse_tile_path
from projections.queries.change_feed import BeyondTheLog, log_size

ENTRIES = """
    SELECT position, leaf_hash, entry
      FROM app.log_entry
     WHERE tenant_id = $1 AND position > $2
     ORDER BY position
     LIMIT $3
"""

FIRST_HEAD_FROM = """
    SELECT min(size)
      FROM app.log_checkpoint
     WHERE tenant_id = $1 AND size >= $2
"""

HEADS = """
    SELECT size, note
      FROM app.log_checkpoint
     WHERE tenant_id = $1 AND size > $2 AND size <= $3
     ORDER BY size
     LIMIT 257
"""

MISSING = "Not found"


class StoredEntry(Struct, frozen=True):
    position: int
    leaf_hash: bytes
    entry: bytes


class LogReader:
    """Every method raises domain.errors.NotFound for a tenant, entry, size or tile that there is not.

    Without a database there is no tenant at all.
    """

    def __init__(
        self, database: Database | None, keyring: Keyring, last_signed: LastSigned | None = None,
        *, replicated: bool = False,
    ) -> None:  # fmt: skip
        """``replicated`` when PostgreSQL waits for a standby."""
        self._database = database
        self._replicated = replicated
        self.signing = Signing(keyring, last_signed)
        self.standing = Claims(database, time.monotonic).standing
        self._signing: dict[UUID, asyncio.Task[StoredHead]] = {}

    async def head(self, tenant_id: UUID, at_least: int | None = None) -> tuple[StoredHead, LogKey]:
        """The newest head, signed now if the last is more than a second behind; or the smallest with that size."""
        await self._confirmed(tenant_id)
        async with self._reading(tenant_id) as tx:
            newest = await sign_if_due(tx, self.signing.keyring, self.signing.last_signed) or await newest_checkpoint(
                tx
            )
            if at_least is not None:
                size = await tx.fetchval(FIRST_HEAD_FROM, tenant_id, at_least)
                newest = await checkpoint_at(tx, size) if size is not None else None
            if newest is None:
                raise NotFound(MISSING)
            keys = await _keys(tx)  # after the head: each key that has signed it is there by then
            counting = [
                key for key in keys if key.first_size <= newest.size and newest.size <= (key.last_size or newest.size)
            ]
            return newest, counting[-1]

    async def cosignatures(self, tenant_id: UUID, size: int) -> Sequence[Cosignature]:
        """By agents, of the head of this size."""
        async with self._reading(tenant_id) as tx:
            return await cosignatures_of(tx, size)

    async def whole_head(self, tenant_id: UUID) -> StoredHead:
        """Of the log as it is now, signed at once if it was not."""
        await self._confirmed(tenant_id)
        async with self._reading(tenant_id) as tx:
            return await self.signing.current(tx)

    async def begin_change(self, tenant_id: UUID, reason: str) -> Changing:
        """Of the key. Raises NotFound where there is none."""
        await self._confirmed(tenant_id)
        async with self._reading(tenant_id) as tx:
            return await begin_change(tx, self.signing, reason)

    async def group(
        self, tenant_id: UUID, first: int, count: int
    ) -> tuple[Sequence[StoredEntry], Sequence[tuple[int, bytes]]]:
        """Entries from position ``first`` on, and the heads that end with one of them."""
        async with self._reading(tenant_id) as tx:
            rows = await tx.fetch(ENTRIES, tenant_id, first - 1, count)
            heads = await tx.fetch(HEADS, tenant_id, first or -1, first + count)
        found = [StoredEntry(row["position"], row["leaf_hash"], row["entry"]) for row in rows]
        return found, [(row["size"], row["note"]) for row in heads]

    async def keys(self, tenant_id: UUID) -> Sequence[LogKey]:
        async with self._reading(tenant_id) as tx:
            return await _keys(tx)

    async def entries(self, tenant_id: UUID, after: int, most: int) -> tuple[Sequence[StoredEntry], bool]:
        """At most ``most`` entries behind position ``after`` (-1 for all), and whether there are more.

        Raises BeyondTheLog.
        """
        async with self._reading(tenant_id) as tx:
            rows = await tx.fetch(ENTRIES, tenant_id, after, most + 1)
            if not rows and after >= (size := await log_size(tx)):
                raise BeyondTheLog(size)
        found = [StoredEntry(row["position"], row["leaf_hash"], row["entry"]) for row in rows]
        return found[:most], len(found) > most

    async def inclusion(self, tenant_id: UUID, index: int, size: int | None) -> tuple[int, bytes, Sequence[bytes]]:
        """Tree size, leaf hash, proof; the size of the newest head when none is given."""
        async with self._reading(tenant_id) as tx:
            size = (await self.signing.current(tx)).size if size is None else size
            proof = await inclusion_proof(tx, index, size)
            row = await tx.fetchrow(ENTRIES, tenant_id, index - 1, 1)
        if row is None:
            raise NotFound(MISSING)
        return size, row["leaf_hash"], proof

    async def consistency(self, tenant_id: UUID, first: int, second: int | None) -> tuple[int, Sequence[bytes]]:
        """Tree size and proof."""
        async with self._reading(tenant_id) as tx:
            second = (await self.signing.current(tx)).size if second is None else second
            return second, await consistency_proof(tx, first, second)

    async def receipt(self, tenant_id: UUID, position: int) -> bytes:
        """The tlog-proof of one entry under a head that covers it, signed at once if need be."""
        async with self._reading(tenant_id) as tx:
            head = await newest_checkpoint(tx)
            if head is not None and position < head.size:
                return (await receipt(tx, position, head.size, head.note)).encode()
        head = await self._covering(tenant_id, position)
        async with self._reading(tenant_id) as tx:
            return (await receipt(tx, position, head.size, head.note)).encode()

    async def story(self, tenant_id: UUID, story_id: UUID) -> tuple[StoredHead, Sequence[ProvenEntry]]:
        """A head of now, and what is under it of one story. Raises TooManySteps."""
        head = await self.whole_head(tenant_id)
        async with self._reading(tenant_id) as tx:
            entries = await prove_story(tx, story_id, head)
        if not entries:
            raise NotFound(MISSING)
        return head, entries

    async def _confirmed(self, tenant_id: UUID) -> None:
        if self._replicated:
            async with self._reading(tenant_id) as tx:
                await confirm_growth(tx)

    async def _covering(self, tenant_id: UUID, position: int) -> StoredHead:
        """One signature for all of this process that wait for one: each alone would hold a connection meanwhile.

        One that was under way before may have missed the entry; the next one has not.
        """
        for _ in range(2):
            signing = self._signing.get(tenant_id)
            if signing is None or signing.done():  # one that is done is in there until its callback has run
                signing = self._signing[tenant_id] = asyncio.create_task(self.whole_head(tenant_id))
                signing.add_done_callback(partial(self._signed, tenant_id))
            head = await asyncio.shield(signing)
            if position < head.size:
                break
        return head

    def _signed(self, tenant_id: UUID, signing: asyncio.Task[StoredHead]) -> None:
        if self._signing.get(tenant_id) is signing:
            del self._signing[tenant_id]

    async def tile(self, tenant_id: UUID, path: str) -> bytes:
        """``path`` begins with ``tile/``."""
        tile = _parsed(path)
        async with self._reading(tenant_id) as tx:
            data = await read_bundle(tx, tile) if isinstance(tile, Bundle) else await read_tile(tx, tile)
        if data is None:
            raise NotFound(MISSING)
        return data

    @asynccontextmanager
    async def _reading(self, tenant_id: UUID) -> AsyncIterator[TenantTx]:
        if self._database is None:
            raise NotFound(MISSING)
        try:
            async with self._database.tenant_transaction(tenant_id) as tx:
                yield tx
        except (NoLog, NoLogKey):
            raise NotFound(MISSING) from None
        except TlogError as error:
            if error.code != "size_out_of_range":
                raise
            raise NotFound(MISSING) from None


def _parsed(path: str) -> Tile | Bundle:
    try:
        return parse_tile_path(path)
    except TlogError:
        raise NotFound(MISSING) from None


async def _keys(tx: TenantTx) -> Sequence[LogKey]:
    keys = await read_log_keys(tx)
    if not keys:
        raise NotFound(MISSING)
    return keys
