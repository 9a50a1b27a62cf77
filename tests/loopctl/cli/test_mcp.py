"""The tools of agents: each role has its own, each answers what the server says, and a refusal says what comes next."""

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from loopctl.mcp.tools import TOOLS
from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.outside import environment, outside
from tests.loopctl.cli.relay import relay
from tests.loopctl.cli.serving import Tools, text, tools
from tests.loopctl.cli.shell import Shell
from tests.support.running import CHECKOUT, Run

BIN = Path(sys.executable).parent
NOBODY = "0193a2b4-0000-7000-8000-000000000001"
EPIC = {"number": 3, "title": "Paint", "stories": [{"number": "3.1", "title": "Paint it"}]}
USED = {"input_tokens": 1, "output_tokens": 1, "cost_millicents": 1, "model_name": "m"}
REFUSED: dict[str, dict[str, tuple[dict[str, Any], str]]] = {
    "agent": {
        "resume": ({"project": "nowhere"}, "missing"),
        "waiting_on": ({"project": "nowhere"}, "missing"),
        "next_story": ({"project": "empty"}, "nothing_ready"),
        "get_story": ({"story": NOBODY}, "not_found"),
        "heartbeat": ({"story": "2.1"}, "invalid_transition"),
        "request_review": ({"story": "2.1"}, "invalid_transition"),
        "release_story": ({"story": "2.1"}, "invalid_transition"),
        "list_reviews": ({"story": NOBODY}, "not_found"),
        "report_story": ({"story": "2.1"}, "invalid_transition"),
        "complete_review": ({"story": "2.1", "findings_count": 2}, "story_not_reported_done"),
        "report_usage": ({"story": "9.9", **USED}, "missing"),
        "find_knowledge": ({}, "usage"),
    },
    "orchestrator": {
        "resume": ({"project": "nowhere"}, "missing"),
        "waiting_on": ({"role": "user"}, "invalid_arguments"),
        "list_stories": ({"project": NOBODY}, "not_found"),
        "get_story": ({"story": "9.9"}, "missing"),
        "verify_story": ({"story": "2.1"}, "invalid_transition"),
        "reject_story": ({"story": "2.1", "reason": "no"}, "invalid_transition"),
        "create_story": ({"epic_number": 9, "number": "9.1", "title": "T"}, "validation_failed"),
        "import_stories": ({"epics": []}, "import_invalid"),
        "dispatch": ({"role": "agent", "agent": "nobody"}, "missing"),
        "save_state": ({"state_data": {}, "version": 7}, "version_conflict"),
        "get_costs": ({"project": "nowhere"}, "missing"),
        "find_knowledge": ({"story": "9.9", "query": "q"}, "missing"),
    },
    "user": {
        "resume": ({"project": "nowhere"}, "missing"),
        "waiting_on": ({"project": "nowhere"}, "missing"),
        "list_projects": ({"page": 10_000, "page_size": 101}, "invalid_arguments"),
        "create_project": ({"name": "Twice", "slug": "empty"}, "validation_failed"),
        "create_key": ({"name": "k", "role": "agent", "agent": "nobody"}, "missing"),
        "revoke_key": ({"key_id": NOBODY}, "not_found"),
        "list_agents": ({"page": 0}, "invalid_arguments"),
        "list_webhooks": ({"page": 0}, "invalid_arguments"),
        "set_budget": ({"scope": "story", "budget_millicents": 1}, "usage"),
        "get_costs": ({"project": "nowhere"}, "missing"),
        "verify_log": ({"note": "no head"}, "usage"),
    },
}


@pytest.fixture(scope="module")
def role_keys(keys: Keys) -> dict[str, str]:
    return {"agent": keys.implementer, "orchestrator": keys.orchestrator, "user": keys.user}


@pytest.fixture
def empty(shell: Shell, project: str) -> str:
    """The slug of a project without stories, beside the other one."""
    shell("project", "create", "Empty", "--slug", "empty")
    return "empty"


