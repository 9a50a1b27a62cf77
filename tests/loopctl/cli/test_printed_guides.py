"""What guides print of hooks, tools and commands beside the loop itself, to the letter, against the service."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from mcp import StdioServerParameters
from mcp.client import Client

from bench.agents_at_work import Over, Spent
from loopctl.hooks import shipped_hooks
from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.outside import environment
from tests.loopctl.cli.serving import SECONDS
from tests.loopctl.cli.shell import Shell
from tests.support.running import CHECKOUT, Run

GUARDRAIL = r"""#!/bin/bash
# .claude/hooks/PreToolUse/orchestrator-guardrail.sh
# Blocks Edit/Write/MultiEdit when orchestrator sentinel is active.
# Orchestrator coordinates — agents write code.

input=$(cat)
tool_name=$(echo "$input" | jq -r '.tool_name // ""')
session_id=$(echo "$input" | jq -r '.session_id // ""')

if [ -f "$HOME/.claude/.orchestrator-active-$session_id" ]; then
case "$tool_name" in
  Edit|Write|MultiEdit|NotebookEdit)
    echo "BLOCKED: Orchestrator cannot write code. Dispatch a sub-agent." >&2
    exit 2 ;;
esac
fi
exit 0
"""
KEEP_WORKING = r"""#!/bin/bash
# .claude/hooks/Stop/keep-working.sh
# Prevents orchestrator from stopping when stories remain.
# Queries loopctl API for pending work.

INPUT=$(cat)
SESSION_ID=$(echo "$INPUT" | jq -r '.session_id // ""')

if [ ! -f "$HOME/.claude/.orchestrator-active-$SESSION_ID" ]; then
exit 0  # Not an orchestrator session
fi

# Check for remaining work
PENDING=$(curl -s -H "Authorization: Bearer $LOOPCTL_ORCH_KEY" \
"$LOOPCTL_SERVER/api/v1/stories/ready?limit=1" | jq '.data | length')

if [ "$PENDING" -gt 0 ]; then
exit 2  # Force continuation — stories remain
fi
exit 0
"""
SENTINEL = 'touch "$HOME/.claude/.orchestrator-active-$SESSION_ID"'
COSTS = (
    "token-usage --project {p}", "cost-anomalies --project {p}",
    "budget set --project {p} --scope per_story --limit 200000",
)  # fmt: skip
STORIES = [{"number": "1.1", "title": "First"}, {"number": "1.2", "title": "Second"}]


def test_the_printed_hooks_are_the_ones_that_setup_writes() -> None:
    shipped = shipped_hooks()
    assert shipped["PreToolUse/orchestrator-guardrail.sh"] == GUARDRAIL
    assert shipped["Stop/keep-working.sh"] == KEEP_WORKING


@pytest.mark.parametrize(
    ("hook", "said"),
    [(GUARDRAIL, '{"tool_name": "Write", "session_id": "s-1"}'), (KEEP_WORKING, '{"session_id": "s-1"}')],
)
def test_the_printed_sentinel_is_what_the_printed_hooks_look_for(
    running: Run, keys: Keys, project: str, tmp_path: Path, hook: str, said: str
) -> None:
    """The control is the session before it has typed the line. Stories are ready, in the project if nowhere else."""
    (tmp_path / ".claude").mkdir()
    env = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "SESSION_ID": "s-1", "LOOPCTL_SERVER": running.address,
        "LOOPCTL_ORCH_KEY": keys.orchestrator,
    }  # fmt: skip
    codes = []
    for line in ("true", SENTINEL):
        subprocess.run(["bash", "-c", line], env=env, check=True, timeout=60)
        done = subprocess.run(
            ["bash", "-c", hook], input=said, env=env, text=True, check=False, timeout=60, capture_output=True
        )
        codes.append(done.returncode)
    assert codes == [0, 2]


@pytest.mark.parametrize("line", COSTS)
def test_a_command_about_costs_as_printed(shell: Shell, project: str, line: str) -> None:
    assert shell(*shlex.split(line.format(p=project))).code == 0


def test_the_command_of_a_superadmin_as_printed(shell: Shell, root_key: str) -> None:
    assert shell("admin", "stats", key=root_key).code == 0


@pytest.mark.node
def test_the_npm_folder_is_installed_as_printed(tmp_path: Path) -> None:
    """`cd mcp-server && npm install`, in a copy, without a registry: there is nothing to fetch."""
    shutil.copytree(CHECKOUT / "mcp-server", tmp_path / "mcp-server")
    env = {**os.environ, "npm_config_registry": "http://127.0.0.1:9", "npm_config_cache": str(tmp_path / "cache")}
    done = subprocess.run(
        ["bash", "-c", "cd mcp-server && npm install"], cwd=tmp_path, env=env, check=False, timeout=120,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


async def test_what_an_orchestrator_does_directly_is_done_by_the_printed_tools(
    running: Run, keys: Keys, tmp_path: Path
) -> None:
    """get_tenant(), list_projects(), create_project({name, slug}), and the four that the orchestrate skill names."""
    slug = f"p-{uuid4().hex[:12]}"
    env = environment(tmp_path, running.address, LOOPCTL_TOOLS="all", LOOPCTL_ORCH_KEY=keys.orchestrator)
    started = StdioServerParameters(command=sys.executable, args=["-m", "loopctl", "mcp"], env=env)
    async with Client(started, read_timeout_seconds=SECONDS) as client:
        tools = Over(client, len, Spent())
        await tools.call("get_tenant")
        made = await tools.call("create_project", name="MyApp", slug=slug)
        project = made["project"]["id"]
        assert slug in {each["slug"] for each in (await tools.call("list_projects"))["data"]}
        payload: dict[str, Any] = {"epics": [{"number": 1, "title": "E", "stories": STORIES}]}
        await tools.call("import_stories", project_id=project, payload=payload)
        payload["epics"][0]["stories"] = [{"number": "1.3", "title": "Third"}]
        merged = await tools.call("import_stories", project_id=project, payload=payload, merge=True)
        assert merged["import"]["stories_created"] == 1
        new = {"number": "1.4", "title": "Fourth"}
        await tools.call("create_story", project_id=project, epic_number=1, story=new)
        listed = (await tools.call("list_stories", project_id=project))["data"]
        done = await tools.call("backfill_story", story_id=listed[0]["id"], reason="Done before loopctl")
        agent = (await tools.call("get_tenant"))["api_key"]["agent_id"]
        dispatched = await tools.call("dispatch", role="agent", agent_id=agent)
    assert ([each["number"] for each in listed], done["story"]["verified_status"]) == (
        ["1.1", "1.2", "1.3", "1.4"], "verified",
    )  # fmt: skip
    assert dispatched["data"]["api_key"]["raw_key"].startswith("lc_")
