"""The wiki through the tools of agents: found by words, read whole, and of no other tenant."""

from typing import Any

import pytest

from tests.api.logs import Service
from tests.api.team import Team, key, team
from tests.api.test_articles import filed
from tests.api.test_mcp import calling, posted
from tests.api.work import Client


@pytest.fixture
async def crew(served: Service) -> Team:
    return await team(served)


async def found(who: Client, **question: Any) -> Any:
    """What find_knowledge answers."""
    return (await posted(who, calling("find_knowledge", **question))).json()["result"]["structuredContent"]


async def test_an_agent_finds_an_article_and_reads_it_for_its_story(crew: Team, bob: Client) -> None:
    story = await crew.user.story(await crew.user.epic(await crew.user.project()))
    article = str((await filed(crew.user, "Retries", body="A retry needs a deadline.", status="published"))["id"])
    (passage,) = (await found(crew.implementer, query="deadline", project="my-app", story="1.1"))["data"]
    assert (passage["id"], "deadline" in passage["snippet"]) == (article, True)
    whole = await found(crew.implementer, article=article, story=story)
    assert whole["data"]["body"] == "A retry needs a deadline."
    stranger = await key(bob, "agent")
    assert (await found(stranger, query="deadline"))["data"] == []
    assert (await found(stranger, article=article))["error"]["code"] == "not_found"


async def test_a_question_without_words_is_told_what_to_say(crew: Team) -> None:
    """The control is the test above."""
    said = await found(crew.implementer)
    assert (said["error"]["code"], bool(said["hint"])) == ("usage", True)
