"""Every action in every state by everybody: the whole table, said in another way than the decisions say it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from msgspec import structs

from bench.custody import PATHS
from bench.custody_http_machine import ACTIONS as OTHER_NAMES
from domain.errors import Conflict, Rejected
from domain.event import JsonText
from domain.lifecycle import implementer as working
from domain.lifecycle import judges as confirming
from domain.lifecycle.evidence import Case, Posted, Results, Said, Standing
from domain.lifecycle.identity import Identity
from domain.lifecycle.implementer import Echo, Hold
from domain.lifecycle.judges import Judgement, Provenance, Review
from domain.lifecycle.prerequisites import Prerequisites
from domain.lifecycle.runs import Run
from domain.story import Story, StoryText
from tests.contract.routes import LIFECYCLE
from tests.contract.words import complaints
from tests.domain.lifecycle.making import (
    ANN,
    ANNS_KEY,
    BEN,
    JUDGEMENTS,
    LATER,
    NOON,
    POLICY,
    STATUSES,
    ann,
    ann_as_lead,
    ben,
    human,
    lea,
    nameless,
    story,
    who,
)

EVERYBODY = {
    "ann": structs.replace(ann, agent_type="orchestrator"), "ann as lead": ann_as_lead, "lea": lea, "human": human,
    "ben": structs.replace(ben, agent_type="orchestrator"), "ben the implementer": ben, "nameless": nameless,
    "nameless lead": who(None, UUID(int=29), "orchestrator"),
}  # fmt: skip
"""Of any role, which the routes look at."""
RUN = Run(run_id=UUID(int=61), status="pass", commit_sha="9fceb02d", at=LATER)
TEXT = StoryText(
    story_id=UUID(int=3), description=None, acceptance_criteria=JsonText("[]"), metadata=JsonText("{}"),
    criteria_checks=JsonText("{}"),
)  # fmt: skip
RESULTS = Results(form="junit", sha256="0" * 64, size=1, cases=(Case("t", "passed"),))
POSTED = Posted(
    Said(evidence_id=UUID(int=62), results=RESULTS, commit_sha="9" * 40, run_url=None), Standing(), None
)  # fmt: skip
GOOD = Judgement(verification_id=UUID(int=51), review_type="team", summary="ok")
HOLD = Hold(lease_seconds=60)
ACTIONS: dict[str, Callable[[Story, Identity], Any]] = {
    "contract": lambda of, by: working.contract(of, by, Echo(title="T", ac_count=2)),
    "claim": lambda of, by: working.claim(of, by, Prerequisites(), HOLD, NOON),
    "start": lambda of, by: working.start(of, by, HOLD, NOON),
    "request-review": lambda of, by: working.request_review(of, by, HOLD, NOON),
    "heartbeat": lambda of, by: working.renew_lease(of, by, HOLD, NOON),
    "unclaim": working.unclaim,
    "force-unclaim": lambda of, by: working.force_unclaim(of, by, None),
    "report": lambda of, by: confirming.report(of, by, POLICY),
    "review-complete": lambda of, by: confirming.complete_review(
        of, by, POLICY, Review(review_id=UUID(int=52), review_type="team"), LATER
    ),
    "verification-runs": lambda of, by: confirming.report_run(of, TEXT, by, POLICY, RUN),
    "evidence": lambda of, by: confirming.post_evidence(of, TEXT, by, POLICY, POSTED),
    "verify": lambda of, by: confirming.verify(of, by, POLICY, GOOD),
    "reject": lambda of, by: confirming.reject(of, by, POLICY, GOOD),
    "backfill": lambda of, by: confirming.backfill(of, by, Provenance(reason="r"), None, POLICY),
    "mark-complete": lambda of, by: confirming.mark_complete(of, by, POLICY, GOOD),
}


def in_state(agent_status: str, verified_status: str) -> Story:
    """Ann's from her claim on, contracted by her before, reported and reviewed by Ben after."""
    place = STATUSES.index(agent_status)
    changes: dict[str, Any] = {"agent_status": agent_status, "verified_status": verified_status, "touched": place > 0}
    if place > 0:
        changes["contracted_by_agent_id"] = ANN
    if place > 1:
        changes |= {"assigned_agent_id": ANN, "implementer_lineage": (ANNS_KEY,), "claim_position": 7}
    if place > 3:
        changes |= {"report_position": 8, "review_position": 9, "reported_by_agent_id": BEN, "reported_done_at": NOON}
    return story(**changes)


def expected(action: str, state: str, judged: str, name: str) -> str:
    """``yes``, ``nothing``, or the code of the refusal."""
    unknown = _unknown(action, name)
    if unknown:
        return unknown
    if (
        action in ("verification-runs", "evidence", "verify", "reject", "mark-complete")
        and _is_anns(state)
        and name.startswith("ann")
    ):
        return "self_verify_blocked"
    return WHEN[action](state, judged, name.startswith("ann"))