async def test_a_project_comes_to_its_end_through_the_tools(
    running: Run, keys: Keys, project: str, tmp_path: Path
) -> None:
    """Every tool of every role answers once on the way."""
    async with (
        tools(tmp_path / "a", running.address, keys.implementer, project) as implementer,
        tools(tmp_path / "b", running.address, keys.other, project) as reviewer,
        tools(tmp_path / "c", running.address, keys.orchestrator, project) as orchestrator,
    ):
        await implemented(implementer)
        assert [each["number"] for each in (await reviewer.good("resume"))["to_report"]["stories"]] == ["2.1"]
        (waiting,) = (await reviewer.good("waiting_on", role="agent"))["data"]
        assert (waiting["story"]["number"], waiting["needs"]["action"]) == ("2.1", "report")
        await reviewer.good("report_story", story="2.1", artifact={"artifact_type": "test", "path": "tests/a.py"})
        assert (await reviewer.good("resume"))["to_review"]["count"] == 1
        assert "complete_review" in (await orchestrator.refused("verify_story", story="2.1")).hint
        counted = {"findings_count": 2, "fixes_count": 1, "disproved_count": 1}
        await reviewer.good("complete_review", story="2.1", review_type="team", summary="Sound", **counted)
        assert (await reviewer.good("list_reviews", story="2.1"))["data"][0]["summary"] == "Sound"
        assert (await orchestrator.good("resume"))["to_verify"]["stories"][0]["number"] == "2.1"
        (waiting,) = (await orchestrator.good("waiting_on"))["data"]
        assert (waiting["why"], waiting["needs"]["command"]) == (
            "not_verified", f"loopctl verify 2.1 --project {project}"
        )  # fmt: skip
        assert (await orchestrator.good("verify_story", story="2.1"))["story"]["verified_status"] == "verified"
        await planned(orchestrator)
        assert implementer.done | reviewer.done >= {tool.name for tool in TOOLS["agent"]}
        assert orchestrator.done >= {tool.name for tool in TOOLS["orchestrator"]}


async def implemented(agent: Tools) -> None:
    """Story 2.1, and 2.2 is taken and given back."""
    taken = await agent.good("next_story", lease_seconds=600)
    assert (taken["story"]["number"], taken["story"]["agent_status"]) == ("2.1", "implementing")
    assert taken["story"]["acceptance_criteria"][0]["id"] == "AC-1"
    fencing = taken["lease"]["fencing_token"]
    await agent.good("heartbeat", story="2.1", lease_seconds=900, fencing_token=fencing)
    assert [each["number"] for each in (await agent.good("resume"))["held"]["stories"]] == ["2.1"]
    asked = await agent.good("request_review", story="US-2.1", fencing_token=fencing)
    assert asked["story"]["review_requested_at"] is not None
    reported = (await agent.good("report_usage", story="2.1", **USED))["token_usage_report"]
    assert (reported["total_tokens"], reported["cost_millicents"]) == (2, 1)
    assert (await agent.good("next_story"))["story"]["number"] == "2.2"
    assert (await agent.good("release_story", story="2.2"))["story"]["agent_status"] == "pending"
    assert (await agent.good("get_story", story="2.1"))["story"]["title"] == "Story 1"
    assert (await agent.good("find_knowledge", query="paint", story="2.1"))["data"] == []


async def planned(orchestrator: Tools) -> None:
    assert (await orchestrator.good("reject_story", story="2.1", reason="Again"))["story"][
        "verified_status"
    ] == "rejected"
    listed = await orchestrator.good("list_stories", verified_status="rejected")
    assert [story["number"] for story in listed["data"]] == ["2.1"]
    assert (await orchestrator.good("get_costs"))["data"]["cost_millicents"] == 1
    assert (await orchestrator.good("find_knowledge", query="paint"))["meta"]["total_count"] == 0
    assert [each["cost_millicents"] for each in (await orchestrator.good("get_costs", by="agent"))["data"]] == [1]
    new = await orchestrator.good(
        "create_story", epic_number=2, number="2.4", title="New", acceptance_criteria=[{"description": "It is there"}]
    )
    assert (await orchestrator.good("get_story", story="2.4"))["story"]["id"] == new["story"]["id"]
    said = await orchestrator.good("import_stories", epics=[EPIC], merge=True, dry_run=True)
    assert said["import"]["stories_created"] == 1
    saved = await orchestrator.good("save_state", state_data={"phase": 2}, version=0)
    assert (await orchestrator.good("resume"))["state"] == saved["state"]
    dispatched = await orchestrator.good("dispatch", role="agent", story="2.4", expires_in_seconds=600)
    assert dispatched["data"]["api_key"]["raw_key"].startswith("lc_")


