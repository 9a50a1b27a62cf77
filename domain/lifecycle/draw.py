"""Who is drawn to verify a story: any live orchestrator's dispatch but those of whoever did the work (01, 3.10)."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.caller import Role
from domain.dispatch import Dispatch
from domain.errors import Conflict
from domain.event import Event
from domain.lifecycle import refusals
from domain.lifecycle.events import VerifierDrawn, VerifierNeeded
from domain.lifecycle.identity import Identity, is_implementer
from domain.purpose_key import SeedChain
from domain.story import Story
from domain.tenant_settings import TenantSettings


class Spent(Exception):
    """Every seed of the chain was revealed: another chain has to be made. Not a refusal."""


class Urn(Struct, frozen=True, kw_only=True):
    """What a draw is made from. ``seed_of`` gives the seed of a draw by its number, in hexadecimal."""

    pool: Sequence[Dispatch]
    chain: SeedChain
    draws: int
    """Of the whole chain."""
    seed_of: Callable[[int], str]
    choose: Callable[[bytes, UUID, Sequence[UUID]], UUID]
    """`loopctl.draw.drawn_by`, which this layer does not know."""


def wants_draw(who: Identity, policy: TenantSettings) -> bool:
    """At a request for a review: where the implementer was dispatched, or the tenant binds to whoever is drawn."""
    return who.dispatch_id is not None or policy.verifier_binding


def waits_for_verifier(story: Story) -> bool:
    asked = story.review_requested_at is not None or story.agent_status == "reported_done"
    return asked and story.verified_status != "verified"


def draw_verifier(story: Story, policy: TenantSettings, urn: Urn) -> tuple[Event, ...]:
    """Raises Spent."""
    pool = [each for each in urn.pool if _may_verify(story, policy, each)]
    place: dict[str, Any] = {
        "project_id": story.project_id, "epic_id": story.epic_id, "agent_status_was": story.agent_status,
    }  # fmt: skip
    if not pool:
        return () if story.verifier_needed else (VerifierNeeded(**place),)
    draw = urn.chain.revealed + 1
    if draw > urn.draws:
        raise Spent
    seed, ids = urn.seed_of(draw), [each.dispatch_id for each in pool]
    chosen = urn.choose(bytes.fromhex(seed), story.story_id, ids)
    agent = next(each.agent_id for each in pool if each.dispatch_id == chosen)
    return (
        VerifierDrawn(
            **place, verifier_dispatch_id=chosen, verifier_agent_id=agent, pool=ids, kid=urn.chain.kid, draw=draw,
            seed=seed,
        ),
    )  # fmt: skip


def draw_again(story: Story, policy: TenantSettings, urn: Urn) -> tuple[Event, ...]:
    """Only where nobody is drawn, or whoever was is no longer live: nobody draws until a friend comes up.

    Raises Conflict and Spent.
    """
    if not waits_for_verifier(story):
        raise refusals.wrong_state(story, "draw-verifier")
    live = {each.dispatch_id for each in urn.pool}
    if story.verifier_dispatch_id in live:
        raise Conflict(
            f"Conflict: a verifier is drawn for story {story.number}, and its dispatch is live",
            code="verifier_drawn",
            current_state=story.agent_status,
            attempted_action="draw-verifier",
            hints=["Another is drawn when this one's dispatch has ended, or after a rejection."],
        )
    return draw_verifier(story, policy, urn)


def check_drawn(story: Story, who: Identity, policy: TenantSettings) -> None:
    """Raises Conflict where the tenant binds to whoever was drawn, and this is somebody else."""
    drawn = story.verifier_dispatch_id
    if not policy.verifier_binding or (drawn is not None and drawn == who.dispatch_id):
        return
    told = f"dispatch {drawn} was drawn to" if drawn else "nobody is drawn to, and the tenant wants it"
    raise Conflict(
        f"Conflict: Cannot verify story {story.number}: {told}",
        code="not_drawn_verifier" if drawn else "verifier_needed",
        current_state=story.agent_status,
        attempted_action="verify",
        hints=["POST …/draw-verifier draws one, when nobody is drawn or the one who was has ended."],
    )


def _may_verify(story: Story, policy: TenantSettings, dispatch: Dispatch) -> bool:
    if dispatch.agent_id is None or dispatch.story_id not in (None, story.story_id):
        return False
    who = Identity(
        role=Role.ORCHESTRATOR, key_id=dispatch.key_id, agent_id=dispatch.agent_id, agent_type="orchestrator",
        dispatch_id=dispatch.dispatch_id, lineage=dispatch.lineage, minters=dispatch.minters,
        human_root=dispatch.human_root,
    )  # fmt: skip
    return not is_implementer(story, who, policy.lineage_policy)
