"""Whether the caller is the one who did the work, or acts for who did."""

from uuid import UUID

import pytest
from msgspec import structs

from domain.caller import Caller, Role
from domain.lifecycle.evolve import evolve_story
from domain.lifecycle.identity import Identity, identity_of, is_implementer
from domain.lifecycle.implementer import Hold, claim
from domain.lifecycle.prerequisites import Prerequisites
from domain.story import Story
from domain.tenant_settings import LineagePolicy
from tests.domain.lifecycle.making import (
    ANN,
    ANNS_KEY,
    BEN,
    BENS_KEY,
    LEA,
    LEAS_KEY,
    NOON,
    OTHER_KEY,
    ann_as_lead,
    nameless,
    recorded,
    story,
    who,
)

ROOT, CHILD, SIBLING, GRANDCHILD = (UUID(int=each) for each in range(31, 35))


def caller(**changes: object) -> Caller:
    return Caller(tenant_id=UUID(int=1), key_id=ANNS_KEY, key_name="k", role=Role.AGENT, **changes)  # type: ignore[arg-type]  # as given


def test_a_long_lived_key_is_its_own_lineage() -> None:
    assert identity_of(caller(agent_id=ANN)) == Identity(
        role=Role.AGENT, key_id=ANNS_KEY, agent_id=ANN, dispatch_id=None, lineage=(ANNS_KEY,)
    )


def test_a_dispatched_key_acts_under_the_last_of_its_dispatches() -> None:
    assert identity_of(caller(agent_id=ANN, lineage=(ROOT, CHILD))) == Identity(
        role=Role.AGENT, key_id=ANNS_KEY, agent_id=ANN, dispatch_id=CHILD, lineage=(ROOT, CHILD)
    )


@pytest.mark.parametrize("policy", ["agent", "ancestry", "strict"])
def test_the_same_agent_is_the_implementer_under_every_policy(policy: LineagePolicy) -> None:
    assert is_implementer(story(assigned_agent_id=ANN), ann_as_lead, policy)
    assert is_implementer(story(assigned_agent_id=ANN, implementer_lineage=(ANNS_KEY,)), ann_as_lead, policy)


@pytest.mark.parametrize("policy", ["agent", "ancestry", "strict"])
def test_of_a_story_that_nobody_works_on_nobody_is_the_implementer(policy: LineagePolicy) -> None:
    assert not is_implementer(story(), ann_as_lead, policy)
    assert not is_implementer(story(), nameless, policy)


@pytest.mark.parametrize(("policy", "is_same"), [("agent", False), ("ancestry", False), ("strict", True)])
def test_who_gave_it_back_keeps_the_whole_lineage_where_any_link_counts(policy: LineagePolicy, is_same: bool) -> None:
    begun = story(worked_agents=(ANN,), worked_lineages=(CHILD,), worked_links=(ROOT, CHILD))
    assert is_implementer(begun, who(BEN, BENS_KEY, "orchestrator", ROOT, SIBLING), policy) is is_same


@pytest.mark.parametrize("policy", ["agent", "ancestry", "strict"])
def test_a_key_without_agent_is_not_taken_for_the_holder_of_a_story_that_nobody_holds(policy: LineagePolicy) -> None:
    assert not is_implementer(story(assigned_agent_id=None, implementer_lineage=(ANNS_KEY,)), nameless, policy)


@pytest.mark.parametrize(
    ("policy", "chain", "is_same"),
    [
        ("agent", (ROOT, CHILD), False),
        ("agent", (ROOT, CHILD, GRANDCHILD), False),
        ("ancestry", (ROOT, CHILD), True),
        ("ancestry", (ROOT, CHILD, GRANDCHILD), True),
        ("ancestry", (ROOT,), False),
        ("ancestry", (ROOT, SIBLING), False),
        ("ancestry", (OTHER_KEY,), False),
        ("strict", (ROOT, CHILD), True),
        ("strict", (ROOT, CHILD, GRANDCHILD), True),
        ("strict", (ROOT,), True),
        ("strict", (ROOT, SIBLING), True),
        ("strict", (OTHER_KEY,), False),
    ],
)
def test_of_another_agent_the_lineage_decides(policy: LineagePolicy, chain: tuple[UUID, ...], is_same: bool) -> None:
    """The work was done under CHILD of ROOT. Who dispatched the implementer is free to judge, unless it is strict."""
    done = claimed(who(ANN, ANNS_KEY, "agent", ROOT, CHILD))
    assert is_implementer(done, who(BEN, BENS_KEY, "orchestrator", *chain), policy) is is_same


def claimed(by: Identity) -> Story:
    """A story that this one works on."""
    (event,) = claim(story(agent_status="contracted"), by, Prerequisites(), Hold(), NOON)
    done = evolve_story(story(agent_status="contracted"), recorded(event))
    assert done is not None
    return done


@pytest.mark.parametrize(
    ("policy", "chain", "is_same"),
    [
        ("ancestry", (ROOT,), False),
        ("ancestry", (ROOT, SIBLING), False),
        ("ancestry", (ROOT, CHILD, GRANDCHILD), True),
        ("strict", (ROOT,), False),
        ("strict", (ROOT, SIBLING), False),
        ("strict", (ROOT, CHILD, GRANDCHILD), True),
    ],
)
def test_under_a_person_s_root_siblings_are_no_relatives(
    policy: LineagePolicy, chain: tuple[UUID, ...], is_same: bool
) -> None:
    done = claimed(structs.replace(who(ANN, ANNS_KEY, "agent", ROOT, CHILD), human_root=True))
    judge = structs.replace(who(BEN, BENS_KEY, "orchestrator", *chain), human_root=True)
    assert is_implementer(done, judge, policy) is is_same


@pytest.mark.parametrize("policy", ["ancestry", "strict"])
def test_below_a_person_s_root_that_did_the_work_itself_everybody_is_its_child(policy: LineagePolicy) -> None:
    done = claimed(structs.replace(who(ANN, ANNS_KEY, "agent", ROOT), human_root=True))
    judge = structs.replace(who(BEN, BENS_KEY, "orchestrator", ROOT, CHILD), human_root=True)
    assert is_implementer(done, judge, policy)


@pytest.mark.parametrize(("policy", "is_same"), [("agent", False), ("ancestry", True), ("strict", True)])
def test_whom_the_implementer_has_dispatched_with_another_of_its_keys_acts_for_it(
    policy: LineagePolicy, is_same: bool
) -> None:
    """Went red while only the dispatches themselves were compared: ann works with one key and mints with another."""
    judge = structs.replace(who(BEN, BENS_KEY, "orchestrator", OTHER_KEY, CHILD), minters=(ANN,))
    assert is_implementer(claimed(who()), judge, policy) is is_same


@pytest.mark.parametrize(("policy", "is_same"), [("agent", False), ("ancestry", False), ("strict", True)])
def test_who_minted_the_implementer_stays_its_relative_after_its_key_was_rotated(
    policy: LineagePolicy, is_same: bool
) -> None:
    """Went red while only keys were compared: lea's new key is in nobody's lineage."""
    done = claimed(structs.replace(who(ANN, ANNS_KEY, "agent", LEAS_KEY, CHILD), minters=(LEA,)))
    assert is_implementer(done, who(LEA, OTHER_KEY, "orchestrator"), policy) is is_same
