"""A story: one piece of work with its acceptance criteria. What an agent says of it and what others confirmed are kept
apart: ``agent_status`` and ``verified_status``. Its way from contract to verified is in domain/lifecycle/."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any, ClassVar, Literal
from uuid import UUID, uuid5

import msgspec
from msgspec import UNSET, Struct, UnsetType, structs

from domain.errors import Conflict
from domain.event import ERASED, Event, JsonText
from domain.fields import BLANK, LONGEST_DESCRIPTION, LONGEST_JSON, LONGEST_TITLE, Problems, must_be
from domain.numbering import StoryNumber, parse_story_number

AgentStatus = Literal["pending", "contracted", "assigned", "implementing", "reported_done"]
VerifiedStatus = Literal["unverified", "verified", "rejected"]

PROVENANCE = "backfill"
"""Member of a story's metadata that says that the work is from before loopctl."""
CRITERION_TEXTS = ("id", "criterion", "description")
MOST_CRITERIA = 200
LARGEST_HOURS = 1_000_000
LONGEST_MEMORY = 2000
"""Characters that an event keeps of the description from before."""
HOURS = re.compile(r"[0-9]{1,7}(\.[0-9]{1,20})?")
"""A text for a number of hours: other spellings of a decimal are read differently by everybody."""
SMALLEST_HOURS = Decimal("0.000001")
BINDINGS = {
    "test": ("path", "test_name"),
    "code": ("path", "line_range", "pattern"),
    "route": ("method", "path"),
    "migration": ("table", "column"),
    "manual": ("description",),
}
"""Types of verification criteria with the members that each must have."""


class StoryCreated(Event, frozen=True, kw_only=True):
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


class StoryUpdated(Event, frozen=True, kw_only=True):
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


class StoryFields(Struct, frozen=True, kw_only=True):
    """What a client may say of a story. Left out: not said; None: cleared."""

    title: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    acceptance_criteria: Sequence[Any] | UnsetType = UNSET
    estimated_hours: float | str | UnsetType | None = UNSET
    metadata: JsonText | UnsetType = UNSET


class Place(Struct, frozen=True, kw_only=True):
    """Where a new story goes."""

    project_id: UUID
    epic_id: UUID
    number: str
    number_taken: bool


def create_story(place: Place, fields: StoryFields) -> StoryCreated:
    """Raises Invalid."""
    problems = Problems()
    number = checked_number(problems, place.number, taken=place.number_taken)
    said = checked_story(problems, structs.replace(fields, title=fields.title or ""))
    _check_provenance(problems, said, {})
    problems.raise_any()
    return StoryCreated(
        project_id=place.project_id,
        epic_id=place.epic_id,
        number=number.text,
        title=said["title"],
        description=said.get("description"),
        acceptance_criteria=said.get("acceptance_criteria", JsonText("[]")),
        estimated_hours=said.get("estimated_hours"),
        metadata=said.get("metadata", JsonText("{}")),
    )


def _shortened(text: str | None) -> str | None:
    return text if text is None or len(text) <= LONGEST_MEMORY else text[: LONGEST_MEMORY - 1] + "…"


def update_story(story: Story, text: StoryText, fields: StoryFields) -> tuple[StoryUpdated | StoryRevised, ...]:
    """Nothing when nothing changes. Raises Invalid. After a contract, other criteria are a new revision."""
    problems = Problems()
    said = checked_story(problems, fields)
    _check_provenance(problems, said, msgspec.json.decode(text.metadata))
    problems.raise_any()
    now = {**structs.asdict(text), "title": story.title, "estimated_hours": story.estimated_hours}
    changed = {name: value for name, value in said.items() if value != now[name]}
    if "acceptance_criteria" in changed and changed["acceptance_criteria"] == _trimmed_all(text.acceptance_criteria):
        del changed["acceptance_criteria"]  # kept with blanks, from before they were taken off
    if not changed:
        return ()
    other_contract = bool(changed.keys() & {"title", "acceptance_criteria"})
    if other_contract and story.criteria_frozen:
        raise frozen_criteria(story, "title or criteria")
    if other_contract:
        wanted = {**now, **changed}
        changed["criteria_hash"] = criteria_hash(wanted["title"], wanted["acceptance_criteria"])
    updated = StoryUpdated(
        project_id=story.project_id, title_was=story.title, description_was=_shortened(text.description), **changed
    )
    if not other_contract or story.contracted_hash is None:
        return (updated,)
    revised = StoryRevised(
        project_id=story.project_id, epic_id=story.epic_id, revision=story.revision + 1,
        contract_void=story.agent_status == "contracted",
    )  # fmt: skip
    return (updated, revised)


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


