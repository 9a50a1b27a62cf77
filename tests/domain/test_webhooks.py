"""What is sent of each event, and which of the promised types still have none."""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.event import Event, JsonText, Recorded, Stream
from domain.lifecycle.events import StoryMarkedComplete, StoryRejected
from domain.project import ProjectMerged
from domain.webhook import EVENT_TYPES, TEST, WebhookTested
from domain.webhook_examples import EXAMPLES
from domain.webhook_payload import LARGEST_BODY, body_of, delivery_id, payload_of, position_of
from domain.webhook_sent import SENT
from tests.api.logs import NOON
from tests.golden.samples import sample

WEBHOOK = UUID("0193a2b4-0000-7000-8000-000000000061")
SILENT: set[str] = set()


def recorded(event: Any, position: int = 7) -> Recorded:
    stream = Stream(event.stream_kind(), UUID(int=9))
    return Recorded(position, stream, 0, NOON, ("api_key:0193a2b4-0000-7000-8000-000000000062", "user:k"), event)


def test_all_types_are_listed_and_those_without_an_event_are_known() -> None:
    """Goes red when a capability brings an event, and when it is forgotten here."""
    assert len(EVENT_TYPES) == len(set(EVENT_TYPES)) == 27
    assert set(EVENT_TYPES) - {sent.type for sent in SENT.values()} - {TEST} == SILENT


def test_nothing_is_sent_whose_text_can_be_erased() -> None:
    """A receiver keeps what it was sent, and so does the row of the delivery."""
    assert not any(kind.ERASABLE.keys() & {*sent.members.values()} for kind, sent in SENT.items())


@pytest.mark.parametrize("kind", SENT, ids=lambda kind: kind.TAG)
def test_what_is_sent_has_the_members_of_its_example(kind: type[Event]) -> None:
    sent, example = set(payload_of(recorded(sample(kind, "most")))), set(EXAMPLES[SENT[kind].type])
    if kind is ProjectMerged:
        assert sent == {"project_id", "merge", "epics_created", "stories_created", "stories_updated"}
    else:
        assert sent == example | ({"review_type"} if kind is StoryMarkedComplete else set())


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_type_can_be_tried_out(name: str) -> None:
    body = msgspec.json.decode(body_of(WEBHOOK, recorded(WebhookTested(event_type=name))))
    assert (body["event"], body["data"]["event"], body["position"]) == (name, name, 7)
    assert {"id", "timestamp", "data"} <= body.keys()
    if name != TEST:
        assert body["test"] is True
        own = {key: value for key, value in EXAMPLES[name].items() if key not in ("id", "data")}
        assert {key: body[key] for key in own} == own


def test_the_same_event_makes_the_same_bytes() -> None:
    event = recorded(sample(StoryRejected, "most"))
    assert body_of(WEBHOOK, event) == body_of(WEBHOOK, event)


@pytest.mark.parametrize(
    ("findings", "reason", "left"),
    [
        (30_000, 10, {"findings", "reason"}),
        (40_000, 10, {"reason"}),
        (10, 40_000, set()),
    ],
)  # fmt: skip
def test_a_body_that_would_be_too_large_loses_its_long_members_and_then_all_but_ids(
    findings: int, reason: int, left: set[str]
) -> None:
    event = msgspec.structs.replace(
        sample(StoryRejected, "most"), findings=JsonText('{"a":"' + "a" * findings + '"}'), reason="r" * reason
    )
    body = body_of(WEBHOOK, recorded(event))
    assert len(body) <= LARGEST_BODY
    said = msgspec.json.decode(body)
    assert {"findings", "reason"} & said.keys() == left
    assert said.get("truncated", False) is ("findings" not in left)
    assert said["story_id"] == str(UUID(int=9))
    if not left:
        assert said["links"]["entry"].startswith("/api/v1/changes?after=6")


def test_a_delivery_is_found_by_its_id_and_another_webhook_s_is_not() -> None:
    made = delivery_id(WEBHOOK, 123_456)
    assert (position_of(WEBHOOK, made), made.version) == (123_456, 7)
    assert position_of(UUID("0193a2b4-0000-7000-8000-100000000061"), made) != 123_456
    assert position_of(UUID("0293a2b4-0000-7000-8000-000000000061"), made) is None
