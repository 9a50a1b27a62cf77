"""A slice of the campaign `make soak ARGS=custody`: twelve people in any order, and custody holds (06, B2)."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import get_args
from uuid import UUID

import pytest

from bench.custody import PATHS, WANTING, Machine, bulk_without_gate
from bench.custody_controls import CONTROLS, OF_EVIDENCE
from bench.custody_model import Bypass, Model, Person, Policy

ANN = Person("ann", "agent", UUID(int=1), (UUID(int=2),), agent_type="orchestrator")
ANN_LATER = Person("ann later", "user", None, (UUID(int=2),)).rotated(UUID(int=7))
"""With the key that has taken the place of hers."""
BEN = Person("ben", "agent", UUID(int=5), (UUID(int=6),), agent_type="implementer")
LEA = Person("lea", "orchestrator", UUID(int=3), (UUID(int=4),), agent_type="orchestrator")
NOBODY = Person("nobody", "orchestrator", None, (UUID(int=8),))
ROOT = Person("root", "user", None, (UUID(int=9),), outside=True)
"""A superadmin, in the tenant's name."""
STORY = UUID(int=9)


STEPS = 60_000
"""In so many each of the controls below is found."""


def test_many_steps_confirm_nothing_that_must_not_be() -> None:
    report = Machine(seed=1).run(STEPS)
    accepted = {each.removesuffix(" yes") for each in report.outcomes if each.endswith(" yes")}
    assert accepted == set(PATHS) - {"delete", "rotate", "mint"}
    assert set(report.verifications) == {"verify", "bulk-verify", "verify-all", "backfill", "mark-complete", "import"}


def test_without_the_gate_in_the_bulk_path_the_machine_finds_a_bypass() -> None:
    """The control."""
    with bulk_without_gate(), pytest.raises(Bypass, match="whoever did the work"):
        Machine(seed=1).run(STEPS)


@pytest.mark.parametrize("control", CONTROLS.values())
def test_what_once_was_a_way_round_is_found(control: Callable[[], AbstractContextManager[None]]) -> None:
    """The controls."""
    with control(), pytest.raises(Bypass):
        Machine(seed=1).run(STEPS)


def test_where_evidence_is_wanted_nothing_is_verified_without_it() -> None:
    report = Machine(seed=1, settings=WANTING).run(STEPS // 2)
    assert set(report.verifications) == {"verify", "bulk-verify", "verify-all"}


@pytest.mark.parametrize("control", OF_EVIDENCE.values())
def test_without_a_guard_of_evidence_the_machine_finds_a_bypass(
    control: Callable[[], AbstractContextManager[None]],
) -> None:
    """The controls."""
    with control(), pytest.raises(Bypass):
        Machine(seed=1, settings=WANTING).run(STEPS)


def watched(*steps: tuple[Person, str]) -> Model:
    model = Model()
    model.policies[0] = "ancestry"
    model.created(STORY)
    for person, action in steps:
        model.succeeded(0, person, action, STORY)
    return model


@pytest.mark.parametrize(
    ("steps", "action"),
    [
        (((ANN, "claim"), (LEA, "report")), "verify"),
        (((ANN, "claim"), (LEA, "report"), (LEA, "review"), (LEA, "report")), "verify"),
        (((ANN, "claim"), (ANN, "unclaim")), "backfill"),
        (((ANN, "contract"),), "mark-complete"),
        ((), "edit"),
        (((ANN, "claim"), (LEA, "report"), (LEA, "review"), (LEA, "reject")), "verify"),
        (((ANN, "claim"), (LEA, "report"), (LEA, "review"), (LEA, "force-unclaim")), "verify"),
    ],
)
def test_the_model_sees_each_kind_of_bypass(steps: tuple[tuple[Person, str], ...], action: str) -> None:
    """The control."""
    model = watched(*steps)
    with pytest.raises(Bypass):
        model.changed(0, action, LEA, STORY, verified=True)


@pytest.mark.parametrize(
    "steps",
    [
        ((ANN, "import"), (ANN_LATER, "review")),
        ((ANN, "backfill"), (LEA, "reject"), (ANN, "report")),
        ((ANN, "mark-complete"), (LEA, "reject"), (LEA, "report"), (ANN_LATER, "review")),
        ((ANN, "claim"), (ANN, "start"), (ANN, "unclaim"), (BEN, "claim"), (ANN, "report")),
        ((ANN, "claim"), (ANN, "unclaim"), (BEN, "claim"), (ANN, "report")),
        ((ANN, "claim"), (ANN, "start"), (LEA, "report"), (LEA, "reject"), (ANN, "report")),
    ],
)
@pytest.mark.parametrize("policy", get_args(Policy))
def test_the_model_remembers_authors(policy: Policy, steps: tuple[tuple[Person, str], ...]) -> None:
    """The control."""
    model = watched(*steps[:-1])
    model.policies[0] = policy
    with pytest.raises(Bypass, match="did the work"):
        model.succeeded(0, *steps[-1], STORY)


def test_the_model_sees_what_happens_to_a_verified_story() -> None:
    """The control."""
    model = watched((ANN, "claim"), (LEA, "report"), (LEA, "review"))
    model.edited("edit", STORY)
    model.succeeded(0, LEA, "review", STORY)
    model.changed(0, "verify", LEA, STORY, verified=True)
    with pytest.raises(Bypass, match="is about"):
        model.edited("edit", STORY)
    for action in ("force-unclaim", "unclaim", "expire"):
        with pytest.raises(Bypass, match="took a verified story back"):
            model.succeeded(0, LEA, action, STORY, released=True)


@pytest.mark.parametrize(
    ("person", "action"),
    [(who, action) for who in (BEN, NOBODY, ROOT) for action in ("verify", "reject", "backfill", "mark-complete")]
    + [(who, action) for who in (NOBODY, ROOT) for action in ("contract", "claim", "report", "review", "import")],
)
def test_the_model_sees_who_has_no_claim_to_a_step(person: Person, action: str) -> None:
    """The control: an implementer, an orchestrator's key without an agent, a superadmin."""
    with pytest.raises(Bypass, match="nobody answers for it"):
        watched((ANN, "claim"), (LEA, "report")).succeeded(0, person, action, STORY)


def test_the_model_sees_what_a_story_says_of_before() -> None:
    """The control."""
    model = watched()
    with pytest.raises(Bypass, match="says of a story"):
        model.shown("edit", STORY, from_before=True)
    model.changed(0, "backfill", LEA, STORY, verified=True)
    model.shown("backfill", STORY, from_before=True)
    with pytest.raises(Bypass, match="hides of a story"):
        model.shown("edit", STORY, from_before=False)


def test_the_model_sees_keys_that_must_not_be() -> None:
    """The control."""
    watched().minted(LEA, "orchestrator", "orchestrator")
    with pytest.raises(Bypass, match="for no orchestrator"):
        watched().minted(LEA, "orchestrator", "implementer")
    with pytest.raises(Bypass, match="does not belong to"):
        watched().minted(ROOT, "agent", None)


def test_the_model_sees_who_judges_their_own_work() -> None:
    """The control."""
    model = watched((ANN, "claim"))
    for action in ("report", "review", "verify", "reject"):
        with pytest.raises(Bypass):
            model.succeeded(0, ANN, action, STORY)
