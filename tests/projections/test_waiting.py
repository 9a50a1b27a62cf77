"""A slice of the campaign `make soak ARGS=waiting`: no state that custody leads to stands in no queue."""

import pytest

from bench.waiting import Stands, Watcher, check
from domain.lifecycle.waiting import NEEDS
from projections.queries import waiting
from tests.support.database import TestDatabase


@pytest.fixture(scope="module")
def machine() -> Watcher:
    made = Watcher(seed=1)
    made.run(12_000)
    return made


async def test_every_story_is_verified_in_a_queue_under_a_lease_or_waits_for_somebody_who_can_get_it_on(
    database: TestDatabase, machine: Watcher
) -> None:
    found = await check(database, machine)
    assert {*found} == {"verified", "queue", "lease", *NEEDS} - {"holder_gone", "author_unknown"}


@pytest.mark.parametrize(
    ("rule", "wrong", "told"),
    [
        ("THEN 'rejected_not_reset'", "THEN NULL", "is nowhere"),
        ("THEN 'criteria_changed'", "THEN 'not_verified'", "nobody of role orchestrator can verify"),
    ],
)
async def test_without_one_of_its_rules_a_story_is_found_that_stands(
    database: TestDatabase, machine: Watcher, monkeypatch: pytest.MonkeyPatch, rule: str, wrong: str, told: str
) -> None:
    """The control."""
    monkeypatch.setattr(waiting, "LIST", waiting.LIST.replace(rule, wrong))
    with pytest.raises(Stands, match=told):
        await check(database, machine)
