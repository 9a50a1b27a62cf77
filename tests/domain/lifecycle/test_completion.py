"""An epic is complete when the last of its stories is confirmed; that is said once."""

from typing import Any
from uuid import UUID

import pytest
from msgspec import structs

from domain.epic import EpicCompleted
from domain.event import Stream
from domain.lifecycle.completion import EpicStanding, completes, evolve_standing
from domain.lifecycle.events import StoryStarted
from domain.story import StoryImported
from tests.domain.lifecycle.making import ANN, EPIC, PLACE, PROJECT, recorded
from tests.domain.lifecycle.test_prerequisites import confirming, created, rejected

STARTED = StoryStarted(**PLACE, agent_status_was="assigned", agent_id=ANN)
COMPLETED = EpicCompleted(project_id=PROJECT, number=3, title="E", story_count=4)


def standing(unverified: int = 1, *, stories: int = 4, completed: bool = False) -> EpicStanding:
    return EpicStanding(
        epic_id=EPIC, project_id=PROJECT, number=3, title="E", stories=stories, unverified=unverified,
        completed=completed,
    )  # fmt: skip


@pytest.mark.parametrize("event", confirming("unverified") + confirming("rejected"))
def test_the_last_story_completes_its_epic(event: Any) -> None:
    assert completes(standing(1), (event,)) == (COMPLETED,)
    assert completes(standing(1), (STARTED, event)) == (COMPLETED,)


@pytest.mark.parametrize("unverified", [0, 2, 5])
def test_before_the_last_one_and_after_it_nothing_is_said(unverified: int) -> None:
    assert completes(standing(unverified), (confirming("unverified")[0],)) == ()


def test_it_is_said_once() -> None:
    assert completes(standing(1, completed=True), (confirming("unverified")[0],)) == ()


def test_where_there_is_no_epic_nothing_is_said() -> None:
    assert completes(None, (confirming("unverified")[0],)) == ()


@pytest.mark.parametrize("event", [STARTED, rejected("verified"), *confirming("verified")])
def test_what_confirms_no_story_completes_no_epic(event: Any) -> None:
    assert completes(standing(1), (event,)) == ()
    assert completes(standing(1), ()) == ()


@pytest.mark.parametrize("event", confirming("unverified") + confirming("rejected"))
def test_a_confirmed_story_is_one_less(event: Any) -> None:
    assert evolve_standing(standing(2), recorded(event)) == standing(1)


@pytest.mark.parametrize("event", [STARTED, rejected("unverified"), rejected("rejected"), *confirming("verified")])
def test_what_changes_no_confirmation_changes_no_count(event: Any) -> None:
    assert evolve_standing(standing(2), recorded(event)) == standing(2)


def test_a_confirmation_that_is_taken_back_is_one_more() -> None:
    assert evolve_standing(standing(2), recorded(rejected("verified"))) == standing(3)


def test_a_new_story_counts_and_waits_unless_it_comes_in_verified() -> None:
    assert evolve_standing(standing(2), recorded(created())) == standing(3, stories=5)
    assert evolve_standing(standing(2), recorded(created(StoryImported))) == standing(3, stories=5)
    done = created(StoryImported, verified_status="verified")
    assert evolve_standing(standing(2), recorded(done)) == standing(2, stories=5)


def test_an_epic_knows_its_own_completion_by_its_stream() -> None:
    assert evolve_standing(standing(2), recorded(COMPLETED, Stream("epic", EPIC))) == standing(2, completed=True)
    assert evolve_standing(standing(2), recorded(COMPLETED, Stream("epic", UUID(int=9)))) == standing(2)


def test_events_of_other_epics_change_nothing() -> None:
    elsewhere = structs.replace(confirming("unverified")[0], epic_id=UUID(int=9))
    assert evolve_standing(standing(2), recorded(elsewhere)) == standing(2)
    assert evolve_standing(None, recorded(elsewhere)) is None
