"""Whoever brings in work as done counts as its implementer: with every key of its agent, under every lineage policy."""

from functools import partial
from typing import Any, get_args
from uuid import UUID

import pytest
from msgspec import structs

from domain.errors import Conflict, CustodyViolation
from domain.event import JsonText, Recorded, Stream
from domain.lifecycle import judges as confirming
from domain.lifecycle.evolve import evolve_story
from domain.lifecycle.identity import Identity, authorship
from domain.lifecycle.judges import Judgement, Provenance, Review
from domain.lifecycle.next_actions import next_actions
from domain.story import Story, StoryImported
from domain.tenant_settings import LineagePolicy, TenantSettings
from tests.domain.lifecycle.making import (
    BEN,
    BENS_KEY,
    LATER,
    LEA,
    LEAS_KEY,
    NOON,
    PLACE,
    STORY,
    ben,
    human,
    lea,
    refused,
    story,
    who,
)

PLACED: Any = PLACE
NEW_KEY = UUID(int=29)
leas_new_key = who(LEA, NEW_KEY, "orchestrator")
another_human = who(None, NEW_KEY, "user")
ben_as_lead = who(BEN, BENS_KEY, "orchestrator")
POLICIES = [
    TenantSettings(lineage_policy=each, auto_reset_on_rejection=reset)
    for each in get_args(LineagePolicy)
    for reset in (True, False)
]
REVIEW = Review(review_id=UUID(int=5), review_type="team")
GOOD = Judgement(verification_id=UUID(int=6), review_type="team", summary="ok")


def after(of: Story | None, *events: Any, by: Identity | None = None) -> Story:
    actor = (f"api_key:{by.key_id}",) if by else ("test",)
    for place, event in enumerate(events, of.position + 1 if of else 10):
        of = evolve_story(of, Recorded(place, Stream("story", STORY), 0, NOON, actor, event))
    assert of is not None
    return of


def imported(by: Identity, verified: Any = "unverified") -> Story:
    event = StoryImported(
        **PLACED, number="1.1", title="T", acceptance_criteria=JsonText("[]"), metadata=JsonText("{}"),
        agent_status="reported_done", verified_status=verified, **authorship(by),
    )  # fmt: skip
    return after(None, event, by=by)


def brought(how: str, by: Identity) -> Story:
    match how:
        case "import" | "import verified":
            return imported(by, "verified" if how == "import verified" else "unverified")
        case "backfill":
            return after(story(), *confirming.backfill(story(), by, Provenance(reason="r"), None, POLICIES[0]), by=by)
        case _:
            return after(story(), *confirming.mark_complete(story(), by, POLICIES[0], GOOD), by=by)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("how", ["import", "import verified", "backfill", "mark-complete"])
def test_who_brought_it_in_confirms_nothing_of_it_and_others_do(policy: TenantSettings, how: str) -> None:
    done = brought(how, lea)
    if done.verified_status == "verified":
        refused(lambda: confirming.reject(done, leas_new_key, policy, GOOD), "self_verify_blocked", CustodyViolation)
        done = after(done, *confirming.reject(done, ben_as_lead, KEPT[policy.lineage_policy], GOOD))
        refused(lambda: confirming.report(done, leas_new_key, policy), "self_report_blocked", CustodyViolation)
        done = after(done, *confirming.report(done, ben, policy))
    for own in (lea, leas_new_key, who(LEA, UUID(int=30))):
        refused(
            lambda own=own: confirming.complete_review(done, own, policy, REVIEW, LATER),
            "self_review_blocked", CustodyViolation,
        )  # fmt: skip
        assert next_actions(done, own, policy, NOON) == ()
    done = after(done, *confirming.complete_review(done, ben, policy, REVIEW, LATER))
    refused(lambda: confirming.verify(done, leas_new_key, policy, GOOD), "self_verify_blocked", CustodyViolation)
    assert confirming.verify(done, ben_as_lead, policy, GOOD)


