"""Who acts on a story, and whether that is the one who did the work (spec 01, sections 3.3 and 8.2)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.caller import Caller, Role
from domain.story import Story
from domain.tenant_settings import LineagePolicy

NO_AGENT = UUID(int=0)
"""Among who did the work: somebody whose key belongs to no agent. Such keys cannot be told from one another."""
ANY_AGENT = UUID(int=2**128 - 1)
"""Among who did the work: somebody of whom an old log does not say who it was."""


class Identity(Struct, frozen=True, kw_only=True):
    """``lineage`` runs from the root dispatch to the caller's own; of a long-lived key it is the key itself."""

    role: Role
    key_id: UUID
    agent_id: UUID | None
    dispatch_id: UUID | None
    lineage: Sequence[UUID]


def identity_of(caller: Caller) -> Identity:
    return Identity(
        role=caller.role,
        key_id=caller.key_id,
        agent_id=caller.agent_id,
        dispatch_id=caller.lineage[-1] if caller.lineage else None,
        lineage=caller.lineage or (caller.key_id,),
    )


def is_implementer(story: Story, who: Identity, policy: LineagePolicy) -> bool:
    """The caller did the work, or a part of it, or acts for who did. The same agent counts, whatever the policy.

    Giving the story back does not undo the work, and neither does a rejection that leaves it in place: who has begun it
    stays its implementer until the story is reset after a rejection.
    """
    if who.agent_id is not None and who.agent_id == story.assigned_agent_id:
        return True
    if {who.agent_id or NO_AGENT, who.key_id} & set(story.worked_agents):
        return True
    ends = {*story.implementer_lineage[-1:], *story.worked_lineages}
    match policy:
        case "agent":
            return False
        case "ancestry":  # whoever the implementer has dispatched cannot confirm the implementer
            return bool(ends & set(who.lineage))
        case "strict":
            return bool({*story.implementer_lineage, *story.worked_links, *ends} & set(who.lineage))


def is_of_unknown_hand(story: Story) -> bool:
    """Nobody can show that the work is not their own, so that nobody can confirm it."""
    return ANY_AGENT in story.worked_agents


def authorship(who: Identity) -> dict[str, Any]:
    """As it stands in the event of whoever brings in work as done."""
    return {"author_agent_id": who.agent_id, "author_key_id": who.key_id, "author_lineage": who.lineage}
