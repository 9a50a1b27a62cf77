"""What many look at is drawn once, and nobody gets what was drawn before it asked."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from api.changes.drawings import MOST_KEPT, Drawings


class Pencil:
    """A log that grows by hand, and how often it was drawn. Drawing waits until it may go on."""

    def __init__(self) -> None:
        self.size, self.drawn, self.looked = 1, 0, 0
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def of_log(self) -> int:
        self.looked += 1
        return self.size

    async def draw(self) -> bytes:
        self.drawn += 1
        seen = self.size
        await self.may_end.wait()
        return b"%d" % seen


async def everybody(drawings: Drawings, pencil: Pencil, count: int) -> list[bytes]:
    asked = [drawings.newest("board", pencil.of_log, pencil.draw) for _ in range(count)]
    return [each.content for each in await asyncio.gather(*asked)]


async def test_many_who_ask_at_once_make_two_drawings_at_most() -> None:
    """Went red with a drawing for each: 100."""
    drawings, pencil = Drawings(), Pencil()
    assert await everybody(drawings, pencil, 100) == [b"1"] * 100
    assert (pencil.drawn, pencil.looked) == (1, 2), "the second has looked, and the log had not grown"
    pencil.size = 2
    assert await everybody(drawings, pencil, 100) == [b"2"] * 100
    assert pencil.drawn == 2


async def test_who_asks_while_something_older_is_drawn_gets_the_next() -> None:
    """Went red with the drawing under way for everybody: it has not seen what was committed since."""
    drawings, pencil = Drawings(), Pencil()
    pencil.may_end.clear()
    first = asyncio.create_task(drawings.newest("board", pencil.of_log, pencil.draw))
    await until(lambda: pencil.drawn == 1)
    pencil.size = 2
    second = asyncio.create_task(drawings.newest("board", pencil.of_log, pencil.draw))
    pencil.may_end.set()
    assert [(await first).content, (await second).content] == [b"1", b"2"]


async def test_pictures_of_different_things_have_nothing_in_common() -> None:
    drawings, one, other = Drawings(), Pencil(), Pencil()
    other.size = 7
    assert (await drawings.newest("one", one.of_log, one.draw)).content == b"1"
    assert (await drawings.newest("other", other.of_log, other.draw)).content == b"7"
    for number in range(MOST_KEPT):
        await drawings.newest(number, one.of_log, one.draw)
    await drawings.newest("other", other.of_log, other.draw)
    assert other.drawn == 2, "forgotten after that many others, and drawn again"


async def test_a_failure_is_told_to_whoever_asked_and_forgotten() -> None:
    drawings, pencil = Drawings(), Pencil()

    async def fails() -> bytes:
        raise LookupError

    with pytest.raises(LookupError):
        await drawings.newest("board", pencil.of_log, fails)
    assert (await drawings.newest("board", pencil.of_log, pencil.draw)).content == b"1"


async def test_who_goes_away_takes_nobody_along() -> None:
    drawings, pencil = Drawings(), Pencil()
    pencil.may_end.clear()
    gone: asyncio.Task[Any] = asyncio.create_task(drawings.newest("board", pencil.of_log, pencil.draw))
    await until(lambda: pencil.drawn == 1)
    stays = asyncio.create_task(drawings.newest("board", pencil.of_log, pencil.draw))
    await asyncio.sleep(0)
    gone.cancel()
    pencil.may_end.set()
    assert (await stays).content == b"1"


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0)