def checked_number(problems: Problems, text: str, *, taken: bool) -> StoryNumber:
    number = parse_story_number(text)
    if not text.strip():
        problems.add("number", BLANK)
    elif number is None:
        problems.add("number", 'must be "major" or "major.minor", each from 0 to 9999')
    elif taken:
        problems.add("number", f"story {number.text} already exists in the project; import with merge=true updates it")
    return number or StoryNumber(0, 0, "0")


def checked_story(problems: Problems, fields: StoryFields) -> dict[str, Any]:
    """Only what was said, as an event keeps it."""
    said: dict[str, Any] = {}
    if fields.title is not UNSET:
        said["title"] = problems.required("title", fields.title, LONGEST_TITLE)
    if fields.description is not UNSET:
        said["description"] = problems.optional("description", fields.description, LONGEST_DESCRIPTION)
    if fields.acceptance_criteria is not UNSET:
        said["acceptance_criteria"] = checked_criteria(problems, fields.acceptance_criteria)
    if fields.estimated_hours is not UNSET:
        said["estimated_hours"] = _checked_hours(problems, fields.estimated_hours)
    if fields.metadata is not UNSET:
        problems.optional("metadata", fields.metadata, LONGEST_JSON)
        said["metadata"] = fields.metadata
    return said


def checked_criteria(problems: Problems, items: Sequence[Any]) -> JsonText:
    if len(items) > MOST_CRITERIA:
        problems.add("acceptance_criteria", f"should have at most {MOST_CRITERIA} item(s)")
    for place, item in enumerate(items):
        if not isinstance(item, dict):
            problems.add("acceptance_criteria", must_be('a list of maps, such as {"id": "AC-1", "description": "…"}'))
        elif "verification_criterion" in item and (wrong := binding_problem(item["verification_criterion"])):
            problems.add(f"acceptance_criteria[{place}].verification_criterion", wrong)
    return JsonText(msgspec.json.encode([*map(_trimmed, items)]).decode())


def _trimmed(item: Any) -> Any:
    """As other names and titles: blanks around a text are not part of it."""
    if not isinstance(item, dict):
        return item
    texts = {name: value.strip() for name in CRITERION_TEXTS if isinstance(value := item.get(name), str)}
    return {**item, **texts}


def _trimmed_all(criteria: JsonText) -> JsonText:
    return JsonText(msgspec.json.encode([*map(_trimmed, msgspec.json.decode(criteria))]).decode())


def binding_problem(binding: Any) -> str | None:
    """What is wrong with a verification criterion (spec 01, section 2.9)."""
    if not isinstance(binding, dict):
        return "must be a map"
    members = BINDINGS.get(str(binding.get("type")))
    if members is None:
        return f"type must be one of {', '.join(BINDINGS)}"
    missing = [member for member in members if member not in binding]
    return f"needs {', '.join(missing)}" if missing else None


def criteria_hash(title: str, acceptance_criteria: JsonText) -> str:
    """SHA-256 in hexadecimal of what a contract is about."""
    return sha256(b"\n".join((title.encode(), acceptance_criteria.encode()))).hexdigest()


def criterion_id(story_id: UUID, ac_id: str) -> UUID:
    """Of an acceptance criterion: the same whenever it is made from the story."""
    return uuid5(story_id, ac_id)


def _checked_hours(problems: Problems, hours: float | str | None) -> str | None:
    if hours is None or (isinstance(hours, str) and not hours.strip()):
        return None
    try:
        number = Decimal(str(hours))
    except InvalidOperation:
        problems.add("estimated_hours", must_be(f"a number from 0 to {LARGEST_HOURS}"))
        return None
    if not number.is_finite() or number > LARGEST_HOURS:
        problems.add("estimated_hours", must_be(f"a number from 0 to {LARGEST_HOURS}"))
        return None
    if number < 0:
        problems.add("estimated_hours", "must be greater than or equal to 0")
        return None
    if isinstance(hours, str) and not HOURS.fullmatch(hours.strip()):
        problems.add("estimated_hours", must_be(f"a number from 0 to {LARGEST_HOURS}"))
        return None
    # Rounded before it is written out: 1e-999999999 is a short way to say a very long number.
    return f"{number.quantize(SMALLEST_HOURS).normalize():f}"
