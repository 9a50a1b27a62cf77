"""Tools over HTTP: those of the key's role, each request of them as any other, both eras of the protocol."""

import asyncio
import re
import subprocess
import sys
from typing import Any, Literal

import pytest

from config.settings import Settings
from loopctl.mcp.tools import TOOLS
from tests.api.asgi import Answer
from tests.api.logs import Service, call
from tests.api.mcp_client import over_http
from tests.api.team import Team, team
from tests.api.work import Client
from tests.support.running import CHECKOUT

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
HANDSHAKE = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}  # fmt: skip


@pytest.fixture
async def crew(served: Service) -> Team:
    return await team(served)


async def posted(who: Client, body: Any, **headers: str) -> Answer:
    return await call(who.service.app, who.raw, "/mcp", "POST", body, **headers)


def calling(name: str, **arguments: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_each_role_has_its_tools_in_both_eras(crew: Team, mode: Literal["legacy", "auto"]) -> None:
    for role, who in {"agent": crew.implementer, "orchestrator": crew.orchestrator, "user": crew.user}.items():
        async with over_http(who.service.app, who.raw, mode) as tools:
            listed = (await tools.client.list_tools()).tools
            assert (await tools.good("resume"))["key"]["role"] == role
        assert [tool.name for tool in listed] == [tool.name for tool in TOOLS[role]]


async def test_a_story_comes_to_its_end_through_the_tools(crew: Team) -> None:
    project = await crew.user.project()
    await crew.user.story(await crew.user.epic(project))
    app = crew.user.service.app
    async with (
        over_http(app, crew.implementer.raw, X_Loopctl_Project="my-app") as implementer,
        over_http(app, crew.other.raw, X_Loopctl_Project="my-app") as reviewer,
        over_http(app, crew.orchestrator.raw, X_Loopctl_Project=project) as orchestrator,
    ):
        assert (await implementer.good("next_story", lease_seconds=600))["story"]["number"] == "1.1"
        await implementer.good("request_review", story="1.1")
        refusal = await implementer.refused("report_story", story="1.1")
        await reviewer.good("report_story", story="1.1")
        await reviewer.good("complete_review", story="1.1", review_type="team", summary="Sound")
        done = await orchestrator.good("verify_story", story="1.1")
    assert (refusal.error["status"], refusal.error["code"]) == (409, "self_report_blocked")
    assert done["story"]["verified_status"] == "verified"


async def test_a_tool_sees_the_tenant_of_its_key_alone(crew: Team, bob: Client) -> None:
    story = await crew.user.story(await crew.user.epic(await crew.user.project()))
    answer = await posted(crew.user, calling("list_projects"))
    assert answer.json()["result"]["structuredContent"]["meta"]["total_count"] == 1
    for body in (calling("list_projects"), calling("resume", project="my-app"), calling("resume", project=story)):
        result = (await posted(bob, body)).json()["result"]["structuredContent"]
        assert result.get("meta", {"total_count": 0})["total_count"] == 0
        assert "project" not in result


async def test_what_another_role_may_is_no_tool(crew: Team) -> None:
    answer = await posted(crew.implementer, calling("verify_story", story="1.1"))
    result = answer.json()["result"]
    assert (answer.status, result["isError"]) == (200, True)
    assert result["structuredContent"]["error"]["code"] == "unknown_tool"


async def test_a_call_that_is_repeated_with_its_key_is_carried_out_once(crew: Team) -> None:
    epic = await crew.user.epic(await crew.user.project())
    for number in ("1.1", "1.2"):
        await crew.user.story(epic, number)
    taking = calling("next_story", project="my-app")
    said = [(await posted(crew.implementer, taking, Idempotency_Key=key)).json() for key in ("a", "a", "b")]
    numbers = [answer["result"]["structuredContent"]["story"]["number"] for answer in said]
    assert numbers == ["1.1", "1.1", "1.2"]


async def test_calls_at_once_each_have_an_answer(crew: Team) -> None:
    await crew.user.project()
    answers = await asyncio.gather(*(posted(crew.user, calling("list_projects")) for _ in range(12)))
    assert {answer.json()["result"]["structuredContent"]["meta"]["total_count"] for answer in answers} == {1}


async def test_what_a_call_says_of_heads_counts_for_its_requests(crew: Team) -> None:
    """Went red while a tenant that wants to be told of them had no tools over HTTP."""
    await crew.user.get("/audit/proof?kind=consistency&first=1")  # for which a head is signed
    head = (await crew.user.get("/tenants/me")).headers["loopctl-head"]
    await crew.user.patch("/tenants/me", {"settings": {"witness_mode": "required"}})
    answer = await posted(crew.user, calling("list_agents"))
    assert (answer.status, answer.error["code"]) == (428, "witness_header_missing")
    answer = await posted(crew.user, calling("list_agents"), X_Loopctl_STH_Bootstrap="true")
    assert answer.json()["result"]["isError"] is False
    answer = await posted(crew.user, calling("list_agents"), Loopctl_Witness=f"{head}; key=00c0ffee")
    assert answer.json()["result"]["isError"] is False


async def test_there_are_no_sessions(crew: Team) -> None:
    for method in ("GET", "DELETE"):
        answer = await call(crew.user.service.app, crew.user.raw, "/mcp", method)
        assert (answer.status, answer.error["code"], answer.headers["allow"]) == (405, "method_not_allowed", "POST")
    answer = await posted(crew.user, HANDSHAKE)
    assert (answer.status, "mcp-session-id" in answer.headers) == (200, False)
    assert answer.json()["result"]["protocolVersion"] == "2025-06-18"
    answer = await posted(crew.user, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (answer.status, answer.body) == (202, b"")


async def test_a_page_of_somebody_else_may_not_ask(crew: Team) -> None:
    own = Settings().base_url()
    answer = await posted(crew.user, LIST, Origin="https://elsewhere.example")
    assert (answer.status, answer.error["code"]) == (403, "foreign_origin")
    assert (await posted(crew.user, LIST, Origin=own)).status == 200


WRONG = {
    "a method that there is not": ({"jsonrpc": "2.0", "id": 1, "method": "tools/forget"}, 200, -32601),
    "another version of JSON-RPC": ({"jsonrpc": "1.0", "id": 1, "method": "tools/list"}, 400, -32602),
    "arguments that are no object": (calling("resume") | {"params": {"name": "resume", "arguments": 7}}, 200, -32602),
    "no name": (calling("resume") | {"params": {}}, 200, -32602),
}


@pytest.mark.parametrize("what", WRONG)
async def test_what_is_no_call_is_told_so(crew: Team, what: str) -> None:
    body, status, code = WRONG[what]
    answer = await posted(crew.user, body)
    assert (answer.status, answer.json()["error"]["code"]) == (status, code)


def modern(version: str) -> dict[str, Any]:
    said = {"protocolVersion": version, "clientCapabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    return {f"io.modelcontextprotocol/{name}": value for name, value in said.items()}


async def test_blanks_around_a_header_are_no_part_of_it(crew: Team) -> None:
    """Went red at the official conformance suite: what is behind a value comes with it. The control is another name."""
    body = calling("list_projects")
    body["params"]["_meta"] = modern("2026-07-28")
    said = [
        await posted(crew.user, body, MCP_Protocol_Version="2026-07-28", Mcp_Method="tools/call\t", Mcp_Name=name)
        for name in ("list_projects", "  list_projects \t", "list_agents")
    ]
    assert [answer.status for answer in said] == [200, 200, 400]


async def test_a_version_that_there_is_not_is_told_which_there_are(crew: Team) -> None:
    body = {**LIST, "params": {"_meta": modern("2099-01-01")}}
    answer = await posted(crew.user, body, MCP_Protocol_Version="2099-01-01", Mcp_Method="tools/list")
    assert answer.status == 400
    assert "2026-07-28" in str(answer.json()["error"]["data"])


LOADED = """
import asyncio, sys
from api.mcp.threads import ToolThreads

async def first():
    threads = ToolThreads(4)
    assert "mcp" not in sys.modules
    speaking = await asyncio.gather(*(threads.speak() for _ in range(8)))
    assert len(set(speaking)) == 1 and "mcp" in sys.modules

usual = sys.getswitchinterval()
asyncio.run(first())
assert sys.getswitchinterval() == usual
"""


def test_the_first_calls_load_the_library_and_leave_the_interpreter_as_it_was() -> None:
    """In a process that has not loaded it."""
    done = subprocess.run([sys.executable, "-c", LOADED], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_service_is_installed_with_the_library() -> None:
    """`make up` installs what this file lists, and nothing more."""
    assert re.search(r"(?m)^mcp==", (CHECKOUT / "requirements.lock").read_text())
