"""One service for all tests of the command, and in it one tenant with four agents; each test has a project."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from msgspec import Struct

from loopctl.cli.demo.founding import new_crew
from loopctl.client import Client
from tests.loopctl.cli.shell import Shell
from tests.support.running import CHECKOUT, Run, up

# Each test has a project of one tenant, in whatever order they run, however many and however quick they become.
GENEROUS = {"max_projects": 10_000, "rate_limit_requests_per_minute": 100_000}


class Keys(Struct, frozen=True):
    """Raw keys of one tenant."""

    user: str
    implementer: str
    other: str
    orchestrator: str


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with up(tmp_path_factory.mktemp("command") / "data") as run:
        run.wait_until_healthy()
        yield run


@pytest.fixture(scope="session")
def keys(running: Run, root_key: str) -> Keys:
    user = made_by_the_operator(
        running, "create-tenant", "--name", "Acme", "--slug", "acme", "--email", "a@acme.example"
    )
    client = Client(running.address, user)
    crew = new_crew(client, running.address, (("ada",), ("radia",), "olga"))
    tenant = client.get("tenants/me")["tenant"]["id"]
    client.close()
    root = Client(running.address, root_key)
    root.request("PATCH", f"admin/tenants/{tenant}", {"settings": GENEROUS})
    root.close()
    return Keys(user, crew.implementers["ada"], crew.reviewers["radia"], crew.orchestrator[1])


@pytest.fixture(scope="session")
def root_key(running: Run) -> str:
    """Of a superadmin."""
    return made_by_the_operator(running, "create-superadmin", "--name", "root")


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    """Knows no server."""
    return Shell(monkeypatch, capsys, tmp_path)


@pytest.fixture
def shell(alone: Shell, running: Run, keys: Keys) -> Shell:
    """Knows the server and the user's key."""
    alone.environment(SERVER=running.address, API_KEY=keys.user)
    return alone


@pytest.fixture
def project(shell: Shell, tmp_path: Path) -> str:
    """The slug of a new project of two epics, which the shell means when none is said."""
    slug = f"p-{uuid4().hex[:12]}"
    criteria = [{"id": "AC-1", "description": "The old key works for an hour"}]
    stories = [
        {"number": f"2.{number}", "title": f"Story {number}", "acceptance_criteria": criteria} for number in (1, 2, 3)
    ]
    payload = {
        "epics": [{"number": 2, "title": "Keys", "stories": stories}],
        "story_dependencies": [{"story": "2.3", "depends_on": "2.1"}],
    }
    file = tmp_path / "payload.json"
    file.write_text(json.dumps(payload))
    shell.good("project", "create", f"Project {slug}", "--slug", slug)
    shell.good("import", str(file), "--project", slug)
    shell.environment(PROJECT=slug)
    return slug


def made_by_the_operator(running: Run, *arguments: str) -> str:
    """The raw key."""
    command = [sys.executable, "-m", "operations", *arguments, "--data-dir", str(running.data)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=CHECKOUT, timeout=180, check=True, env=os.environ
    )
    return str(json.loads(done.stdout)["api_key"]["raw_key"])
