"""Three processes that know nothing but their tools bring a project from empty to all stories verified."""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from mcp import StdioServerParameters
from mcp.client import Client

from bench.agents_at_work import Crew, Over, Refused, Spent, by_all_tools, by_few_tools, verified
from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.outside import environment
from tests.loopctl.cli.serving import SECONDS
from tests.loopctl.cli.shell import Shell
from tests.support.running import Run


def backlog() -> dict[str, Any]:
    """Two epics; the second story of each cannot begin before the first one is verified, nor the second epic before the
    first."""
    criteria = [{"id": "AC-1", "description": "It opens"}, {"id": "AC-2", "description": "It closes"}]
    stories = {
        epic: [
            {"number": f"{epic}.{number}", "title": f"Door {epic}.{number}", "acceptance_criteria": criteria}
            for number in (1, 2)
        ]
        for epic in (1, 2)
    }
    epics = [{"number": epic, "title": f"House {epic}", "stories": each} for epic, each in stories.items()]
    pairs = (("1.2", "1.1"), ("2.1", "1.2"), ("2.2", "2.1"))
    return {"epics": epics, "story_dependencies": [{"story": later, "depends_on": first} for later, first in pairs]}


@pytest.fixture
def empty(shell: Shell) -> str:
    """A project without stories."""
    slug = f"p-{uuid4().hex[:12]}"
    shell.good("project", "create", f"Project {slug}", "--slug", slug)
    return slug


@asynccontextmanager
async def processes(home: Path, *environments: dict[str, str]) -> AsyncIterator[list[Over]]:
    """`loopctl mcp`, one for each environment."""
    async with AsyncExitStack() as stack:
        found = []
        for number, env in enumerate(environments):
            started = StdioServerParameters(
                command=sys.executable, args=["-m", "loopctl", "mcp"], env=environment(home / str(number), "", **env)
            )
            client = await stack.enter_async_context(Client(started, read_timeout_seconds=SECONDS))
            found.append(Over(client, len, Spent()))
        yield found


async def test_with_the_few_tools_of_each_role(running: Run, keys: Keys, empty: str, tmp_path: Path) -> None:
    said = {"LOOPCTL_SERVER": running.address, "LOOPCTL_PROJECT": empty}
    of_roles = (keys.implementer, keys.other, keys.orchestrator)
    async with processes(tmp_path, *({**said, "LOOPCTL_API_KEY": key} for key in of_roles)) as (one, other, third):
        progress = await by_few_tools(Crew(one, other, third), backlog())
        with pytest.raises(Refused, match="nothing_ready"):
            await one.call("next_story")
    assert (progress["total_stories"], verified(progress)) == (4, 4)


async def test_with_the_tools_that_guides_name(running: Run, keys: Keys, empty: str, tmp_path: Path) -> None:
    said = {"LOOPCTL_SERVER": running.address, "LOOPCTL_TOOLS": "all"}
    of_roles = (
        {"LOOPCTL_AGENT_KEY": keys.implementer}, {"LOOPCTL_REVIEWER_KEY": keys.other},
        {"LOOPCTL_ORCH_KEY": keys.orchestrator},
    )  # fmt: skip
    async with processes(tmp_path, *({**said, **each} for each in of_roles)) as (one, other, third):
        progress = await by_all_tools(Crew(one, other, third), backlog(), empty)
    assert (progress["total_stories"], verified(progress)) == (4, 4)


async def test_one_that_implements_and_would_review_itself_gets_nowhere(
    running: Run, keys: Keys, empty: str, tmp_path: Path
) -> None:
    """The control: the same agents, but implementer and reviewer are one."""
    said = {"LOOPCTL_SERVER": running.address, "LOOPCTL_PROJECT": empty}
    of_roles = (keys.implementer, keys.implementer, keys.orchestrator)
    async with processes(tmp_path, *({**said, "LOOPCTL_API_KEY": key} for key in of_roles)) as (one, other, third):
        assert verified(await by_few_tools(Crew(one, other, third), backlog())) == 0
        with pytest.raises(Refused, match="self_report_blocked"):
            await other.call("report_story", story="1.1")
