"""What the very caller may do next with a story: nobody is shown what would be refused (spec 01, section 3.4)."""

from collections.abc import Sequence

from msgspec import Struct

from domain.caller import Role
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


def next_actions(story: Story, who: Identity, policy: TenantSettings) -> Sequence[NextAction]:
    if who.agent_id is None and who.role != Role.USER:
        return ()
    if story.agent_status == "reported_done" and not story.awaits_report:
        return _after_report(story, who, policy)
    if story.verified_status == "verified":
        return ()
    return _before_report(story, who, policy)


def _before_report(story: Story, who: Identity, policy: TenantSettings) -> Sequence[NextAction]:
    holds = story.assigned_agent_id is not None and story.assigned_agent_id == who.agent_id
    match story.agent_status, who.role:
        case "pending", Role.AGENT | Role.ORCHESTRATOR:
            return (NextAction("contract", "contract", ("story_title", "ac_count")),)
        case "contracted", Role.AGENT:
            return (NextAction("claim", "claim", (), ("every story and epic that it depends on is verified",)),)
        case "assigned", Role.AGENT if holds:
            return (NextAction("start", "start"),)
        case "implementing", Role.AGENT if holds:
            return (NextAction("request_review", "request-review"),)
        case _, Role.AGENT | Role.ORCHESTRATOR if story.awaits_report and not _did_it(story, who, policy):
            return (NextAction("report", "report"),)
        case _:
            return ()


def _did_it(story: Story, who: Identity, policy: TenantSettings) -> bool:
    """Or may have done it."""
    return is_implementer(story, who, policy.lineage_policy) or is_of_unknown_hand(story)


def _after_report(story: Story, who: Identity, policy: TenantSettings) -> Sequence[NextAction]:
    if is_implementer(story, who, policy.lineage_policy):
        return ()
    reject = (NextAction("reject", "reject", ("reason",)),) if who.role == Role.ORCHESTRATOR else ()
    if story.verified_status == "verified" or is_of_unknown_hand(story):
        return reject
    review = NextAction(
        "review_complete", "review-complete", ("review_type", "findings_count", "fixes_count", "disproved_count")
    )
    if not is_reviewed(story):
        return (review, *reject)
    if who.role != Role.ORCHESTRATOR or story.criteria_changed_after_contract:
        return reject
    if policy.require_distinct_verifier and {who.key_id, who.agent_id} & set(story.reviewers):
        return reject
    return (NextAction("verify", "verify", ("review_type", "summary")), *reject)
