"""What a client may say of a story gets everywhere: into events, state and answers, into an export and in again.

No database and no HTTP. A new member of StoryFields stands in SAID, and is then missed wherever it is forgotten.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, structs

from api.stories.examples import STORY
from api.stories.schemas import UpdateStoryBody, story_body
from api.transfer.schemas import exported_story
from domain.audit_shapes import AUDIT_SHAPES
from domain.event import Event, JsonText, Recorded, Stream
from domain.importing.fields import story_fields
from domain.importing.findings import Findings
from domain.importing.payload import StoryItem
from domain.lifecycle.evolve import evolve_story, evolve_text
from domain.story import Place, Story, StoryText, StoryUpdated, create_story, update_story
from domain.story_details import Ties
from domain.story_fields import StoryFields
from loopctl.cli.story_items import StoryFile, story_item

ID, PARENT = UUID(int=1), UUID(int=9)
TIES = Ties(parent=(PARENT, "1.9"), above=(PARENT,))
NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)
SAID: Mapping[str, Any] = {
    "title": "Login", "description": "Long", "acceptance_criteria": [{"criterion": "works"}], "estimated_hours": 2.5,
    "metadata": {"a": 1}, "external_source": "github", "external_id": "#12",
    "external_times": {"created_at": "2026-03-27"}, "labels": ["auth"], "priority": 1, "assignee": "ann",
    "claimed_criteria": ["AC-1"], "parent": "1.9", "parent_id": str(PARENT),
}  # fmt: skip
KEPT = {
    name: JsonText(msgspec.json.encode(value).decode()) if isinstance(value, list | dict) else value
    for name, value in SAID.items()
} | {"estimated_hours": "2.5", "labels": ("auth",), "claimed_criteria": ("AC-1",), "parent_id": PARENT}
FIELDS = StoryFields(**{**SAID, "metadata": KEPT["metadata"]})
Both = tuple[Story | None, StoryText | None]


def after(event: Event, before: Both = (None, None)) -> tuple[Story, StoryText]:
    recorded = Recorded(7, Stream("story", ID), 1, NOON, ("test",), event)
    story, text = evolve_story(before[0], recorded), evolve_text(before[1], recorded)
    assert story is not None
    assert text is not None
    return story, text


def made(fields: StoryFields) -> tuple[Story, StoryText]:
    return after(create_story(Place(project_id=ID, epic_id=ID, number="1.1", number_taken=False, ties=TIES), fields))


def kept(story: Story, text: StoryText) -> dict[str, Any]:
    both = {**structs.asdict(story), **structs.asdict(text)}
    return {name: both[name] for name in SAID}


def test_every_member_that_a_client_may_say_is_said_here() -> None:
    assert set(SAID) == set(StoryFields.__struct_fields__)


def test_a_body_an_import_and_a_file_of_a_story_say_every_member() -> None:
    """Went red when estimated_hours was taken out of UpdateStoryBody.fields, of story_fields and of story_item."""
    assert msgspec.convert(SAID, UpdateStoryBody).fields() == FIELDS
    # Ids are of one tenant: a file of stories names the parent by its number.
    by_number = {name: value for name, value in SAID.items() if name != "parent_id"}
    assert story_fields(Findings(), StoryItem("", "1.1", SAID)) == structs.replace(FIELDS, parent_id=UNSET)
    assert story_item(StoryFile(place="f", said=by_number), "1.1") == {"number": "1.1", **by_number}


def test_a_story_is_made_and_changed_with_every_member() -> None:
    """Went red when estimated_hours was taken out of create_story, _created, checked_story and _updated."""
    assert kept(*made(FIELDS)) == KEPT
    bare = made(StoryFields(title="Bare"))
    (updated,) = update_story(*bare, FIELDS, TIES)
    changed = after(updated, bare)
    assert kept(*changed) == KEPT
    assert update_story(*changed, FIELDS, TIES) == ()


def test_an_answer_an_export_and_the_audit_trail_show_every_member() -> None:
    """Went red when estimated_hours was taken out of story_body, of the export and of AUDIT_SHAPES, and when it was
    taken out of the example."""
    story, text = made(FIELDS)
    assert set(SAID) - set(story_body(ID, story, text)) == set()
    assert set(story_body(ID, story, text)) == set(STORY)
    assert set(SAID) - set(exported_story(story, text)) == {"parent_id"}
    assert set(SAID) - set(AUDIT_SHAPES[StoryUpdated].new or {}) == set()
