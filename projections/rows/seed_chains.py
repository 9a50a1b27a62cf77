"""Keys for one purpose as the log knows them: of those for draws, how many of their seeds were revealed."""

from collections.abc import Sequence

from domain.event import Recorded
from domain.lifecycle.events import VerifierDrawn
from domain.purpose_key import SeedChain, evolve_seed_chain
from eventstore.database.transaction import TenantTx
from projections.rows.entity import Entity

SEED_CHAINS = Entity(
    name="seed_chain", kind="purpose_key", state=SeedChain, identity="key_id", evolve=evolve_seed_chain, replaces=True,
    spreading=(VerifierDrawn,),
)  # fmt: skip

REVEAL = """
    UPDATE app.seed_chain AS c
       SET revealed = r.draw, last = r.seed, position = r.position
      FROM unnest($2::text[], $3::integer[], $4::text[], $5::bigint[]) AS r (kid, draw, seed, position)
     WHERE c.tenant_id = $1 AND c.kid = r.kid AND c.revealed < r.draw
       AND NOT EXISTS (
               SELECT FROM unnest($2::text[], $3::integer[]) AS later (kid, draw)
                WHERE later.kid = r.kid AND later.draw > r.draw)
"""


async def apply(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    await SEED_CHAINS.apply(tx, recorded)
    draws = [(each.event, each.position) for each in recorded if isinstance(each.event, VerifierDrawn)]
    if draws:
        await tx.execute(
            REVEAL, tx.tenant_id, [event.kid for event, _ in draws], [event.draw for event, _ in draws],
            [event.seed for event, _ in draws], [position for _, position in draws],
        )  # fmt: skip
