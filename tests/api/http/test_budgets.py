"""Who gets a place, and who waits: no tenant can take them all, and the one with the fewest is next."""

import asyncio
import random
import time
from collections import Counter
from uuid import UUID

import pytest

from api.http.limits import Share
from api.http.refusal import Refused
from api.http.running import LATELY_SECONDS, NOBODY, Admission, Budget, Held, Holder

ANN, BOB, EVE = (Holder(UUID(int=16 * number), UUID(int=16 * number + 1)) for number in (1, 2, 3))
SHARE = Share(key=3, tenant=4, process=6)


def other_key(holder: Holder, number: int = 2) -> Holder:
    return Holder(holder.tenant, UUID(int=holder.tenant.int + number))


def admission(share: Share = SHARE, beside_others: int = 99, wait_seconds: float = 5.0) -> Admission:
    return Admission(Budget(share, "Wait."), wait_seconds, beside_others)


def test_a_key_its_tenant_and_the_process_each_have_a_share() -> None:
    places = admission()
    assert [places.enter_now(ANN) for _ in range(4)] == [True, True, True, False], "the key's"
    assert [places.enter_now(other_key(ANN)) for _ in range(2)] == [True, False], "the tenant's"
    assert [places.enter_now(BOB) for _ in range(3)] == [True, True, False], "what is left of the process"


def test_without_shares_one_key_takes_every_place() -> None:
    """The negative control: as it was."""
    places = admission(Share(6, 6, 6))
    assert all(places.enter_now(ANN) for _ in range(6))
    assert not places.enter_now(BOB)


@pytest.mark.parametrize(("holders", "code"), [([ANN] * 3, "key"), ([ANN] * 2 + [other_key(ANN)] * 2, "tenant")])
def test_a_refusal_says_whose_share_it_is_and_what_to_do(holders: list[Holder], code: str) -> None:
    budget = Budget(SHARE, "Read the answers.", 7)
    for holder in holders:
        budget.take(holder)
    level = budget.lacks(ANN)
    assert level == code
    refused = budget.refusal(level)
    assert (refused.code, refused.headers["Retry-After"]) == ("too_many_at_once", "7")
    assert str(refused) == f"Too much at once of this {code}. Read the answers."


def test_what_the_process_lacks_is_no_fault_of_the_caller() -> None:
    assert Budget(Share(1, 1, 1), "").refusal("process").code == "overloaded"


async def test_of_those_who_wait_the_tenant_that_holds_fewest_is_next() -> None:
    places = admission(Share(4, 4, 4), beside_others=4)
    for _ in range(4):
        assert places.enter_now(ANN)
    order: list[str] = []

    async def waits(holder: Holder, name: str) -> None:
        await places.enter(holder)
        order.append(name)

    async with asyncio.TaskGroup() as group:
        for holder, name in ((ANN, "ann 1"), (ANN, "ann 2"), (BOB, "bob"), (EVE, "eve")):
            group.create_task(waits(holder, name))
            await asyncio.sleep(0)
        for _ in range(4):
            places.leave(ANN)
    assert order == ["bob", "eve", "ann 1", "ann 2"]


def stand_still() -> None:
    time.sleep(0.05)


async def test_a_place_that_becomes_free_as_the_wait_ends_is_taken() -> None:
    """Went red: who waited was told that the process is full, which it was not."""
    places = admission(Share(1, 1, 1), wait_seconds=0.02)
    assert places.enter_now(ANN)
    async with asyncio.TaskGroup() as group:
        group.create_task(places.enter(ANN))
        await asyncio.sleep(0)
        stand_still()  # as under load: the end of the wait and the free place come at once
        asyncio.get_running_loop().call_later(0, places.leave, ANN)
    assert places.places.held == 1


def test_a_tenant_has_fewer_places_while_others_ask_and_all_of_its_share_again_a_moment_later() -> None:
    now = [0.0]
    places = Admission(Budget(Share(9, 9, 12), ""), 0.0, 2, lambda: now[0])
    assert places.enter_now(BOB)
    places.leave(BOB)
    assert [places.enter_now(ANN) for _ in range(3)] == [True, True, False]
    now[0] += LATELY_SECONDS
    assert [places.enter_now(ANN) for _ in range(8)] == [True] * 7 + [False]


async def visit(places: Admission, holder: Holder, seconds: float, most: Counter[str]) -> None:
    try:
        await places.enter(holder)
    except Refused:
        return
    try:
        most["process"] = max(most["process"], places.places.held)
        most["tenant"] = max(most["tenant"], places.places.of[holder.tenant])
        await asyncio.sleep(seconds)
    finally:
        places.leave(holder)


@pytest.mark.parametrize("seed", range(20))
async def test_no_place_is_lost_whoever_leaves_gives_up_or_is_cancelled(seed: int) -> None:
    chance, most, places = random.Random(seed), Counter[str](), admission(wait_seconds=0.001)
    holders = [chance.choice((ANN, other_key(ANN), BOB, NOBODY)) for _ in range(50)]
    tasks = [asyncio.create_task(visit(places, each, chance.random() / 1000, most)) for each in holders]
    for task in chance.sample(tasks, 10):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (places.places.held, places.places.of, places._waiting) == (0, {}, {})
    assert most["process"] <= SHARE.process
    assert most["tenant"] <= SHARE.tenant


def test_room_grows_with_what_comes_and_is_given_back_at_the_end() -> None:
    budget = Budget(Share(100, 150, 200), "")
    with Held(budget, ANN) as ann, Held(budget, other_key(ANN)) as also_ann, Held(budget, BOB) as bob:
        ann.grow_to(40)
        ann.grow_to(30)
        assert budget.held == 40
        ann.grow_to(1000)
        assert budget.held == 100, "more than its share nobody can have, and one alone may always go on"
        with pytest.raises(Refused):
            also_ann.grow_to(60)
        bob.grow_to(100)
        with pytest.raises(Refused) as caught:
            also_ann.grow_to(1)
        assert caught.value.code == "overloaded"
    assert (budget.held, budget.of) == (0, {})