KEPT = {policy.lineage_policy: policy for policy in POLICIES if not policy.auto_reset_on_rejection}


@pytest.mark.parametrize("policy", POLICIES)
def test_a_key_counts_even_where_lineage_does_not(policy: TenantSettings) -> None:
    """An agent that came to the key later is another identity; the key is the same."""
    done, with_an_agent = imported(human), structs.replace(human, agent_id=BEN)
    assert refused(
        lambda: confirming.complete_review(done, with_an_agent, policy, REVIEW, LATER),
        "self_review_blocked", CustodyViolation,
    )  # fmt: skip


@pytest.mark.parametrize("policy", POLICIES)
def test_what_a_key_without_agent_brought_in_no_such_key_reviews(policy: TenantSettings) -> None:
    """One that was rotated cannot be told from another person's."""
    done = imported(human)
    for human_key in (human, another_human):
        refused(
            lambda key=human_key: confirming.complete_review(done, key, policy, REVIEW, LATER),
            "self_review_blocked", CustodyViolation,
        )  # fmt: skip
    assert confirming.complete_review(done, ben, policy, REVIEW, LATER)
    assert confirming.complete_review(imported(lea), another_human, policy, REVIEW, LATER)


@pytest.mark.parametrize("how", ["import", "backfill"])
def test_what_an_old_log_brought_in_without_its_author_is_confirmed_by_nobody(how: str) -> None:
    """A rejection with its reset leads on; so the key that brought it in, which the entry's head names, cannot."""
    policy = POLICIES[0]
    done = without_author(how, lea)
    by_its_key, by_another = (
        partial(confirming.complete_review, done, each, policy, REVIEW, LATER) for each in (lea, ben)
    )
    refused(by_its_key, "self_review_blocked", CustodyViolation)
    error = refused(by_another, "self_review_blocked", Conflict)
    assert not isinstance(error, CustodyViolation)
    assert error.facts["attempted_action"] == "review-complete"
    assert "reject" in error.facts["hints"][0]
    reviewed = structs.replace(done, verified_status="unverified", review_position=99)
    refused(lambda: confirming.verify(reviewed, ben_as_lead, policy, GOOD), "self_verify_blocked", Conflict)
    assert [each.action for each in next_actions(reviewed, ben_as_lead, policy, NOON)] == ["reject"]
    kept = after(done, *confirming.reject(done, ben_as_lead, KEPT["ancestry"], GOOD))
    refused(lambda: confirming.report(kept, ben, policy), "self_report_blocked", Conflict)
    assert next_actions(kept, ben, policy, NOON) == ()
    refused(lambda: confirming.reject(done, lea, policy, GOOD), "self_verify_blocked", CustodyViolation)
    assert after(done, *confirming.reject(done, ben_as_lead, policy, GOOD)).worked_agents == ()


def without_author(how: str, by: Identity) -> Story:
    """As the events were before they named the author."""
    nothing: Any = {"author_agent_id": None, "author_key_id": None, "author_lineage": ()}
    if how == "backfill":
        (event,) = confirming.backfill(story(), by, Provenance(reason="r"), None, POLICIES[0])
        return after(story(), structs.replace(event, **nothing), by=by)
    event = StoryImported(
        **PLACED, number="1.1", title="T", acceptance_criteria=JsonText("[]"), metadata=JsonText("{}"),
        agent_status="reported_done",
    )  # fmt: skip
    return after(None, event, by=by)


def test_an_old_mark_complete_names_its_agent() -> None:
    nothing: Any = {"author_agent_id": None, "author_key_id": None, "author_lineage": ()}
    (event,) = confirming.mark_complete(story(), lea, POLICIES[0], GOOD)
    assert set(after(story(), structs.replace(event, **nothing), by=lea).worked_agents) == {LEA, LEAS_KEY}
    assert after(story(), structs.replace(event, **nothing)).worked_agents == (LEA,)
