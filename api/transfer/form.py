"""The one form of an import: what docs/import.md explains, what the JSON Schema is made from, and what any other member
of a request is measured by. Reading and refusing is domain/importing; a test holds the two together."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from domain.event import LARGEST_DATA
from domain.fields import LONGEST_DESCRIPTION, LONGEST_NAME, LONGEST_TITLE
from domain.importing.fields import AGENT_STATUSES, NOT_VERIFIED, VERIFIED
from domain.importing.payload import MOST_DEPENDENCIES, MOST_EPICS, MOST_STORIES
from domain.story_details import (
    DEFAULT_PRIORITY,
    LONGEST_ASSIGNEE,
    LONGEST_EXTERNAL_ID,
    LONGEST_LABEL,
    LONGEST_SOURCE,
    LONGEST_TIME,
    MOST_CLAIMED,
    MOST_LABELS,
    MOST_PRIORITY,
)
from domain.story_fields import BINDINGS, LARGEST_HOURS, MOST_CRITERIA

BLANK = r"[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
SHOWN = BLANK.replace("[", "[^", 1)
LARGEST = 2**31 - 1


def _shown(longest: int) -> str:
    """A text that neither begins nor ends with a blank."""
    return rf"{SHOWN}([\s\S]{{0,{longest - 2}}}{SHOWN})?"


Said = {"not": {"type": "null"}}
Agent = Literal[AGENT_STATUSES]  # type: ignore[valid-type]  # a tuple of texts is what Literal takes
Verified = Literal[(*VERIFIED, *NOT_VERIFIED)]  # type: ignore[valid-type]  # the same
Title = Annotated[
    str,
    Meta(
        pattern=f"^{BLANK}*{_shown(LONGEST_TITLE)}{BLANK}*$",
        description=f"1 to {LONGEST_TITLE} letters; blanks around them are not kept.",
    ),
]
Description = Annotated[
    str,
    Meta(
        max_length=LONGEST_DESCRIPTION,
        description=f"With the item's other texts at most {LARGEST_DATA} bytes of JSON in UTF-8.",
    ),
]
EpicNumber = (
    Annotated[int, Meta(ge=1, le=LARGEST, description="Unique in the project.")]
    | Annotated[str, Meta(pattern=rf"^{BLANK}*0*[1-9][0-9]{{0,8}}{BLANK}*$", description="The same as a text.")]
)
StoryNumber = (
    Annotated[int, Meta(ge=0, le=9999, description="As a number only without a second part.")]
    | Annotated[
        str,
        Meta(
            pattern=rf"^{BLANK}*([Uu][Ss]-)?[0-9]{{1,4}}(\.[0-9]{{1,4}})?{BLANK}*$",
            description='"major" or "major.minor", each from 0 to 9999; unique in the project. US-1.2 is 1.2.',
        ),
    ]
)
Hours = (
    Annotated[int, Meta(ge=0, le=LARGEST_HOURS)]
    | Annotated[float, Meta(ge=0, le=LARGEST_HOURS)]
    | Annotated[
        str,
        Meta(
            pattern=rf"^{BLANK}*([0-9]{{1,6}}(\.[0-9]{{1,20}})?|1000000(\.0{{1,20}})?)?{BLANK}*$",
            description="A decimal.",
        ),
    ]
)
Criterion = Annotated[
    dict[str, Any],
    Meta(
        description="What has to hold, in criterion or description; id names it. Every other member is kept.",
        extra_json_schema={
            "properties": {
                "verification_criterion": {
                    "description": "How it is checked.",
                    "anyOf": [
                        {"type": "object", "properties": {"type": {"const": kind}}, "required": ["type", *members]}
                        for kind, members in BINDINGS.items()
                    ],
                }
            }
        },
    ),
]


Label = Annotated[str, Meta(min_length=1, max_length=LONGEST_LABEL)]
Moment = Annotated[str, Meta(max_length=LONGEST_TIME, examples=["2026-03-27"])]


class Times(Struct, frozen=True, kw_only=True):
    """As its source has them, as ISO 8601 writes dates and times."""

    created_at: Moment | None = None
    started_at: Moment | None = None
    updated_at: Moment | None = None
    closed_at: Moment | None = None
    due_at: Moment | None = None


class StoryForm(Struct, frozen=True, kw_only=True):
    """A story of an epic."""

    number: StoryNumber
    title: Title
    description: Description | None = None
    acceptance_criteria: Annotated[list[Criterion], Meta(max_length=MOST_CRITERIA)] | None = None
    estimated_hours: Hours | None = None
    metadata: dict[str, Any] | None = None
    external_source: (
        Annotated[
            str,
            Meta(
                max_length=LONGEST_SOURCE,
                description="Where it is from, such as github; said together with external_id.",
            ),
        ]
        | None
    ) = None
    external_id: (
        Annotated[
            str,
            Meta(max_length=LONGEST_EXTERNAL_ID, description="Its id there; unique in the project with the source."),
        ]
        | None
    ) = None
    external_times: Times | None = None
    labels: Annotated[list[Label], Meta(max_length=MOST_LABELS)] | None = None
    priority: (
        Annotated[
            int,
            Meta(
                ge=0,
                le=MOST_PRIORITY,
                description=f"0 is the most urgent; left out in a new story it is {DEFAULT_PRIORITY}.",
            ),
        ]
        | None
    ) = None
    assignee: (
        Annotated[str, Meta(max_length=LONGEST_ASSIGNEE, description="A text; it gives the work to nobody.")] | None
    ) = None
    claimed_criteria: (
        Annotated[
            list[str],
            Meta(max_length=MOST_CLAIMED, description="Ids of criteria that somebody has ticked: claims, no checks."),
        ]
        | None
    ) = None
    parent: Annotated[StoryNumber, Meta(description="Number of the story that it is a part of.")] | None = None
    initial_agent_status: Agent | None = None
    initial_verified_status: Verified | None = None
    agent_status: Annotated[Agent, Meta(description="As initial_agent_status, unless that is said.")] | None = None
    verified_status: (
        Annotated[Verified, Meta(description="As initial_verified_status, unless that is said.")] | None
    ) = None
    assigned_agent_id: Annotated[Any, Meta(description="Of an export, as the next five; no import sets them.")] = None
    assigned_at: Any = None
    reported_done_at: Any = None
    verified_at: Any = None
    rejected_at: Any = None
    rejection_reason: Any = None


class EpicForm(Struct, frozen=True, kw_only=True):
    number: EpicNumber
    title: Title
    description: Description | None = None
    phase: Annotated[str, Meta(pattern=f"^{BLANK}*({_shown(LONGEST_NAME)})?{BLANK}*$")] | None = None
    position: Annotated[int, Meta(ge=0, le=LARGEST, description="Left out: its index in the list.")] | None = None
    metadata: dict[str, Any] | None = None
    stories: Annotated[list[StoryForm], Meta(max_length=MOST_STORIES)] | None = None


def _once(*names: str) -> dict[str, Any]:
    """Exactly one of two names of the same member is said."""
    return {"oneOf": [{"required": [name], "properties": {name: Said}} for name in names]}


class StoryDependency(Struct, frozen=True, kw_only=True):
    """The story waits for depends_on. Each has a second name; only one of the two is said."""

    story: int | str | None = None
    story_number: int | str | None = None
    depends_on: int | str | None = None
    depends_on_story: int | str | None = None


class EpicDependency(Struct, frozen=True, kw_only=True):
    """Every story of the epic waits for every story of depends_on. Each has a second name; only one is said."""

    epic: int | None = None
    epic_number: int | None = None
    depends_on: int | None = None
    depends_on_epic: int | None = None


class ProjectForm(Struct, frozen=True, kw_only=True):
    """Of an export, and never imported: where it differs, the answer says so in not_imported."""

    name: Any = None
    slug: Any = None
    description: Any = None
    repo_url: Any = None
    tech_stack: Any = None
    status: Any = None
    mission: Any = None
    metadata: Any = None


StoryWaits = Annotated[
    StoryDependency,
    Meta(extra_json_schema={"allOf": [_once("story", "story_number"), _once("depends_on", "depends_on_story")]}),
]
EpicWaits = Annotated[
    EpicDependency,
    Meta(extra_json_schema={"allOf": [_once("epic", "epic_number"), _once("depends_on", "depends_on_epic")]}),
]
YesNo = bool | Literal["true", "false"]


class ImportForm(Struct, frozen=True, kw_only=True):
    """Epics with their stories, and what waits for what, all by number. An export is one."""

    epics: Annotated[list[EpicForm], Meta(max_length=MOST_EPICS)] | None = None
    story_dependencies: Annotated[list[StoryWaits], Meta(max_length=MOST_DEPENDENCIES)] | None = None
    epic_dependencies: Annotated[list[EpicWaits], Meta(max_length=MOST_DEPENDENCIES)] | None = None
    project: ProjectForm | None = None
    export_metadata: Annotated[Any, Meta(description="Of an export; its position is what if_position takes.")] = None
    merge: Annotated[YesNo, Meta(description="The same as the query parameter.")] | None = None
    dry_run: Annotated[YesNo, Meta(description="The same as the query parameter.")] | None = None
    if_position: Annotated[int, Meta(ge=0, description="The same as the query parameter.")] | None = None


def import_schema() -> dict[str, Any]:
    """JSON Schema of 2020-12. What no schema can say is in docs/import.md: numbers are unique, dependencies name what
    is there, and nothing waits for itself."""
    _, parts = msgspec.json.schema_components([ImportForm], ref_template="#/$defs/{name}")
    whole = dict(parts)
    top = whole.pop(ImportForm.__name__)
    some = [
        {"required": [name], "properties": {name: {"type": "array", "minItems": 1}}}
        for name in ("epics", "story_dependencies", "epic_dependencies")
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:loopctl:import:1",
        **top,
        "title": "A loopctl import",
        "anyOf": some,
        "$defs": whole,
    }
