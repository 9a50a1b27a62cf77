"""Acceptance criteria of a story, one by one: made from what the story says and what was found of each since."""

from itertools import chain, count
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct, UnsetType

from domain.errors import NotFound
from domain.event import JsonText
from domain.fields import LONGEST_JSON, Problems
from domain.story import CriterionUpdated, Story, StoryText, binding_problem, criterion_id

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
    return [_criterion(text.story_id, ac_id, item, checks.get(ac_id, {})) for ac_id, item in items.items()]


def named_items(acceptance_criteria: JsonText) -> dict[str, Any]:
    """By ``ac_id``. An item whose id another has already is named by its place."""
    found: dict[str, Any] = {}
    for place, item in enumerate(msgspec.json.decode(acceptance_criteria), 1):
        names = chain((_text(item.get("id")), f"AC-{place}"), (f"AC-{place}#{more}" for more in count(2)))
        found[next(name for name in names if name and name not in found)] = item
    return found


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
    before, after = named_items(text.acceptance_criteria), named_items(acceptance_criteria)
    checks = msgspec.json.decode(text.criteria_checks)
    kept = {ac_id: check for ac_id, check in checks.items() if before.get(ac_id) == after.get(ac_id, UNSET)}
    return JsonText(msgspec.json.encode(kept).decode())


def _criterion(story_id: UUID, ac_id: str, item: dict[str, Any], check: dict[str, Any]) -> Criterion:
    own = item.get("verification_criterion")
    bound = UNBOUND if own is None else JsonText(msgspec.json.encode(own).decode())
    status = check.get("status", "pending")
    return Criterion(
        id=criterion_id(story_id, ac_id),
        ac_id=ac_id,
        description=_text(item.get("description")) or _text(item.get("criterion")) or UNDESCRIBED,
        verification_criterion=check.get("verification_criterion", bound),
        status=status,
        verified_at=check.get("verified_at") if status == "verified" else None,
        evidence_path=check.get("evidence_path"),
    )


def _text(value: Any) -> str:
    """Clients write ids and descriptions as other things too; only texts and whole numbers can name something."""
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
