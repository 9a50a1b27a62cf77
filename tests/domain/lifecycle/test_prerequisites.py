"""What a story waits for, and how events of others change it."""

from typing import Any
from uuid import UUID

import pytest

from domain.event import JsonText, Stream
from domain.lifecycle.events import StoryBackfilled, StoryContracted, StoryMarkedComplete, StoryRejected, StoryVerified
from domain.lifecycle.prerequisites import Before, EpicBefore, Prerequisites, evolve_prerequisites
from domain.story import StoryCreated, StoryImported
from tests.domain.lifecycle.making import ANN, EPIC, NOTHING, PLACE, PROJECT, STORY, recorded

OTHER_EPIC = UUID(int=99)
JUDGED: dict[str, Any] = {
    **PLACE, "agent_status_was": "reported_done", "orchestrator_agent_id": ANN, "verification_id": ANN, "iteration": 1,
}  # fmt: skip


def confirming(was: str) -> list[Any]:
    status: Any = was
    place: Any = PLACE
    return [
        StoryVerified(**JUDGED, verified_status_was=status, result="pass", summary="s"),
        StoryMarkedComplete(**JUDGED, verified_status_was=status, summary="s"),
        StoryBackfilled(**place, agent_status_was="pending", verified_status_was=status, reason="r"),
    ]


def rejected(was: Any) -> StoryRejected:
    return StoryRejected(**JUDGED, verified_status_was=was, reason="r")


def known(verified: bool, unverified: int) -> Prerequisites:
    return Prerequisites(stories={STORY: Before("1.1", verified)}, epics={EPIC: EpicBefore(3, unverified)})


def test_what_is_missing_is_named_in_order() -> None:
    stories = {UUID(int=each): Before(f"1.{each}", each == 2) for each in (3, 2, 1)}
    epics = {UUID(int=each): EpicBefore(each, each - 4) for each in (6, 5, 4)}
    assert Prerequisites(stories=stories, epics=epics).missing == ["story 1.1", "story 1.3", "epic 5", "epic 6"]


def test_nothing_is_missing_where_there_is_nothing() -> None:
    assert Prerequisites().missing == []


@pytest.mark.parametrize("event", confirming("unverified") + confirming("rejected"))
def test_a_story_that_is_confirmed_is_no_longer_waited_for(event: Any) -> None:
    assert evolve_prerequisites(known(False, 2), recorded(event)) == known(True, 1)


@pytest.mark.parametrize("event", confirming("verified"))
def test_what_is_confirmed_once_more_counts_once(event: Any) -> None:
    assert evolve_prerequisites(known(False, 2), recorded(event)) == known(False, 2)


def test_a_story_that_is_rejected_after_it_was_confirmed_is_waited_for_again() -> None:
    assert evolve_prerequisites(known(True, 1), recorded(rejected("verified"))) == known(False, 2)
    assert evolve_prerequisites(known(False, 2), recorded(rejected("unverified"))) == known(False, 2)


def test_a_story_of_the_same_epic_counts_for_the_epic_alone() -> None:
    elsewhere = recorded(confirming("unverified")[0], Stream("story", UUID(int=77)))
    assert evolve_prerequisites(known(False, 2), elsewhere) == known(False, 1)


def test_stories_beside_are_left_as_they_are() -> None:
    beside = {UUID(int=77): Before("1.7", False)}
    both = Prerequisites(stories={STORY: Before("1.1", False), **beside}, epics={OTHER_EPIC: EpicBefore(4, 5)})
    after = evolve_prerequisites(both, recorded(confirming("unverified")[0]))
    assert after == Prerequisites(
        stories={STORY: Before("1.1", True), **beside}, epics={OTHER_EPIC: EpicBefore(4, 5)}
    )  # fmt: skip


def test_epics_beside_are_left_as_they_are() -> None:
    both = Prerequisites(epics={EPIC: EpicBefore(3, 2), OTHER_EPIC: EpicBefore(4, 5)})
    after = evolve_prerequisites(both, recorded(confirming("unverified")[0]))
    assert after == Prerequisites(epics={EPIC: EpicBefore(3, 1), OTHER_EPIC: EpicBefore(4, 5)})


def created(kind: Any = StoryCreated, **more: Any) -> Any:
    return kind(**PLACE, number="1.9", title="t", acceptance_criteria=JsonText("[]"), metadata=NOTHING, **more)


def test_a_new_story_of_the_epic_is_waited_for_unless_it_comes_in_verified() -> None:
    assert evolve_prerequisites(known(False, 2), recorded(created())) == known(False, 3)
    assert evolve_prerequisites(known(False, 2), recorded(created(StoryImported))) == known(False, 3)
    done = created(StoryImported, verified_status="verified")
    assert evolve_prerequisites(known(False, 2), recorded(done)) == known(False, 2)


def test_other_events_change_nothing() -> None:
    event = StoryContracted(
        project_id=PROJECT, epic_id=EPIC, agent_status_was="pending", agent_id=ANN, contract_hash="c"
    )
    assert evolve_prerequisites(known(False, 2), recorded(event)) == known(False, 2)
