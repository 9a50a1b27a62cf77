"""A slice of the campaign `make soak ARGS=custody`: twelve people in any order, and custody holds (06, B2)."""

from uuid import UUID

import pytest

from bench.custody import PATHS, Machine, bulk_without_gate
from bench.custody_model import Bypass, Model, Person

ANN = Person("ann", "agent", UUID(int=1), (UUID(int=2),))
LEA = Person("lea", "orchestrator", UUID(int=3), (UUID(int=4),))
STORY = UUID(int=9)


def test_a_hundred_thousand_steps_confirm_nothing_that_must_not_be() -> None:
    report = Machine(seed=1).run(100_000)
    accepted = {each.removesuffix(" yes") for each in report.outcomes if each.endswith(" yes")}
    assert accepted == set(PATHS) - {"delete"}
    assert set(report.verifications) == {"verify", "bulk-verify", "verify-all", "backfill", "mark-complete"}


def test_without_the_gate_in_the_bulk_path_the_machine_finds_a_bypass() -> None:
    """The control."""
    with bulk_without_gate(), pytest.raises(Bypass, match="whoever did the work"):
        Machine(seed=1).run(20_000)


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
        (((ANN, "claim"), (LEA, "report"), (LEA, "review"), (LEA, "force-unclaim")), "verify"),
    ],
)
def test_the_model_sees_each_kind_of_bypass(steps: tuple[tuple[Person, str], ...], action: str) -> None:
    """The control."""
    model = watched(*steps)
    with pytest.raises(Bypass):
        model.changed(0, action, LEA, STORY, verified=True)


def test_the_model_sees_who_judges_their_own_work() -> None:
    """The control."""
    model = watched((ANN, "claim"))
    for action in ("report", "review", "verify", "reject"):
        with pytest.raises(Bypass):
            model.succeeded(0, ANN, action, STORY)
