"""What the very caller may do next with a story: nobody is shown what would be refused (spec 01, section 3.4)."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct, structs

from domain.caller import Role
from domain.capability import CONSUMED_BY
from domain.lifecycle.draw import waits_for_verifier
from domain.lifecycle.identity import Identity, is_implementer, is_of_unknown_hand
from domain.lifecycle.judges import is_reviewed
from domain.story import Story
from domain.tenant_settings import TenantSettings


class NextAction(Struct, frozen=True):
    """``path`` is what follows the story's own path; ``fields`` what the body must have."""

    action: str
    path: str
    fields: tuple[str, ...] = ()
    preconditions: tuple[str, ...] = ()


COUNTS = ("findings_count", "fixes_count", "disproved_count")


def next_actions(story: Story, who: Identity, policy: TenantSettings, now: datetime) -> Sequence[NextAction]:
    """Also not what would be accepted and leads nowhere: asking for a review twice, or reviewing again."""
    actions = (*_next(story, who, policy, now), *_draw(story, who, policy))
    if who.dispatch_id is None and not policy.require_capabilities:
        return actions
    return [_with_capability(action) if action.path in CONSUMED_BY else action for action in actions]


def _with_capability(action: NextAction) -> NextAction:
    wanted = f"a {CONSUMED_BY[action.path]}, which POST recover-cap gives"
    return structs.replace(
        action, fields=(*action.fields, "cap_id"), preconditions=(*action.preconditions, wanted)
    )  # fmt: skip


def _next(story: Story, who: Identity, policy: TenantSettings, now: datetime) -> Sequence[NextAction]:
    if who.agent_id is None and who.role != Role.USER:
        return ()
    if story.verified_status == "verified":
        return _reject(story, who, policy)
    if story.agent_status == "reported_done" and not story.awaits_report:
        return _after_report(story, who, policy)
    return _before_report(story, who, policy, now)


def _before_report(story: Story, who: Identity, policy: TenantSettings, now: datetime) -> Sequence[NextAction]:
    holds = story.assigned_agent_id is not None and story.assigned_agent_id == who.agent_id
    holds = holds and (story.lease_expires_at is None or story.lease_expires_at > now)
    match story.agent_status, who.role:
        case "pending", Role.AGENT | Role.ORCHESTRATOR:
            return (NextAction("contract", "contract", ("story_title", "ac_count")),)
        case "contracted", Role.AGENT:
            return (NextAction("claim", "claim", (), ("every story and epic that it depends on is verified",)),)
        case "assigned", Role.AGENT if holds:
            return (NextAction("start", "start"),)
        case "implementing", Role.AGENT if holds and story.review_requested_at is None:
            return (NextAction("request_review", "request-review"),)
        case _, Role.AGENT | Role.ORCHESTRATOR if story.awaits_report and not _did_it(story, who, policy):
            return (NextAction("report", "report"),)
        case _:
            return ()


def _did_it(story: Story, who: Identity, policy: TenantSettings) -> bool:
    """Or may have done it."""
    return is_implementer(story, who, policy.lineage_policy) or is_of_unknown_hand(story)


def _after_report(story: Story, who: Identity, policy: TenantSettings) -> Sequence[NextAction]:
    reject = _reject(story, who, policy)
    if _did_it(story, who, policy) or story.report_position is None:
        return reject
    if not is_reviewed(story):
        return (NextAction("review_complete", "review-complete", COUNTS), *reject)
    if not _judges(who) or story.criteria_changed_after_contract:
        return reject
    if policy.require_distinct_verifier and {who.key_id, who.agent_id} & set(story.reviewers):
        return reject
    if policy.verifier_binding and story.verifier_dispatch_id != who.dispatch_id:
        return reject
    return (NextAction("verify", "verify", ("review_type", "summary")), *reject)


def _reject(story: Story, who: Identity, policy: TenantSettings) -> Sequence[NextAction]:
    if not _judges(who) or is_implementer(story, who, policy.lineage_policy):
        return ()
    return (NextAction("reject", "reject", ("reason",)),)


def _draw(story: Story, who: Identity, policy: TenantSettings) -> Sequence[NextAction]:
    """Where a draw has met nobody, or the tenant wants somebody drawn and nobody is. Whether whoever is drawn is still
    live cannot be told from the story."""
    if story.verifier_dispatch_id is not None or not waits_for_verifier(story):
        return ()
    wanted = story.verifier_needed or policy.verifier_binding
    return (NextAction("draw_verifier", "draw-verifier"),) if wanted and who.role in DRAWING else ()


DRAWING = (Role.ORCHESTRATOR, Role.USER)


def _judges(who: Identity) -> bool:
    return who.role == Role.ORCHESTRATOR and who.agent_type == "orchestrator"
