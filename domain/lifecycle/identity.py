"""Who acts on a story, and whether that is the one who did the work (spec 01, sections 3.3 and 8.2)."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct

from domain.caller import Caller, Role
from domain.story import Story
from domain.tenant_settings import LineagePolicy


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
    if who.agent_id is not None and who.agent_id in (story.assigned_agent_id, *story.worked_agents):
        return True
    ends = {*story.implementer_lineage[-1:], *story.worked_lineages}
    match policy:
        case "agent":
            return False
        case "ancestry":  # whoever the implementer has dispatched cannot confirm the implementer
            return bool(ends & set(who.lineage))
        case "strict":
            return bool({*story.implementer_lineage, *ends} & set(who.lineage))
