"""An entity's entries one after the other, found through their index: nothing has to be kept of what was before."""

from collections.abc import Sequence
from uuid import UUID

from eventstore.database.transaction import TenantTx
from loopctl.audit.entities import Entities
from loopctl.audit.links import Ends, Link, follow, read_links

# One probe of the index for each.
PREVIOUS = """
    SELECT e.position, e.entry
      FROM unnest($2::uuid[], $3::integer[]) AS asked (id, version)
     CROSS JOIN LATERAL (
           SELECT position, entry
             FROM app.log_entry
            WHERE tenant_id = $1 AND stream_id = asked.id AND stream_version = asked.version
            LIMIT 1) AS e
"""


class LinksSeen(Entities):
    """Keeps the links of the last group, for ``check_history``."""

    def __init__(self) -> None:
        super().__init__()
        self.links: Sequence[Link] = ()

    def see(self, first: int, links: Sequence[Link]) -> None:  # noqa: ARG002  # they are followed by the caller
        self.links = links


async def check_history(tx: TenantTx, first: int, links: Sequence[Link]) -> None:
    """Raises BrokenLink. The columns of these entries were checked: ids are UUIDs as stored."""
    opening: dict[tuple[str, str], Link] = {}
    for link in links:
        opening.setdefault(link.entity, link)
    asked = [(UUID(entity[1]), link.eseq - 1) for entity, link in opening.items() if link.eseq > 0]
    ends: Ends = {}
    if asked:
        rows = await tx.fetch(PREVIOUS, tx.tenant_id, [each for each, _ in asked], [version for _, version in asked])
        for row in rows:
            if row["position"] < first:
                (before,) = read_links(row["position"], [row["entry"]])
                ends.setdefault(before.entity[0], {})[before.entity[1]] = (row["position"], before.eseq + 1)
    follow(ends, first, links)
