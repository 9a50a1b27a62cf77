"""A story: one piece of work with its acceptance criteria. What an agent says of it and what others confirmed are kept
apart: ``agent_status`` and ``verified_status``. Its way from contract to verified is in domain/lifecycle/."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct, UnsetType, structs

from domain.errors import Conflict
from domain.event import ERASED, Event, JsonText
from domain.fields import Problems
from domain.story_details import DEFAULT_PRIORITY, StoryDetails, Ties, checked_claims, checked_parent, tied
from domain.story_fields import (
    StoryFields,
    checked_number,
    checked_story,
    criteria_hash,
    named_items,
    trimmed_all,
)

AgentStatus = Literal["pending", "contracted", "assigned", "implementing", "reported_done"]
VerifiedStatus = Literal["unverified", "verified", "rejected"]

PROVENANCE = "backfill"
"""Member of a story's metadata that says that the work is from before loopctl."""
NO_CRITERIA = JsonText("[]")
NO_TIES = Ties()
LONGEST_MEMORY = 2000
"""Characters that an event keeps of the description from before."""


class StoryCreated(StoryDetails, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "story.created"
    ERASABLE: ClassVar[Mapping[str, str]] = {"description": ERASED}
    project_id: UUID
    epic_id: UUID
    number: str
    title: str
    description: str | None = None
    acceptance_criteria: JsonText
    estimated_hours: str | None = None
    """A decimal."""
    metadata: JsonText


class StoryImported(StoryCreated, frozen=True, kw_only=True):
    """A story that came in with others. One that was done before loopctl is marked so; its metadata say why."""

    TAG: ClassVar[str] = "story.imported"
    agent_status: AgentStatus = "pending"
    verified_status: VerifiedStatus = "unverified"
    author_agent_id: UUID | None = None
    author_key_id: UUID | None = None
    """None in an event from before this was recorded: then nobody knows whose word it is."""
    author_lineage: Sequence[UUID] = ()
    author_minters: Sequence[UUID] = ()
    author_human_root: bool = False


class StoryUpdated(StoryDetails, frozen=True, kw_only=True):
    """Members that are left out did not change; those that end in ``_was`` are from before."""

    TAG: ClassVar[str] = "story.updated"
    ERASABLE: ClassVar[Mapping[str, str]] = {"description": ERASED, "description_was": ERASED}
    project_id: UUID
    title_was: str
    description_was: str | None
    """Of a long one the beginning, and then an ellipsis: two long texts have no place in one entry of the log."""
    title: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    acceptance_criteria: JsonText | UnsetType = UNSET
    criteria_hash: str | UnsetType = UNSET
    """With a new title or new criteria: SHA-256 in hexadecimal of both."""
    estimated_hours: str | UnsetType | None = UNSET
    metadata: JsonText | UnsetType = UNSET


class StoryRevised(Event, frozen=True, kw_only=True):
    """Title or criteria are no longer those of the contract. A story that was only contracted is pending again."""

    TAG: ClassVar[str] = "story.revised"
    project_id: UUID
    epic_id: UUID
    revision: int
    contract_void: bool


class CriterionUpdated(Event, frozen=True, kw_only=True):
    """How one acceptance criterion is to be checked, or what the check found."""

    TAG: ClassVar[str] = "story.criterion_updated"
    project_id: UUID
    ac_id: str
    verification_criterion: JsonText | UnsetType = UNSET
    status: Literal["pending", "verified", "failed", "unverifiable"] | UnsetType = UNSET
    evidence_path: str | UnsetType | None = UNSET


class StoryDeleted(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "story.deleted"
    project_id: UUID
    epic_id: UUID
    number: str
    title: str


class Story(Struct, frozen=True, kw_only=True):
    """A story as its events leave it, without its long texts; a row of app.story."""

    story_id: UUID
    project_id: UUID
    epic_id: UUID
    number: str
    major: int
    minor: int
    title: str
    ac_count: int
    criteria_hash: str
    """Of title and criteria: what a contract is about."""
    estimated_hours: str | None
    agent_status: AgentStatus = "pending"
    verified_status: VerifiedStatus = "unverified"
    assigned_agent_id: UUID | None = None
    assigned_at: datetime | None = None
    contracted_by_agent_id: UUID | None = None
    contracted_hash: str | None = None
    implementer_dispatch_id: UUID | None = None
    implementer_lineage: tuple[UUID, ...] = ()
    review_requested_at: datetime | None = None
    reported_done_at: datetime | None = None
    reported_by_agent_id: UUID | None = None
    report_position: int | None = None
    """Place in the log of the report that stands."""
    review_position: int | None = None
    """Place of the newest review."""
    verified_at: datetime | None = None
    verified_position: int | None = None
    """Place of the event that confirmed the story."""
    rejected_at: datetime | None = None
    rejection_reason: str | None = None
    iteration_count: int = 0
    revision: int = 0
    touched: bool = False
    """Whether somebody has ever worked on it here, whatever its state is now."""
    claim_position: int | None = None
    """Place of the claim that holds; the fencing token of its holder."""
    lease_expires_at: datetime | None = None
    lease_seconds: int | None = None
    """What a heartbeat renews the lease for, unless it says otherwise."""
    worked_agents: tuple[UUID, ...] = ()
    """Agents that have claimed it since it was made, or since it was last reset after a rejection; and of those who
    brought it in as done the agents and the keys, NO_AGENT and ANY_AGENT among them."""
    worked_lineages: tuple[UUID, ...] = ()
    """The ends of their lineages."""
    worked_links: tuple[UUID, ...] = ()
    """What the strict policy finds their relatives by: `identity.links`."""
    reviewers: tuple[UUID, ...] = ()
    """Agents and keys that have reviewed the report that stands."""
    verifier_dispatch_id: UUID | None = None
    """Who was drawn to verify it."""
    verifier_needed: bool = False
    """There was nobody to draw when one was wanted."""
    draw_count: int = 0
    priority: int = DEFAULT_PRIORITY
    external_source: str | None = None
    external_id: str | None = None
    created_at: datetime
    updated_at: datetime
    position: int

    @property
    def awaits_report(self) -> bool:
        """The work is there and nobody has said that it is done, or it was rejected since."""
        return self.agent_status == "implementing" or (
            self.agent_status == "reported_done" and self.verified_status == "rejected" and self.report_position is None
        )

    @property
    def criteria_frozen(self) -> bool:
        """Title and criteria are what was verified: somebody has worked under them here, or reviewed under them."""
        done_here = self.touched or self.contracted_hash is not None or self.review_position is not None
        return self.verified_status == "verified" and done_here

    @property
    def criteria_changed_after_contract(self) -> bool:
        return self.contracted_hash is not None and self.contracted_hash != self.criteria_hash


class StoryText(Struct, frozen=True, kw_only=True):
    """The long texts of a story; a row of app.story_text."""

    story_id: UUID
    description: str | None
    acceptance_criteria: JsonText
    metadata: JsonText
    criteria_checks: JsonText
    """By ac_id: what CriterionUpdated says."""
    external_times: JsonText | None = None
    labels: tuple[str, ...] = ()
    assignee: str | None = None
    claimed_criteria: tuple[str, ...] = ()
    parent_id: UUID | None = None
    parent: str | None = None
    """Its number."""


class Place(Struct, frozen=True, kw_only=True):
    """Where a new story goes."""

    project_id: UUID
    epic_id: UUID
    number: str
    number_taken: bool
    ties: Ties = NO_TIES


def create_story(place: Place, fields: StoryFields) -> StoryCreated:
    """Raises Invalid."""
    problems = Problems()
    number = checked_number(problems, place.number, taken=place.number_taken)
    said = checked_story(problems, structs.replace(fields, title=fields.title or ""))
    _check_provenance(problems, said, {})
    _check_ties(problems, None, said, fields, place.ties)
    _check_claims(problems, said, NO_CRITERIA)
    problems.raise_any()
    details = {name: said[name] for name in StoryDetails.__struct_fields__ if said.get(name) not in (None, ())}
    if details.get("priority") == DEFAULT_PRIORITY:
        del details["priority"]
    return StoryCreated(
        project_id=place.project_id,
        epic_id=place.epic_id,
        number=number.text,
        title=said["title"],
        description=said.get("description"),
        acceptance_criteria=said.get("acceptance_criteria", NO_CRITERIA),
        estimated_hours=said.get("estimated_hours"),
        metadata=said.get("metadata", JsonText("{}")),
        **details,
    )


def shortened_memory(text: str | None) -> str | None:
    """What an event keeps of a description from before."""
    return text if text is None or len(text) <= LONGEST_MEMORY else text[: LONGEST_MEMORY - 1] + "…"


def update_story(
    story: Story, text: StoryText, fields: StoryFields, ties: Ties = NO_TIES
) -> tuple[StoryUpdated | StoryRevised, ...]:
    """Nothing when nothing changes. Raises Invalid. After a contract, other criteria are a new revision."""
    problems = Problems()
    said = checked_story(problems, fields)
    _check_provenance(problems, said, msgspec.json.decode(text.metadata))
    _check_ties(problems, story.story_id, said, fields, ties)
    _check_claims(problems, said, text.acceptance_criteria)
    problems.raise_any()
    now = {**structs.asdict(text), **structs.asdict(story)}
    changed = {name: value for name, value in said.items() if value != now[name]}
    if "acceptance_criteria" in changed and changed["acceptance_criteria"] == trimmed_all(text.acceptance_criteria):
        del changed["acceptance_criteria"]  # kept with blanks, from before they were taken off
    if "acceptance_criteria" in changed and "claimed_criteria" in said:
        changed["claimed_criteria"] = said["claimed_criteria"]  # of the new words, which claims of the old ones are not
    if not changed:
        return ()
    other_contract = bool(changed.keys() & {"title", "acceptance_criteria"})
    if other_contract and story.criteria_frozen:
        raise frozen_criteria(story, "title or criteria")
    if other_contract:
        wanted = {**now, **changed}
        changed["criteria_hash"] = criteria_hash(wanted["title"], wanted["acceptance_criteria"])
    updated = StoryUpdated(
        project_id=story.project_id,
        title_was=story.title,
        description_was=shortened_memory(text.description),
        **changed,
    )
    if not other_contract or story.contracted_hash is None:
        return (updated,)
    revised = StoryRevised(
        project_id=story.project_id, epic_id=story.epic_id, revision=story.revision + 1,
        contract_void=story.agent_status == "contracted",
    )  # fmt: skip
    return (updated, revised)


def _check_ties(problems: Problems, own: UUID | None, said: dict[str, Any], fields: StoryFields, ties: Ties) -> None:
    tied(problems, own, said, ties)
    said |= checked_parent(problems, own, (fields.parent, fields.parent_id), ties)


def _check_claims(problems: Problems, said: Mapping[str, Any], criteria: JsonText) -> None:
    """``criteria`` are those that stand unless others are said. Of what is wrong itself nothing can be claimed."""
    if said.get("claimed_criteria") and not problems.found:
        checked_claims(problems, said["claimed_criteria"], named_items(said.get("acceptance_criteria", criteria)))


def frozen_criteria(story: Story, what: str) -> Conflict:
    return Conflict(
        f"Conflict: Cannot change {what} of verified story {story.number}: they are what was verified.",
        code="criteria_frozen",
        current_state=story.verified_status,
        attempted_action="update",
        hints=["An orchestrator may reject the story; then it can be changed and done anew."],
    )


def _check_provenance(problems: Problems, said: dict[str, Any], before: Mapping[str, Any]) -> None:
    """What says that the work is from before loopctl is no client's to write. Left out it stays, and can be echoed."""
    if "metadata" not in said:
        return
    wanted = msgspec.json.decode(said["metadata"])
    if PROVENANCE not in wanted and PROVENANCE in before:
        said["metadata"] = JsonText(msgspec.json.encode({**wanted, PROVENANCE: before[PROVENANCE]}).decode())
    elif wanted.get(PROVENANCE, UNSET) != before.get(PROVENANCE, UNSET):
        problems.add(f"metadata.{PROVENANCE}", "is written by backfill, mark-complete and import alone; leave it out")
