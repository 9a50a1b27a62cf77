"""What a log whose server lets implementers confirm themselves would say of a story: each is noticed."""

from typing import Any

import pytest
from msgspec import UNSET

from loopctl.audit.fault import Fault
from loopctl.audit.story_rules import Judge
from loopctl.tlog.canonical import canonical_json
from loopctl.tlog.entry import Entry

TS = "2026-03-27T12:00:00.000000Z"


class Told:
    """Entries as they would stand in a log; only what the rules look at."""

    def __init__(self) -> None:
        self.judge = Judge()
        self.position = 0

    def key(self, key: str, agent: str | None, *lineage: str) -> None:
        data = {"agent_id": agent, "lineage": [*lineage]}
        self.judge.see_other(self._entry("api_key.created", ("operator",), ("api_key", key), data))

    def step(self, type_: str, key: str, *lineage: str, **data: Any) -> int:
        self.judge.see(self._entry(f"story.{type_}", (f"api_key:{key}", "agent:x", *lineage), ("story", "s"), data))
        return self.position - 1

    def _entry(self, type_: str, actor: tuple[str, ...], entity: tuple[str, str], data: dict[str, Any]) -> Entry:
        self.position += 1
        return Entry(
            seq=self.position - 1, prev=bytes(32), ts=TS, type=type_, actor=actor, entity=entity, eseq=0, eprev=None,
            salt=bytes(16), data=canonical_json(data), commit=UNSET,
        )  # fmt: skip


@pytest.fixture
def told() -> Told:
    """Ada implements under a dispatch of Olga's; Radia and a child of Ada's stand by."""
    said = Told()
    said.key("k-ada", "ada", "root", "d-ada")
    said.key("k-child", "child", "root", "d-ada", "d-child")
    said.key("k-radia", "radia", "root", "d-radia")
    said.key("k-olga", "olga")
    said.step("claimed", "k-ada", "root", "d-ada", agent_id="ada", lineage=["root", "d-ada"])
    return said


def report(told: Told, key: str, agent: str, *lineage: str) -> int:
    return told.step("reported", key, *lineage, agent_id=agent)


def test_siblings_and_those_above_may_confirm(told: Told) -> None:
    place = report(told, "k-radia", "radia", "root", "d-radia")
    told.step("review_completed", "k-radia", "root", "d-radia", reviewer_agent_id="radia", report_position=place)
    told.step("verified", "k-olga", orchestrator_agent_id="olga")
    assert told.judge.verified
    assert told.judge.confirmations[0].implementers == ["ada", "d-ada", "k-ada"]


@pytest.mark.parametrize(
    ("key", "agent", "lineage"),
    [("k-ada", "ada", ("root", "d-ada")), ("k-child", "child", ("root", "d-ada", "d-child"))],
)
def test_the_implementer_and_whom_it_has_dispatched_may_not(
    told: Told, key: str, agent: str, lineage: tuple[str, ...]
) -> None:
    with pytest.raises(Fault, match="came from the lineage of who did the work"):
        report(told, key, agent, *lineage)


def test_an_entry_that_names_another_agent_than_its_keys_is_noticed(told: Told) -> None:
    with pytest.raises(Fault, match="another agent"):
        report(told, "k-ada", "radia", "root", "d-ada")


def test_an_entry_that_leaves_dispatches_out_is_noticed(told: Told) -> None:
    with pytest.raises(Fault, match="other dispatches"):
        report(told, "k-child", "child", "root")


def test_a_key_of_which_nothing_is_known_is_noticed(told: Told) -> None:
    with pytest.raises(Fault, match="whose it is"):
        report(told, "k-unknown", "radia")


def test_a_verification_without_a_review_of_the_report_is_noticed(told: Told) -> None:
    report(told, "k-radia", "radia", "root", "d-radia")
    with pytest.raises(Fault, match="not reviewed"):
        told.step("verified", "k-olga", orchestrator_agent_id="olga")


def test_a_review_of_an_earlier_report_is_noticed(told: Told) -> None:
    place = report(told, "k-radia", "radia", "root", "d-radia")
    report(told, "k-radia", "radia", "root", "d-radia")
    with pytest.raises(Fault, match="another report"):
        told.step("review_completed", "k-olga", reviewer_agent_id="olga", report_position=place)


def test_after_a_rejection_with_a_reset_the_work_is_somebody_elses(told: Told) -> None:
    report(told, "k-radia", "radia", "root", "d-radia")
    told.step("rejected", "k-olga", orchestrator_agent_id="olga")
    told.step("auto_reset", "k-olga")
    told.step("claimed", "k-radia", "root", "d-radia", agent_id="radia", lineage=["root", "d-radia"])
    assert report(told, "k-ada", "ada", "root", "d-ada") > 0
