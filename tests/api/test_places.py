"""Imports and exports are few at a time, whoever asks for them: each is large while it runs."""

import asyncio

import pytest

from api.http.limits import Limits, Share
from tests.api.logs import Service, service
from tests.api.transferring import work
from tests.api.work import client
from tests.support.database import TestDatabase

ONE = Share(1, 1, 1)
FEW = Limits(imports=ONE, import_wait_seconds=0.0, exports=ONE)
KINDS = [("import", 201), ("export", 200), ("the whole log", 200)]


async def statuses(running: Service, kind: str) -> list[int]:
    """Of four at once, by as many tenants, so that none of them waits for another's log."""
    callers = [await client(running) for _ in range(4)]
    projects = [f"/projects/{await each.project()}/{kind}" for each in callers]
    asked = [
        each.post(path, work("1.1")) if kind == "import" else each.get(path if kind == "export" else "/audit/export")
        for each, path in zip(callers, projects, strict=True)
    ]
    return sorted(answer.status for answer in await asyncio.gather(*asked))


@pytest.mark.parametrize(("kind", "good"), KINDS)
async def test_beyond_their_places_they_are_put_off(log_of_module: TestDatabase, kind: str, good: int) -> None:
    """Went red while they took the places of ordinary requests."""
    async with service(log_of_module, limits=FEW) as running:
        found = await statuses(running, kind)
    assert (found[0], found[-1]) == (good, 503)


@pytest.mark.parametrize(("kind", "good"), KINDS)
async def test_within_their_places_they_all_come_through(log_of_module: TestDatabase, kind: str, good: int) -> None:
    """The control: with the bounds of a service, of which imports wait for a while."""
    async with service(log_of_module) as running:
        assert await statuses(running, kind) == [good] * 4
