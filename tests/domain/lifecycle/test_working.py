"""The implementer's side, one transition after the other: what is recorded, and how it is refused."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from domain.errors import Conflict, Forbidden, Invalid
from domain.lifecycle import implementer as working
from domain.lifecycle.events import (
    LeaseExpired,
    LeaseRenewed,
    ReviewRequested,
    StoryClaimed,
    StoryContracted,
    StoryForceUnclaimed,
    StoryStarted,
    StoryUnclaimed,
)
from domain.lifecycle.implementer import Echo, Hold
from domain.lifecycle.prerequisites import Before, EpicBefore, Prerequisites
from tests.domain.lifecycle.making import (
    ANN,
    ANNS_KEY,
    BEN,
    BENS_KEY,
    EPIC,
    LATER,
    LEA,
    LEAS_KEY,
    NOON,
    OTHER_KEY,
    PROJECT,
    STORY,
    ann,
    ben,
    lea,
    refused,
    story,
    who,
    worked,
)

ECHO = Echo(title="T", ac_count=2)
FREE = Prerequisites()
CLAIMED: dict[str, Any] = {"agent_status": "assigned"}


def place(status: Any) -> Any:
    return {"project_id": PROJECT, "epic_id": EPIC, "agent_status_was": status}


def test_a_contract_says_who_and_about_what() -> None:
    assert working.contract(story(), ann, ECHO) == (
        StoryContracted(**place("pending"), agent_id=ANN, contract_hash="c", echo_skipped=False),
    )
    rejected = story(verified_status="rejected", touched=True)
    assert working.contract(rejected, ann, ECHO)[0].TAG == "story.contracted"


def test_a_contract_without_the_right_title_is_refused() -> None:
    for title in ("t", "T T", "", None):
        given = Echo(title=title, ac_count=2)
        error = refused(partial(working.contract, story(), ann, given), "title_mismatch", Invalid)
        assert set(error.facts["details"]) == {"story_title"}


@pytest.mark.parametrize(("given", "said"), [(3, "got 3"), (None, "got nothing"), (0, "got 0")])
def test_a_contract_without_the_right_count_says_both(given: Any, said: str) -> None:
    error = refused(
        lambda: working.contract(story(), ann, Echo(title="T", ac_count=given)), "contract_mismatch", Invalid
    )
    assert error.message == f"expected ac_count 2, {said}"
    assert error.facts == {"context": {"expected_ac_count": 2, "provided_ac_count": given}}


def test_only_an_orchestrator_may_leave_the_echo_out() -> None:
    skipped = Echo(title=None, ac_count=None, skip=True)
    assert working.contract(story(), lea, skipped) == (
        StoryContracted(**place("pending"), agent_id=LEA, contract_hash="c", echo_skipped=True),
    )
    assert refused(lambda: working.contract(story(), ann, skipped), "insufficient_role", Forbidden)
    assert refused(
        lambda: working.contract(story(), who(ANN, OTHER_KEY, "user"), skipped), "insufficient_role", Forbidden
    )


def test_an_orchestrator_that_does_not_leave_the_echo_out_is_held_to_it() -> None:
    assert refused(lambda: working.contract(story(), lea, Echo(title="t", ac_count=2)), "title_mismatch")


def test_the_state_comes_before_the_echo() -> None:
    assert refused(lambda: working.contract(worked(), ann, Echo(title="?", ac_count=9)), "invalid_transition", Conflict)


def test_a_claim_says_who_under_which_dispatches_and_after_whose_contract() -> None:
    contracted = story(agent_status="contracted", contracted_by_agent_id=LEA)
    assert working.claim(contracted, ann, FREE, Hold(), NOON) == (
        StoryClaimed(
            **place("contracted"), agent_id=ANN, contracted_by_agent_id=LEA, dispatch_id=None, lineage=(ANNS_KEY,),
            lease_expires_at=None,
        ),
    )  # fmt: skip
    dispatched = who(ANN, ANNS_KEY, "agent", LEAS_KEY, BENS_KEY)
    (event,) = working.claim(contracted, dispatched, FREE, Hold(lease_seconds=60), NOON)
    assert event == StoryClaimed(
        **place("contracted"), agent_id=ANN, contracted_by_agent_id=LEA, dispatch_id=BENS_KEY,
        lineage=(LEAS_KEY, BENS_KEY), lease_expires_at=NOON + timedelta(seconds=60),
    )  # fmt: skip


@pytest.mark.parametrize("seconds", [-1, 0, 9, 86_401])
def test_a_lease_has_bounds(seconds: int) -> None:
    contracted = story(agent_status="contracted")
    error = refused(
        lambda: working.claim(contracted, ann, FREE, Hold(lease_seconds=seconds), NOON), "validation_failed", Invalid
    )
    assert error.facts["details"] == {"lease_seconds": ["must be between 10 and 86400"]}


@pytest.mark.parametrize("seconds", [10, 86_400])
def test_the_bounds_of_a_lease_are_leases(seconds: int) -> None:
    (event,) = working.claim(story(agent_status="contracted"), ann, FREE, Hold(lease_seconds=seconds), NOON)
    assert isinstance(event, StoryClaimed)
    assert event.lease_expires_at == NOON + timedelta(seconds=seconds)


def test_what_a_story_waits_for_is_named() -> None:
    waits = Prerequisites(stories={STORY: Before("1.2", False)}, epics={EPIC: EpicBefore(3, 1)})
    error = refused(
        lambda: working.claim(story(agent_status="contracted"), ann, waits, Hold(), NOON),
        "dependencies_not_met",
        Conflict,
    )
    assert "story 1.2, epic 3" in error.facts["hints"][0]


def test_the_state_comes_before_what_a_story_waits_for() -> None:
    waits = Prerequisites(epics={EPIC: EpicBefore(3, 1)})
    error = refused(lambda: working.claim(story(), ann, waits, Hold(), NOON), "must_contract_first", Conflict)
    assert error.facts["hints"] == ["Call contract first."]
    assert refused(lambda: working.claim(worked(), ann, waits, Hold(), NOON), "invalid_transition", Conflict)


HELD = [
    (working.start, "assigned", StoryStarted(**place("assigned"), agent_id=ANN)),
    (working.request_review, "implementing", ReviewRequested(**place("implementing"), agent_id=ANN, repeated=False)),
    (
        working.renew_lease, "implementing",
        LeaseRenewed(**place("implementing"), agent_id=ANN, lease_expires_at=NOON + timedelta(seconds=60)),
    ),
    (
        working.renew_lease, "assigned",
        LeaseRenewed(**place("assigned"), agent_id=ANN, lease_expires_at=NOON + timedelta(seconds=60)),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("step", "status", "event"), HELD)
def test_the_holder_goes_on(step: Any, status: Any, event: Any) -> None:
    held = worked(agent_status=status)
    assert step(held, ann, Hold(lease_seconds=60), NOON) == (event,)
    assert step(held, ann, Hold(lease_seconds=60, fencing_token=7), NOON) == (event,)


@pytest.mark.parametrize(("step", "status", "_"), HELD)
def test_nobody_else_goes_on(step: Any, status: Any, _: Any) -> None:
    error = refused(lambda: step(worked(agent_status=status), ben, Hold(), NOON), "not_assigned_agent", Forbidden)
    assert error.facts["current_state"] == status
    assert error.facts["attempted_action"] in ("start", "request-review", "heartbeat")


ACTION = {working.start: "start", working.request_review: "request-review", working.renew_lease: "heartbeat"}


@pytest.mark.parametrize(("step", "status", "_"), HELD)
def test_an_older_claim_of_the_same_agent_no_longer_holds(step: Any, status: Any, _: Any) -> None:
    held = worked(agent_status=status)
    for caller in (ann, ben):
        error = refused(partial(step, held, caller, Hold(fencing_token=6), NOON), "lease_lost", Conflict)
        assert error.facts["attempted_action"] == ACTION[step]
        assert str(ANN) in error.facts["hints"][0]


@pytest.mark.parametrize(("step", "status", "_"), HELD)
def test_a_lease_holds_until_its_end(step: Any, status: Any, _: Any) -> None:
    held = worked(agent_status=status, lease_expires_at=LATER)
    assert step(held, ann, Hold(lease_seconds=60), LATER - timedelta(microseconds=1))
    for late in (LATER, LATER + timedelta(seconds=1)):
        error = refused(partial(step, held, ann, Hold(), late), "lease_lost", Conflict)
        assert error.facts["attempted_action"] == ACTION[step]


def test_a_start_says_what_comes_before() -> None:
    for status, code, hint in (
        ("pending", "must_contract_first", "Call contract first."),
        ("contracted", "must_claim_first", "Call claim first."),
    ):
        error = refused(partial(working.start, story(agent_status=status), ann, Hold(), NOON), code, Conflict)
        assert error.facts["hints"] == [hint]
        assert error.facts["attempted_action"] == "start"


def test_a_review_that_is_asked_for_again_says_so() -> None:
    (event,) = working.request_review(worked(review_requested_at=NOON), ann, Hold(), NOON)
    assert event == ReviewRequested(**place("implementing"), agent_id=ANN, repeated=True)


def test_a_heartbeat_without_seconds_renews_a_lease_shortly() -> None:
    (event,) = working.renew_lease(worked(lease_expires_at=LATER), ann, Hold(), NOON)
    assert isinstance(event, LeaseRenewed)
    assert event.lease_expires_at == NOON + timedelta(seconds=10)


@pytest.mark.parametrize("held", [worked(), worked(lease_expires_at=LATER)])
def test_a_heartbeat_of_no_seconds_is_out_of_bounds(held: Any) -> None:
    assert refused(partial(working.renew_lease, held, ann, Hold(lease_seconds=0), NOON), "validation_failed", Invalid)


def test_a_heartbeat_of_a_claim_without_limit_must_say_one() -> None:
    error = refused(lambda: working.renew_lease(worked(), ann, Hold(), NOON), "validation_failed", Invalid)
    assert error.facts["details"] == {"lease_seconds": ["can't be blank"]}


@pytest.mark.parametrize("status", ["assigned", "implementing"])
def test_a_lease_that_is_over_ends_the_claim(status: Any) -> None:
    held = worked(agent_status=status, lease_expires_at=NOON)
    ended = LeaseExpired(**place(status), assigned_agent_id_was=ANN, lease_expires_at=NOON)
    assert working.expire_lease(held, NOON) == (ended,)
    assert working.expire_lease(held, LATER) == (ended,)


@pytest.mark.parametrize(
    "changes",
    [
        {"lease_expires_at": None},
        {"lease_expires_at": LATER},
        {"lease_expires_at": NOON, "agent_status": "reported_done"},
        {"lease_expires_at": NOON, "agent_status": "pending"},
        {"lease_expires_at": NOON, "agent_status": "contracted"},
    ],
)
def test_nothing_ends_before_its_time_or_after_the_report(changes: dict[str, Any]) -> None:
    assert working.expire_lease(worked(**changes), NOON) == ()


@pytest.mark.parametrize("status", ["assigned", "implementing", "reported_done"])
def test_the_holder_gives_a_story_back(status: Any) -> None:
    assert working.unclaim(worked(agent_status=status), ann) == (
        StoryUnclaimed(**place(status), agent_id=ANN, assigned_agent_id_was=ANN),
    )
    assert refused(lambda: working.unclaim(worked(agent_status=status), ben), "not_assigned_agent", Forbidden)


def test_who_has_contracted_gives_a_story_back_before_it_is_claimed() -> None:
    contracted = story(agent_status="contracted", contracted_by_agent_id=BEN)
    assert working.unclaim(contracted, ben) == (
        StoryUnclaimed(**place("contracted"), agent_id=BEN, assigned_agent_id_was=None),
    )
    assert refused(lambda: working.unclaim(contracted, ann), "not_assigned_agent", Forbidden)


def test_who_has_contracted_for_another_does_not_give_back_what_that_one_has_claimed() -> None:
    error = refused(lambda: working.unclaim(worked(contracted_by_agent_id=LEA), lea), "not_assigned_agent", Forbidden)
    assert error.facts["attempted_action"] == "unclaim"


def test_a_confirmed_story_is_not_given_back() -> None:
    done = worked(agent_status="reported_done", verified_status="verified")
    error = refused(lambda: working.unclaim(done, ann), "invalid_transition", Conflict)
    assert error.facts["hints"] == ["Already verified: an orchestrator may reject it, and nothing else leads back."]
    assert error.facts["attempted_action"] == "unclaim"
    error = refused(lambda: working.force_unclaim(done, lea, None), "invalid_transition", Conflict)
    assert error.facts["hints"] == ["Already verified: an orchestrator may reject it, and nothing else leads back."]
    assert (error.facts["current_state"], error.facts["attempted_action"]) == ("verified", "force-unclaim")


@pytest.mark.parametrize("status", ["contracted", "assigned", "implementing", "reported_done"])
def test_an_orchestrator_takes_a_story_back_in_any_state(status: Any) -> None:
    for reason in ("gone", None):
        assert working.force_unclaim(worked(agent_status=status), lea, reason) == (
            StoryForceUnclaimed(
                **place(status), assigned_agent_id_was=ANN, orchestrator_agent_id=LEA, reason=reason
            ),
        )  # fmt: skip


def test_of_a_pending_story_there_is_nothing_to_take_back() -> None:
    assert working.force_unclaim(story(), lea, None) == ()


def test_a_lease_does_not_take_a_verified_story_back() -> None:
    held = worked(lease_expires_at=NOON, verified_status="verified")
    assert working.expire_lease(held, LATER) == ()
    assert working.expire_lease(worked(lease_expires_at=NOON), LATER)