async def test_a_user_founds_projects_and_keys(running: Run, keys: Keys, project: str, tmp_path: Path) -> None:
    async with tools(tmp_path, running.address, keys.user) as user:
        slug = f"{project}-new"
        assert (await user.good("create_project", name="New", slug=slug))["project"]["slug"] == slug
        assert (await user.good("list_projects", page_size=100))["meta"]["total_count"] >= 2
        (key,) = (await user.good("create_key", name="k", role="agent")).values()
        await user.good("revoke_key", key_id=key["id"])
        assert (await user.good("list_agents"))["meta"]["total_count"] > 0
        assert (await user.good("list_webhooks"))["data"] == []
        (budget,) = (await user.good("set_budget", project=slug, scope="project", budget_millicents=7)).values()
        assert (budget["scope_type"], budget["budget_millicents"]) == ("project", 7)
        assert (await user.good("get_costs", project=slug))["data"]["cost_millicents"] == 0
        assert (await user.good("waiting_on", project=slug))["data"] == []
        assert (await user.good("resume", project=slug))["progress"]["total_stories"] == 0
        head = await user.good("verify_log")
        assert (await user.good("verify_log", note=head["note"]))["continues"] == head["size"]
        assert user.done >= {tool.name for tool in TOOLS["user"]}


@pytest.mark.parametrize("role", TOOLS)
async def test_each_tool_passes_on_what_refuses_it(
    running: Run, role_keys: dict[str, str], project: str, empty: str, tmp_path: Path, role: str
) -> None:
    assert set(REFUSED[role]) == {tool.name for tool in TOOLS[role]}
    async with tools(tmp_path, running.address, role_keys[role], project) as agent:
        said = {name: await agent.refused(name, **arguments) for name, (arguments, _) in REFUSED[role].items()}
    assert {name: failure.error["code"] for name, failure in said.items()} == {
        name: code for name, (_, code) in REFUSED[role].items()
    }
    assert [name for name, failure in said.items() if not failure.hint and failure.error["code"] != "not_found"] == []


async def test_who_implemented_is_told_what_to_do_instead_of_reporting(
    running: Run, keys: Keys, project: str, tmp_path: Path
) -> None:
    async with tools(tmp_path, running.address, keys.implementer, project) as agent:
        await agent.good("next_story")
        failure = await agent.refused("report_story", story="2.1")
    assert (failure.error["status"], failure.error["code"]) == (409, "self_report_blocked")
    assert (failure.error["current_state"], "request_review" in failure.hint) == ("implementing", True)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_each_role_has_its_own_tools_in_both_eras_of_the_protocol(
    running: Run, role_keys: dict[str, str], tmp_path: Path, mode: Literal["legacy", "auto"]
) -> None:
    for role, key in role_keys.items():
        async with tools(tmp_path, running.address, key, mode=mode) as agent:
            listed = (await agent.client.list_tools()).tools
        assert [tool.name for tool in listed] == [tool.name for tool in TOOLS[role]]


BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "a member that there is not": ("get_story", {"story": "2.1", "verbose": True}, "invalid_arguments"),
    "another type": ("next_story", {"lease_seconds": "600"}, "invalid_arguments"),
    "nothing": ("get_story", {}, "invalid_arguments"),
    "too much": ("get_story", {"story": "2" * 1_000_000}, "invalid_arguments"),
    "no story": ("get_story", {"story": "the second"}, "usage"),
    "another role's tool": ("verify_story", {"story": "2.1"}, "unknown_tool"),
}


