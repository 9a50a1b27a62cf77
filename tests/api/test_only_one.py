"""Two processes ask at once for what only one may have: one is given it, and the other is told so."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest

from tests.api.asgi import Answer
from tests.api.logs import service
from tests.api.team import worker
from tests.api.work import Client, client
from tests.support.database import TestDatabase

ROUNDS = 8

Pair = Sequence[Client]
Contest = Callable[[Pair], Awaitable[Sequence[tuple[str, str, Any]]]]
"""Lays out what one round needs; method, path and body of what each of the two then asks for."""


def some() -> str:
    return uuid4().hex[:12]


async def an_id_elsewhere(pair: Pair) -> Sequence[tuple[str, str, Any]]:
    epic, name = await pair[0].epic(await pair[0].project(f"p-{some()}")), some()
    told = {"external_source": "github", "external_id": name}
    return [("POST", f"/epics/{epic}/stories", {"number": f"1.{at}", "title": "t", **told}) for at in (1, 2)]


async def a_title_of_an_article(_: Pair) -> Sequence[tuple[str, str, Any]]:
    body = {"title": f"Retries {some()}", "body": "Send the same key again.", "category": "pattern"}
    return [("POST", "/articles", body)] * 2


async def a_name_of_a_skill(_: Pair) -> Sequence[tuple[str, str, Any]]:
    return [("POST", "/skills", {"name": f"skill-{some()}", "prompt_text": "Read the story."})] * 2


async def a_budget_of_one_story(pair: Pair) -> Sequence[tuple[str, str, Any]]:
    story = await pair[0].story(await pair[0].epic(await pair[0].project(f"p-{some()}")))
    return [("POST", "/token-budgets", {"scope_type": "story", "scope_id": story, "budget_tokens": 10})] * 2


async def a_deletion_of_a_report(pair: Pair) -> Sequence[tuple[str, str, Any]]:
    story = await pair[0].story(await pair[0].epic(await pair[0].project(f"p-{some()}")))
    body = {"story_id": story, "model_name": "m", "input_tokens": 1, "output_tokens": 1}
    answer = await (await worker(pair[0], f"ann-{some()}", {})).post("/token-usage", body)
    assert answer.status == 201, answer.body
    usage = answer.json()["token_usage_report"]["id"]
    return [("DELETE", f"/token-usage/{usage}", None)] * 2


async def a_comment(pair: Pair) -> Sequence[tuple[str, str, Any]]:
    story = await pair[0].story(await pair[0].epic(await pair[0].project(f"p-{some()}")))
    return [("POST", f"/stories/{story}/comments", {"body": "Seen."})] * 2


CONTESTS: dict[str, Contest] = {
    "an id elsewhere": an_id_elsewhere, "a title of an article": a_title_of_an_article,
    "a name of a skill": a_name_of_a_skill, "a budget of one story": a_budget_of_one_story,
    "a deletion of a report": a_deletion_of_a_report,
}  # fmt: skip


@pytest.fixture(scope="module")
async def pair(log_of_module: TestDatabase) -> AsyncIterator[list[Client]]:
    """One tenant, asked through two processes' writers."""
    async with AsyncExitStack() as running:
        one, two = [await running.enter_async_context(service(log_of_module)) for _ in range(2)]
        ann = await client(one)
        yield [ann, Client(two, ann.tenant, ann.raw)]


async def contested(pair: Pair, contest: Contest) -> list[Answer]:
    """What the two were answered in all rounds, those of a round beside each other."""
    found: list[Answer] = []
    for _ in range(ROUNDS):
        asked = await contest(pair)
        found += await asyncio.gather(*(each.send(*what) for each, what in zip(pair, asked, strict=True)))
    return found


@pytest.mark.parametrize("what", CONTESTS)
async def test_one_of_two_at_once_gets(pair: list[Client], what: str) -> None:
    found = await contested(pair, CONTESTS[what])
    for round_ in zip(found[::2], found[1::2], strict=True):
        won = [each.status < 400 for each in round_]
        assert sorted(won) == [False, True], [(each.status, each.body) for each in round_]
        assert all(each.status in (404, 409, 422) for each in round_ if each.status >= 400)


async def test_of_what_both_may_have_both_get_one(pair: list[Client]) -> None:
    """The control: the two are not kept from each other by how they ask."""
    assert {each.status for each in await contested(pair, a_comment)} == {201}
