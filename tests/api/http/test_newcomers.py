"""First requests of connections that come together begin a few in each turn of the loop, in their order."""

import asyncio
from functools import partial

from api.http.newcomers import Newcomers


async def test_of_many_a_few_begin_in_each_turn_and_in_their_order() -> None:
    newcomers, begun, turns = Newcomers(3), list[int](), list[int]()
    for number in range(10):
        newcomers.begin(partial(begun.append, number))
    while len(begun) < 10:
        turns.append(len(begun))
        await asyncio.sleep(0)
    assert begun == list(range(10))
    assert turns == [3, 6, 9]


async def test_whoever_comes_while_others_wait_comes_after_them() -> None:
    newcomers, begun = Newcomers(1), list[str]()
    newcomers.begin(partial(begun.append, "first"))
    newcomers.begin(partial(begun.append, "second"))
    await asyncio.sleep(0)
    newcomers.begin(partial(begun.append, "third"))
    for _ in range(3):
        await asyncio.sleep(0)
    assert begun == ["first", "second", "third"]


async def test_who_comes_alone_begins_at_once() -> None:
    newcomers, begun = Newcomers(1), list[int]()
    for number in range(3):
        newcomers.begin(partial(begun.append, number))
        assert begun[-1] == number
        for _ in range(2):
            await asyncio.sleep(0)