async def test_what_cannot_be_is_refused_and_the_process_goes_on(
    running: Run, keys: Keys, project: str, tmp_path: Path
) -> None:
    async with tools(tmp_path, running.address, keys.implementer, project) as agent:
        said = {what: await agent.refused(name, **arguments) for what, (name, arguments, _) in BAD.items()}
        assert (await agent.good("get_story", story="2.1"))["story"]["number"] == "2.1"
    assert {what: failure.error["code"] for what, failure in said.items()} == {
        what: code for what, (_, _, code) in BAD.items()
    }
    assert all(failure.hint for failure in said.values())


async def test_a_key_that_is_revoked_meanwhile_is_told(running: Run, keys: Keys, shell: Shell, tmp_path: Path) -> None:
    (key,) = shell.good("keys", "create", "--name", "short", "--role", "agent").values()
    async with tools(tmp_path, running.address, key["raw_key"]) as agent:
        await agent.good("resume")
        shell.good("keys", "revoke", key["id"])
        failure = await agent.refused("resume")
        again = await agent.refused("get_story", story=NOBODY)
    assert (failure.error["status"], again.error["status"]) == (401, 401)
    assert "LOOPCTL_API_KEY" in failure.hint


async def test_a_server_that_goes_away_and_comes_back_is_told_and_asked_again(
    running: Run, keys: Keys, tmp_path: Path
) -> None:
    async with relay(running.address) as between, tools(tmp_path, between.address, keys.user) as user:
        await user.good("resume")
        await between.close()
        failure = await user.refused("create_project", name="P", slug="gone-away")
        await between.open()
        await user.good("resume")
    assert failure.error["code"] == "unreachable"
    assert "POST projects may have been carried out, or not" in failure.hint


async def test_calls_at_once_are_each_answered(running: Run, keys: Keys, project: str, tmp_path: Path) -> None:
    """Went red while no call waited for its turn."""
    async with tools(tmp_path, running.address, keys.other, project) as agent:
        numbers = ["2.1", "2.2", "2.3"] * 5
        answers = await asyncio.gather(*(agent.good("get_story", story=number) for number in numbers))
    assert [answer["story"]["number"] for answer in answers] == numbers


def test_it_ends_with_its_input(running: Run, keys: Keys, tmp_path: Path) -> None:
    said = outside("mcp", env=environment(tmp_path, running.address, LOOPCTL_API_KEY=keys.user))
    assert said == (0, "", "")


def test_two_keys_are_one_too_many(running: Run, keys: Keys, tmp_path: Path) -> None:
    """An identity for each process. The control is every other test here, which starts with one."""
    env = environment(tmp_path, running.address, LOOPCTL_AGENT_KEY=keys.implementer, LOOPCTL_ORCH_KEY=keys.orchestrator)
    said = outside("mcp", env=env)
    assert (said.code, said.out) == (2, "")
    assert "LOOPCTL_AGENT_KEY, LOOPCTL_ORCH_KEY" in said.error()["error"]["message"]


def test_a_key_that_is_kept_in_a_file_is_not_taken(running: Run, keys: Keys, shell: Shell) -> None:
    shell.good("auth", "login", "--server", running.address, "--key", keys.user)
    said = outside("mcp", env=environment(shell.config.parent, running.address))
    assert (said.code, said.out) == (2, "")
    assert "no key in the environment" in said.error()["error"]["message"]


def test_a_wrong_key_does_not_start(running: Run, tmp_path: Path) -> None:
    said = outside("mcp", env=environment(tmp_path, running.address, LOOPCTL_API_KEY="lc_wrong"))
    assert (said.code, said.out, said.error()["error"]["status"]) == (3, "", 401)


def test_without_a_server_it_does_not_start(tmp_path: Path) -> None:
    said = outside("mcp", env=environment(tmp_path, "http://127.0.0.1:9", LOOPCTL_API_KEY="lc_key"))
    assert (said.code, said.out, said.error()["error"]["code"]) == (1, "", "unreachable")


def test_a_superadmin_has_no_tools(running: Run, root_key: str, tmp_path: Path) -> None:
    said = outside("mcp", env=environment(tmp_path, running.address, LOOPCTL_API_KEY=root_key))
    assert (said.code, said.out) == (6, "")
    assert "LOOPCTL_API_KEY" in said.error()["error"]["message"]


