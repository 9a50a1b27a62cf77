"""Two processes serve one tenant: each decides on what the other has written."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.api.logs import service
from tests.api.work import Client, client
from tests.support.database import TestDatabase


@pytest.fixture
async def pair(log_of_module: TestDatabase) -> AsyncIterator[tuple[Client, Client]]:
    async with AsyncExitStack() as running:
        first, second = [await running.enter_async_context(service(log_of_module)) for _ in range(2)]
        ann = await client(first)
        yield ann, Client(second, ann.tenant, ann.raw)


async def test_a_refusal_is_not_made_from_what_was_true_before_the_other_wrote(pair: tuple[Client, Client]) -> None:
    """Went red while a batch that only refuses was not compared with the head of the log."""
    ann, elsewhere = pair
    project = await ann.project()
    epic = await ann.epic(project, 1)
    assert (await ann.post(f"/projects/{project}/epics", {"number": 1, "title": "x"})).status == 422
    assert (await elsewhere.delete(f"/epics/{epic}")).status == 204
    assert (await ann.post(f"/projects/{project}/epics", {"number": 1, "title": "x"})).status == 201


async def test_an_answer_is_not_made_from_what_was_true_before_the_other_wrote(pair: tuple[Client, Client]) -> None:
    ann, elsewhere = pair
    epic = await ann.epic(await ann.project(), 1)
    await elsewhere.patch(f"/epics/{epic}", {"title": "Theirs"})
    assert (await ann.patch(f"/epics/{epic}", {})).json()["epic"]["title"] == "Theirs"


async def test_a_stream_that_the_other_has_moved_on_is_written_to(pair: tuple[Client, Client]) -> None:
    """Went red while the end of a stream could lie beyond the head that a batch was to follow."""
    ann, elsewhere = pair
    epic = await elsewhere.epic(await ann.project(), 1)
    for number in range(3):
        await elsewhere.patch(f"/epics/{epic}", {"title": f"Title {number}"})
    answer = await ann.patch(f"/epics/{epic}", {"phase": "p1"})
    assert (answer.status, answer.json()["epic"]["title"]) == (200, "Title 2")
