"""The one translation from events to audit entries: total, pure, and in the vocabulary of spec 01, appendix B."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.audit_entry import actor_of, audit_entry, states_of, subject_of
from domain.audit_shapes import AUDIT_SHAPES, FREE_FORM
from domain.event import Event, Recorded, Stream
from domain.events import EVENTS
from domain.lifecycle.events import StoryReported, StoryUnclaimed
from domain.project import ProjectUpdated
from tests.golden.samples import sample

NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)
TENANT, KEY, AGENT, STORY = (UUID(int=number) for number in (1, 2, 3, 4))


def recorded(event: Event, actor: tuple[str, ...] = ("api_key:" + str(KEY), "agent:ann")) -> Recorded:
    return Recorded(7, Stream(event.stream_kind(), STORY), 0, NOON, actor, event)


def filled(kind: type[Event], size: Any) -> Event:
    """A sample whose free-form fields hold JSON, as those of clients do."""
    event = sample(kind, size)
    texts = [name for name in FREE_FORM & set(kind.__struct_fields__) if isinstance(getattr(event, name), str)]
    return msgspec.structs.replace(event, **dict.fromkeys(texts, '{"a":0.5}'))


def test_every_event_type_has_an_entry_and_no_other_has() -> None:
    """Went red when a line of AUDIT_SHAPES was taken out."""
    assert {kind.TAG for kind in AUDIT_SHAPES} == {kind.TAG for kind in EVENTS}


@pytest.mark.parametrize("size", ["least", "most"])
@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.TAG)
def test_an_event_of_any_type_becomes_an_entry_that_json_can_hold(kind: type[Event], size: Any) -> None:
    entry = audit_entry(TENANT, recorded(filled(kind, size)))
    shown = msgspec.json.decode(msgspec.json.encode(entry))
    assert shown["inserted_at"] == "2026-03-27T12:00:00.000000Z"
    assert all(isinstance(shown[name], dict) or shown[name] is None for name in ("old_state", "metadata"))


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.TAG)
def test_no_entry_names_a_field_that_its_event_has_not(kind: type[Event]) -> None:
    shape = AUDIT_SHAPES[kind]
    named = {*(shape.old or {}).values(), *(shape.new or {}).values(), *shape.more.values()} - {"@id", "@at"}
    assert named <= set(kind.__struct_fields__)


@pytest.mark.parametrize("kind", [kind for kind in EVENTS if "project_id" in kind.__struct_fields__])
def test_an_entry_of_something_in_a_project_names_the_project(kind: type[Event]) -> None:
    event = sample(kind, "most")
    assert subject_of(recorded(event)).project_id == event.project_id  # type: ignore[attr-defined]  # those that have it


def test_the_same_event_has_the_same_id_and_another_tenants_has_another() -> None:
    event = recorded(sample(StoryReported, "most"))
    assert audit_entry(TENANT, event) == audit_entry(TENANT, event)
    assert audit_entry(TENANT, event).id != audit_entry(KEY, event).id


def test_a_report_shows_the_status_before_and_after_and_who_reported() -> None:
    event = StoryReported(
        project_id=KEY, epic_id=KEY, agent_status_was="implementing", agent_id=AGENT, assigned_agent_id=KEY
    )
    states = states_of(recorded(event))
    assert states.old == {"agent_status": "implementing"}
    assert states.new == {
        "agent_status": "reported_done",
        "agent_id": AGENT,
        "reported_done_at": "2026-03-27T12:00:00.000000Z",
    }


def test_an_unclaim_shows_whose_the_story_was() -> None:
    event = StoryUnclaimed(
        project_id=KEY, epic_id=KEY, agent_status_was="assigned", agent_id=AGENT, assigned_agent_id_was=AGENT
    )
    assert states_of(recorded(event)).old == {"agent_status": "assigned", "assigned_agent_id": AGENT}


def test_a_change_shows_only_what_changed() -> None:
    states = states_of(recorded(ProjectUpdated(name_was="a", status_was="active", name="b")))
    assert (states.old, states.new) == ({"name": "a"}, {"name": "b"})


@pytest.mark.parametrize(
    ("actor", "expected"),
    [
        ((f"api_key:{KEY}", "agent:ann"), ("api_key", KEY, "agent:ann", {})),
        ((f"api_key:{KEY}", "agent:ann", "d1", "d2"), ("api_key", KEY, "agent:ann", {"lineage": ["d1", "d2"]})),
        ((f"superadmin_key:{KEY}", "superadmin:root"), ("superadmin", KEY, "superadmin:root", {})),
        (("operator",), ("human", None, "operator", {})),
        (("system:leases",), ("system", None, "system:leases", {})),
    ],
)
def test_the_actor_is_read_from_the_entry(actor: tuple[str, ...], expected: Any) -> None:
    found = actor_of(recorded(sample(StoryReported, "most"), actor))
    assert (found.type, found.id, found.label, found.metadata) == expected


@pytest.mark.parametrize(("taken", "shown"), [("superadmin", None), ("orchestrator", "orchestrator")])
def test_an_impersonator_is_named_with_the_role_that_it_took(taken: str, shown: str | None) -> None:
    actor = (f"superadmin_key:{KEY}", "superadmin:impersonating:acme", f"effective_role:{taken}")
    entry = audit_entry(TENANT, recorded(sample(StoryReported, "most"), actor))
    assert (entry.actor.type, entry.actor.label) == ("superadmin", "superadmin:impersonating:acme")
    said = {name: entry.metadata[name] for name in ("impersonated_by", "impersonated_at", "effective_role")}
    assert said == {
        "impersonated_by": str(KEY),
        "impersonated_at": "2026-03-27T12:00:00.000000Z",
        "effective_role": shown,
    }
