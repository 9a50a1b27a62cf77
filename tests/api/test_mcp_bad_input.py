"""What no tool over HTTP can take: a short refusal with what to do, and the next call goes on."""

from typing import Any

import pytest

from tests.api.logs import Service, call
from tests.api.team import Team, team
from tests.api.test_mcp import calling, posted
from tests.api.work import Client

LONGEST_LINE = 2_000
"""Letters of a refusal, whatever was sent."""
DEEP: Any = []
for _ in range(20):
    DEEP = [DEEP]

BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "a member that there is not": ("get_story", {"story": "2.1", "verbose": True}, "invalid_arguments"),
    "a number in the place of a text": ("get_story", {"story": 7}, "invalid_arguments"),
    "a text in the place of a number": ("next_story", {"lease_seconds": "600"}, "invalid_arguments"),
    "a list in the place of a text": ("get_story", {"story": DEEP}, "invalid_arguments"),
    "a number out of bounds": ("next_story", {"lease_seconds": 10**15}, "invalid_arguments"),
    "nothing": ("get_story", {}, "invalid_arguments"),
    "null for what is needed": ("get_story", {"story": None}, "invalid_arguments"),
    "more than any story is called": ("get_story", {"story": "2" * 500_000}, "invalid_arguments"),
    "a path in the place of a story": ("get_story", {"story": "../tenants/me"}, "usage"),
    "another role's tool": ("verify_story", {"story": "2.1"}, "unknown_tool"),
    "a tool that there is not": ("x" * 5_000, {}, "unknown_tool"),
}


@pytest.fixture
async def crew(served: Service) -> Team:
    return await team(served)


async def goes_on(who: Client) -> bool:
    answer = await posted(who, calling("resume"))
    return answer.status == 200 and answer.json()["result"]["isError"] is False


@pytest.mark.parametrize("what", BAD)
async def test_what_a_tool_cannot_take_is_told_in_one_line(crew: Team, what: str) -> None:
    name, arguments, code = BAD[what]
    answer = await posted(crew.implementer, calling(name, **arguments))
    result = answer.json()["result"]
    (text,) = result["content"]
    assert (answer.status, result["isError"], result["structuredContent"]["error"]["code"]) == (200, True, code)
    assert (len(text["text"]) <= LONGEST_LINE, "Next: " in text["text"], "\n" in text["text"]) == (True, True, False)
    assert await goes_on(crew.implementer)


@pytest.mark.parametrize("value", ["a\u0000b", 10**30])
async def test_what_no_request_may_hold_is_refused_before_any_tool_sees_it(crew: Team, value: Any) -> None:
    answer = await posted(crew.implementer, calling("next_story", project=value))
    assert (answer.status, answer.error["code"]) == (400, "bad_request")
    assert await goes_on(crew.implementer)


async def test_more_than_the_server_reads_is_refused_before_any_tool_sees_it(crew: Team) -> None:
    answer = await posted(crew.implementer, calling("get_story", story="2" * 3_000_000))
    assert (answer.status, answer.error["code"]) == (413, "payload_too_large")
    assert await goes_on(crew.implementer)


async def test_a_key_that_is_revoked_in_the_middle_is_told_so(crew: Team) -> None:
    made = (await crew.user.post("/api_keys", {"name": "short", "role": "agent"})).json()["api_key"]
    short = Client(crew.user.service, crew.user.tenant, made["raw_key"])
    assert await goes_on(short)
    assert (await crew.user.delete(f"/api_keys/{made['id']}")).status == 200
    for body in (calling("resume"), calling("next_story", project="my-app")):
        answer = await posted(short, body)
        assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")
    assert await goes_on(crew.user)


async def test_without_a_key_there_are_no_tools(crew: Team) -> None:
    answer = await call(crew.user.service.app, "", "/mcp", "POST", calling("resume"))
    assert answer.status == 401
