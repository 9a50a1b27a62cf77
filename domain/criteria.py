"""Acceptance criteria of a story, one by one: made from what the story says and what was found of each since."""

from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct, UnsetType

from domain.errors import NotFound
from domain.event import JsonText
from domain.fields import LONGEST_JSON, Problems
from domain.story import CriterionUpdated, Story, StoryText
from domain.story_fields import binding_problem, criterion_id, named_items, text_of

CriterionStatus = Literal["pending", "verified", "failed", "unverifiable"]

UNBOUND = JsonText('{"type":"manual","description":"legacy"}')
UNDESCRIBED = "(no description)"
LONGEST_PATH = 2000


class Criterion(Struct, frozen=True, kw_only=True):
    id: UUID
    ac_id: str
    """Unique in the story: the item's own id, else ``AC-`` and its place from 1."""
    description: str
    verification_criterion: JsonText
    status: CriterionStatus
    verified_at: str | None
    """As it was recorded."""
    claimed: bool
    """Somebody has said that it is met, which confirms nothing."""
    evidence_path: str | None


class CriterionFields(Struct, frozen=True, kw_only=True):
    """What a client may say of a criterion. Left out: not said; None: cleared."""

    verification_criterion: Any = UNSET
    status: CriterionStatus | UnsetType = UNSET
    evidence_path: str | UnsetType | None = UNSET


def criteria_of(text: StoryText) -> list[Criterion]:
    """In the story's own order: by name, AC-10 would come before AC-9."""
    checks: dict[str, Any] = msgspec.json.decode(text.criteria_checks)
    items = named_items(text.acceptance_criteria)
    return [_criterion(text, ac_id, item, checks.get(ac_id, {})) for ac_id, item in items.items()]


def find_criterion(text: StoryText, named: str) -> Criterion:
    """By its ``ac_id`` or its id. Raises NotFound."""
    named = named.strip()
    found = next((each for each in criteria_of(text) if named in (each.ac_id, str(each.id))), None)
    if found is None:
        raise NotFound("Not found")
    return found


def update_criterion(
    story: Story, text: StoryText, named: str, fields: CriterionFields
) -> tuple[CriterionUpdated, ...]:
    """Nothing when nothing changes. Raises NotFound, Invalid."""
    now, problems = find_criterion(text, named), Problems()
    said: dict[str, Any] = {}
    if fields.verification_criterion is not UNSET:
        if wrong := binding_problem(fields.verification_criterion):
            problems.add("verification_criterion", wrong)
        said["verification_criterion"] = JsonText(msgspec.json.encode(fields.verification_criterion).decode())
        problems.optional("verification_criterion", said["verification_criterion"], LONGEST_JSON)
    if fields.status is not UNSET:
        said["status"] = fields.status
    if fields.evidence_path is not UNSET:
        said["evidence_path"] = problems.line("evidence_path", fields.evidence_path, LONGEST_PATH)
    problems.raise_any()
    changed = {name: value for name, value in said.items() if value != getattr(now, name)}
    return (CriterionUpdated(project_id=story.project_id, ac_id=now.ac_id, **changed),) if changed else ()


def still_checked(text: StoryText, acceptance_criteria: JsonText) -> JsonText:
    """What was found of those criteria that the new ones hold unchanged: a check of other words says nothing."""
    unchanged, checks = _unchanged(text, acceptance_criteria), msgspec.json.decode(text.criteria_checks)
    kept = {ac_id: check for ac_id, check in checks.items() if ac_id in unchanged}
    return JsonText(msgspec.json.encode(kept).decode())


def still_claimed(text: StoryText, acceptance_criteria: JsonText) -> tuple[str, ...]:
    """The claims about those criteria that the new ones hold unchanged."""
    unchanged = _unchanged(text, acceptance_criteria)
    return tuple(ac_id for ac_id in text.claimed_criteria if ac_id in unchanged)


def _unchanged(text: StoryText, acceptance_criteria: JsonText) -> set[str]:
    before, after = named_items(text.acceptance_criteria), named_items(acceptance_criteria)
    return {ac_id for ac_id, item in before.items() if item == after.get(ac_id, UNSET)}


def _criterion(text: StoryText, ac_id: str, item: dict[str, Any], check: dict[str, Any]) -> Criterion:
    own = item.get("verification_criterion")
    bound = UNBOUND if own is None else JsonText(msgspec.json.encode(own).decode())
    status = check.get("status", "pending")
    return Criterion(
        id=criterion_id(text.story_id, ac_id),
        ac_id=ac_id,
        description=text_of(item.get("description")) or text_of(item.get("criterion")) or UNDESCRIBED,
        verification_criterion=check.get("verification_criterion", bound),
        status=status,
        verified_at=check.get("verified_at") if status == "verified" else None,
        claimed=ac_id in text.claimed_criteria,
        evidence_path=check.get("evidence_path"),
    )
