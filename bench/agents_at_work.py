"""Scripted agents that bring a project from empty to all stories verified, and know nothing but their tools.

Implementer, reviewer and orchestrator are a session each, and take turns until every story is verified, or a turn has
changed nothing. What they do next follows from what the tools have answered, so that a tool which does not say enough
stops them.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from mcp.client import Client
from mcp_types import TextContent
from msgspec import Struct

REVIEW = {"review_type": "adversarial", "summary": "Read against its criteria; it holds."}


class Refused(Exception):
    """The tool said no; the code of it."""


class Spent(Struct):
    """In what it is measured with: tokens, or letters."""

    definitions: int = 0
    asked: int = 0
    answered: int = 0
    calls: int = 0

    @property
    def everything(self) -> int:
        return self.definitions + self.asked + self.answered


class Session(Protocol):
    """What an agent has of loopctl."""

    async def call(self, name: str, /, **arguments: Any) -> Any:
        """What is answered. Raises Refused."""
        ...


class Over:
    """Tools over MCP, whichever way the client goes. ``measure`` counts what the model reads and writes."""

    def __init__(self, client: Client, measure: Callable[[str], int], spent: Spent) -> None:
        self._client = client
        self._measure = measure
        self._spent = spent

    async def listed(self) -> list[str]:
        tools = (await self._client.list_tools()).tools
        said = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]
        self._spent.definitions += self._measure(compact(said))
        return [tool.name for tool in tools]

    async def call(self, name: str, /, **arguments: Any) -> Any:
        result = await self._client.call_tool(name, arguments)
        (block,) = result.content
        if not isinstance(block, TextContent):
            raise TypeError(f"{name} answers no text")
        self._spent.calls += 1
        self._spent.asked += self._measure(compact({"name": name, "arguments": arguments}))
        self._spent.answered += self._measure(block.text)
        if result.is_error:
            raise Refused((result.structured_content or {}).get("error", {}).get("code", block.text))
        return json.loads(block.text)


class Crew(Struct, frozen=True):
    implementer: Session
    reviewer: Session
    orchestrator: Session


async def by_few_tools(crew: Crew, backlog: Mapping[str, Any]) -> Mapping[str, Any]:
    """With the tools of each role. The project's progress at the end, which is where nothing moves any more."""
    for each in (crew.implementer, crew.reviewer, crew.orchestrator):
        await each.call("resume")
    await crew.orchestrator.call("import_stories", **backlog)
    before: Any = None
    while True:
        await _implemented(crew.implementer)
        await _reviewed(crew.reviewer)
        for story in (await crew.orchestrator.call("resume"))["to_verify"]["stories"]:
            await crew.orchestrator.call("verify_story", story=story["number"])
        progress = (await crew.orchestrator.call("resume"))["progress"]
        if progress == before or _done(progress):
            return dict(progress)
        before = progress


async def _implemented(agent: Session) -> None:
    try:
        taken = await agent.call("next_story")
    except Refused as refused:
        if str(refused) != "nothing_ready":
            raise
        return
    await agent.call("request_review", story=taken["story"]["number"])


async def _reviewed(agent: Session) -> None:
    for story in (await agent.call("resume"))["to_report"]["stories"]:
        named = {"story": story["number"]}
        await agent.call("get_story", **named)
        await agent.call("report_story", **named)
        await agent.call("complete_review", **named, **REVIEW)


async def by_all_tools(crew: Crew, backlog: Mapping[str, Any], project: str) -> Mapping[str, Any]:
    """With the 52 tools that guides name. The same."""
    for each in (crew.implementer, crew.reviewer, crew.orchestrator):
        await each.call("get_tenant")
    await crew.orchestrator.call("import_stories", project_id=project, payload=dict(backlog))
    before: Any = None
    while True:
        await _implemented_in_steps(crew.implementer, project)
        await _reviewed_in_steps(crew.reviewer, project)
        waiting = {"project_id": project, "agent_status": "reported_done", "verified_status": "unverified"}
        for story in (await crew.orchestrator.call("list_stories", **waiting))["data"]:
            await crew.orchestrator.call("verify_story", story_id=story["id"])
        progress = (await crew.orchestrator.call("get_progress", project_id=project))["progress"]
        if progress == before or _done(progress):
            return dict(progress)
        before = progress


async def _implemented_in_steps(agent: Session, project: str) -> None:
    ready = (await agent.call("list_stories", project_id=project, status="ready", limit=1))["data"]
    for listed in ready:
        named = {"story_id": listed["id"]}
        story = (await agent.call("get_story", **named))["story"]
        criteria = len(story["acceptance_criteria"])
        await agent.call("contract_story", **named, story_title=story["title"], ac_count=criteria)
        for step in ("claim_story", "start_story", "request_review"):
            await agent.call(step, **named)


async def _reviewed_in_steps(agent: Session, project: str) -> None:
    for story in (await agent.call("list_stories", project_id=project, agent_status="implementing"))["data"]:
        named = {"story_id": story["id"]}
        await agent.call("get_story", **named)
        await agent.call("report_story", **named)
        await agent.call("review_complete", **named, **REVIEW)


def _done(progress: Mapping[str, Any]) -> bool:
    return verified(progress) == int(progress["total_stories"])


def verified(progress: Mapping[str, Any]) -> int:
    return int(progress["stories_by_verified_status"]["verified"])


def compact(said: Any) -> str:
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False)