def test_another_set_of_tools_there_is_not(tmp_path: Path) -> None:
    said = outside(
        "mcp", env=environment(tmp_path, "http://127.0.0.1:9", LOOPCTL_API_KEY="lc_key", LOOPCTL_TOOLS="most")
    )
    assert (said.code, "LOOPCTL_TOOLS is all" in said.error()["error"]["message"]) == (2, True)


async def test_all_tools_ask_with_the_keys_that_guides_print(
    running: Run, keys: Keys, project: str, tmp_path: Path
) -> None:
    """The configuration of three keys starts, and says that it drops one of them."""
    ((_, printed),) = printed_servers()[2].items()
    assert (printed["args"], printed["env"]["LOOPCTL_TOOLS"]) == (["mcp"], "all")
    three = {
        "LOOPCTL_ORCH_KEY": keys.orchestrator, "LOOPCTL_AGENT_KEY": keys.implementer,
        "LOOPCTL_REVIEWER_KEY": keys.other, "LOOPCTL_TOOLS": "all", "LOOPCTL_PROJECT": project,
    }  # fmt: skip
    told = tmp_path / "told"
    started = StdioServerParameters(
        command="sh", args=["-c", f'"$@" 2>{told}', "sh", sys.executable, "-m", "loopctl", "mcp"],
        env=environment(tmp_path, running.address, **three),
    )  # fmt: skip
    async with Client(started) as client:
        agent = Tools(client)
        assert len((await client.list_tools()).tools) == 52
        ready = await agent.ask("list_stories", project_id=project, status="ready", limit=1)
        story = json.loads(text(ready))["data"][0]
        contract = await agent.ask("contract_story", story_id=story["id"], story_title=story["title"], ac_count=1)
        read_in = await agent.ask("knowledge_ingestion_jobs")
        missing = await agent.ask("delete_project", project_id=project)
    assert "LOOPCTL_REVIEWER_KEY is not used" in told.read_text()
    assert (contract.is_error, story["number"], "acceptance_criteria" in story) == (False, "2.1", False)
    assert [*json.loads(text(read_in))] == ["data"]
    assert json.loads(text(missing))["body"].startswith("no_key: delete_project asks with LOOPCTL_USER_KEY")


async def test_the_printed_configuration_starts_it(running: Run, role_keys: dict[str, str], tmp_path: Path) -> None:
    """Of docs/mcp.md; the keys are ours, and the server's address."""
    servers = printed_servers()[0]
    found = {}
    for name, server in servers.items():
        role = name.removeprefix("loopctl-")
        assert set(server["env"]) == {"LOOPCTL_SERVER", "LOOPCTL_API_KEY", "LOOPCTL_PROJECT"}
        env = {**environment(tmp_path, running.address), **server["env"], "LOOPCTL_SERVER": running.address}
        env = {**env, "LOOPCTL_API_KEY": role_keys[role], "LOOPCTL_PROJECT": "", "PATH": str(BIN)}
        async with Client(StdioServerParameters(command=server["command"], args=server["args"], env=env)) as client:
            answer = await client.call_tool("resume", {})
            found[role] = json.loads(text(answer))["key"]["role"]
    assert found == {role: role for role in TOOLS}


def printed_servers() -> list[Any]:
    printed = re.findall(r"```json\n(.*?)```", (CHECKOUT / "docs" / "mcp.md").read_text(), re.DOTALL)
    return [json.loads(each)["mcpServers"] for each in printed]


async def test_the_printed_configuration_over_http_reaches_the_server(running: Run, keys: Keys, project: str) -> None:
    ((name, server),) = printed_servers()[1].items()
    said = {**server["headers"], "Authorization": f"Bearer {keys.implementer}", "X-Loopctl-Project": project}
    assert (name, server["type"], said.keys()) == ("loopctl-agent", "http", server["headers"].keys())
    url = server["url"].replace("http://127.0.0.1:4000", running.address)
    async with (
        httpx2.AsyncClient(headers=said, timeout=60, trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        assert (await Tools(client).good("resume"))["project"]["slug"] == project
