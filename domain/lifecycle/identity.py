"""Who acts on a story, and whether that is the one who did the work (spec 01, sections 3.3 and 8.2)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.agent import AgentType
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
    agent_type: AgentType | None = None
    dispatch_id: UUID | None
    lineage: Sequence[UUID]
    minters: Sequence[UUID] = ()
    """Agents of those above it."""
    human_root: bool = False


def identity_of(caller: Caller) -> Identity:
    return Identity(
        role=caller.role,
        key_id=caller.key_id,
        agent_id=caller.agent_id,
        agent_type=caller.agent_type,
        dispatch_id=caller.lineage[-1] if caller.lineage else None,
        lineage=caller.lineage or (caller.key_id,),
        minters=caller.minters,
        human_root=caller.human_root,
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
    if policy == "agent":
        return False
    # Whoever the implementer has dispatched, with whichever of its keys, cannot confirm the implementer.
    ends = {*story.implementer_lineage[-1:], *story.worked_lineages, *story.worked_agents} - {NO_AGENT, ANY_AGENT}
    if ends & {*who.lineage, *who.minters}:
        return True
    if policy == "ancestry":
        return False
    return bool(set(story.worked_links) & {*who.lineage, *who.minters, who.agent_id})


def is_of_unknown_hand(story: Story) -> bool:
    """Nobody can show that the work is not their own, so that nobody can confirm it."""
    return ANY_AGENT in story.worked_agents


def links(lineage: Sequence[UUID], minters: Sequence[UUID], *, human_root: bool) -> tuple[UUID, ...]:
    """What the strict policy finds relatives by: those above and the agents of those above. A root that a person made
    is none, nor is its agent: under one person's root everybody would be everybody's relative. Where somebody above has
    no agent, nobody knows which one is the root's, and all of them count."""
    if not human_root:
        return (*lineage, *minters)
    return (*lineage[1:], *minters[1 if len(minters) == len(lineage) - 1 else 0 :])


def authorship(who: Identity) -> dict[str, Any]:
    """As it stands in the event of whoever brings in work as done."""
    return {
        "author_agent_id": who.agent_id, "author_key_id": who.key_id, "author_lineage": who.lineage,
        "author_minters": who.minters, "author_human_root": who.human_root,
    }  # fmt: skip
