"""The whole log as one bundle (docs/log-bundle.md), read page by page while it is being sent."""

from collections.abc import AsyncIterator, Iterable
from uuid import UUID

from api.log.reading import LogReader
from eventstore.heads.bundled_keys import bundled_keys
from eventstore.heads.log_keys import known_at
from loopctl.audit.archive import END, tar_blocks
from loopctl.audit.export import BundleWriter, Group
from loopctl.audit.names import Member
from loopctl.tlog.tile import TILE_WIDTH


async def export_bundle(log: LogReader, tenant_id: UUID) -> AsyncIterator[bytes]:
    """Of the log up to a head that is signed now. What comes behind it while this is sent is for the next export.

    Nothing before a signed head ever changes, so that each page may be read in a transaction of its own.
    """
    head = await log.whole_head(tenant_id)
    keys = known_at(await log.keys(tenant_id), head.size)
    writer = BundleWriter()
    yield _blocks(writer.begin(bundled_keys(keys)))
    for first in range(0, max(head.size, 1), TILE_WIDTH):
        count = min(TILE_WIDTH, head.size - first)
        stored, heads = await log.group(tenant_id, first, count)
        group = Group(heads, [each.entry for each in stored], b"".join(each.leaf_hash for each in stored))
        yield _blocks(writer.group(group))
    yield _blocks(writer.end(head.note)) + END


def _blocks(members: Iterable[Member]) -> bytes:
    return b"".join(tar_blocks(members)).removesuffix(END)
