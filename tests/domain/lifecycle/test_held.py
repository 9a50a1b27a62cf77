"""No unfinished story stands where nobody would look: each is in exactly one place, also when its agent is gone."""

from domain.event import Recorded, Stream
from domain.lifecycle.evolve import evolve_story
from domain.lifecycle.implementer import end_hold
from domain.lifecycle.judges import is_reviewed
from domain.story import Story
from tests.domain.lifecycle.making import ANN, BEN, LATER, STORY
from tests.domain.lifecycle.test_next_actions import states


def places(story: Story, live: bool) -> list[str]:
    """Where an unfinished story is to be found. ``live``: Ann takes work."""
    status, reported = story.agent_status, story.agent_status == "reported_done"
    holder = story.contracted_by_agent_id if status == "contracted" else story.assigned_agent_id
    asked = status == "implementing" and story.review_requested_at is not None
    judged = reported and not story.awaits_report
    found = {
        "in the queue": status == "pending",
        "held by a live agent": holder is not None and (live or holder != ANN) and not (judged or asked)
        and status != "pending",
        "awaits a report": asked or (reported and story.awaits_report and holder is None),
        "awaits a review": judged and not is_reviewed(story),
        "awaits a judgement": judged and is_reviewed(story),
        "held by nobody": status in ("contracted", "assigned", "implementing") and holder is None and not asked,
    }  # fmt: skip
    return [place for place, there in found.items() if there]


def without_ann(story: Story) -> Story:
    after: Story | None = story
    for event in end_hold(story, ANN, LATER):
        after = evolve_story(
            after, Recorded(stream=Stream("story", STORY), event=event, at=LATER, position=99, version=1, actor=())
        )
    assert after is not None
    return after


def test_every_unfinished_story_is_in_one_place_and_stays_so_when_its_agent_is_deactivated() -> None:
    """Went red while a deactivated agent kept what it had contracted, claimed or got back rejected."""
    stuck = 0
    for story in states():
        if story.verified_status == "verified":
            assert end_hold(story, ANN, LATER) == ()
            continue
        assert len(places(story, live=True)) == 1, story
        assert len(places(without_ann(story), live=False)) == 1, story
        stuck += not places(story, live=False)
        assert end_hold(story, BEN, LATER) == () or story.contracted_by_agent_id == BEN
    assert stuck, "the control: without the end of its holds, work is nowhere"
