"""What a draw of the custody machine is made from: its people's dispatches, and a seed that nobody has to check."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from bench.custody_model import Person
from domain.dispatch import Dispatch
from domain.lifecycle.draw import Urn
from domain.purpose_key import SeedChain
from loopctl.draw import drawn_by

AT = datetime(2026, 3, 27, 12, tzinfo=UTC)


def urn(people: Sequence[Person], draw: int, seed: bytes) -> Urn:
    chain = SeedChain(
        key_id=UUID(int=1), purpose="draw", kid="k", public="", revealed=draw - 1, last="", position=0
    )  # fmt: skip
    return Urn(pool=pool(people), chain=chain, draws=draw, seed_of=lambda _: seed.hex(), choose=drawn_by)


def pool(people: Sequence[Person]) -> Sequence[Dispatch]:
    """Those that have an orchestrator's dispatch."""
    return [
        Dispatch(
            dispatch_id=each.chain[-1], parent_dispatch_id=None, agent_id=each.agent, story_id=None,
            role="orchestrator", lineage=each.chain, minters=each.above, human_root=each.by_person,
            key_id=each.chain[-1], created_at=AT, expires_at=AT, revoked_at=None, position=0,
        )
        for each in people
        if each.role == "orchestrator" and (each.by_person or len(each.chain) > 1)
    ]  # fmt: skip