def _unknown(action: str, name: str) -> str:
    if name not in ("nameless", "nameless lead", "human", "ben the implementer"):
        return ""
    if action in ("verification-runs", "verify", "reject", "mark-complete", "force-unclaim") or (
        action == "backfill" and name != "human"
    ):
        return "orchestrator_agent_required"
    if name == "ben the implementer" or action == "backfill":
        return ""
    return "" if action in ("review-complete", "evidence") and name == "human" else "agent_identity_required"


def _is_anns(state: str) -> bool:
    return state in ("assigned", "implementing", "reported_done")


def _only(state: str, allowed: str, otherwise: str = "invalid_transition") -> str:
    return "yes" if state == allowed else otherwise


def _step(state: str, allowed: tuple[str, ...], is_ann: bool) -> str:
    if state not in allowed:
        return "invalid_transition"
    return "yes" if is_ann else "not_assigned_agent"


def _start(state: str, _: str, is_ann: bool) -> str:
    before = {"pending": "must_contract_first", "contracted": "must_claim_first"}
    return before.get(state) or _step(state, ("assigned",), is_ann)


def _claim(state: str, _: str, __: bool) -> str:
    return "must_contract_first" if state == "pending" else _only(state, "contracted")


def _unclaim(state: str, judged: str, is_ann: bool) -> str:
    if state == "pending" or judged == "verified":
        return "invalid_transition"
    return "yes" if is_ann else "not_assigned_agent"


def _force_unclaim(state: str, judged: str, _: bool) -> str:
    if judged == "verified":
        return "invalid_transition"
    return "nothing" if state == "pending" else "yes"


def _others(allowed: str, otherwise: str, own: str) -> Callable[[str, str, bool], str]:
    def found(state: str, _: str, is_ann: bool) -> str:
        if state != allowed:
            return otherwise
        return own if is_ann else "yes"

    return found


def _from_before(state: str, judged: str, _: bool) -> str:
    if judged != "unverified":
        return f"already_{judged}"
    return _only(state, "pending", "not_pre_existing")


WHEN: dict[str, Callable[[str, str, bool], str]] = {
    "contract": lambda state, judged, _: _only(state, "pending") if judged != "verified" else "invalid_transition",
    "claim": _claim,
    "start": _start,
    "request-review": lambda state, _, is_ann: _step(state, ("implementing",), is_ann),
    "heartbeat": lambda state, _, is_ann: _step(state, ("assigned", "implementing"), is_ann),
    "unclaim": _unclaim,
    "force-unclaim": _force_unclaim,
    "report": _others("implementing", "invalid_transition", "self_report_blocked"),
    "review-complete": _others("reported_done", "story_not_reported_done", "self_review_blocked"),
    "verification-runs": lambda state, _, __: _only(state, "reported_done", "story_not_reported_done"),
    "evidence": lambda state, _, __: "yes" if _is_anns(state) else "story_not_worked_on",
    "verify": lambda state, judged, _: _only(state, "reported_done") if judged != "verified" else "invalid_transition",
    "reject": lambda state, judged, _: "yes" if judged == "verified" else _only(state, "reported_done"),
    "backfill": _from_before,
    "mark-complete": _from_before,
}


def test_every_transition_that_has_a_route_is_tried_here_and_in_the_custody_machine() -> None:
    """Went red when heartbeat was taken out of ACTIONS and of WHEN, and when it was taken out of PATHS."""
    steps = {route.path.rpartition("/")[2] for route in LIFECYCLE if "{story_id}" in route.path}
    steps -= {"artifacts", "recover-cap", "draw-verifier"}  # neither moves a story
    assert {{"start-work": "start", "report-done": "report"}.get(step, step) for step in steps} <= set(ACTIONS)
    assert {OTHER_NAMES.get(step, step) for step in steps} <= set(PATHS)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_in_every_state_by_everybody(action: str) -> None:
    for state in STATUSES:
        for judged in JUDGEMENTS:
            for name, by in EVERYBODY.items():
                found = outcome(action, in_state(state, judged), by)
                assert found == expected(action, state, judged, name), (action, state, judged, name)


def outcome(action: str, of: Story, by: Identity) -> str:
    try:
        return "yes" if ACTIONS[action](of, by) else "nothing"
    except Conflict as refusal:
        _check_facts(action, of, refusal)
        return refusal.code
    except Rejected as refusal:
        return refusal.code


def _check_facts(action: str, of: Story, refusal: Conflict) -> None:
    """A refusal for a state names the action, the story, and the state of the axis that blocks, and says what comes
    next. Went red while the message named no story, and while the hint of each state but one spoke of another."""
    assert complaints(refusal.code, refusal.message, refusal.facts) == []
    assert f"story {of.number}" in refusal.message
    assert refusal.facts["attempted_action"] == (
        "verify" if action in ("mark-complete", "verification-runs", "evidence") else action
    )
    judging = ("verification-runs", "evidence", "verify", "reject", "mark-complete")
    on_verified_axis = action in judging and of.verified_status != "unverified"
    on_verified_axis |= action in ("unclaim", "force-unclaim") and of.verified_status == "verified"
    on_verified_axis |= action == "contract" and (of.agent_status, of.verified_status) == ("pending", "verified")
    assert refusal.facts["current_state"] == (of.verified_status if on_verified_axis else of.agent_status)
