"""The npm package as it is packed, installed and started by what guides print, against a service."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from mcp import StdioServerParameters
from mcp.client import Client
from msgspec import Struct

from loopctl import __version__
from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.serving import text
from tests.support.running import CHECKOUT, Run

pytestmark = pytest.mark.node

PACKAGE = CHECKOUT / "mcp-server"
SECONDS = 120

CONFIGURED = """
{"mcpServers": {"loopctl": {"command": "npx", "args": ["loopctl-mcp-server"], "env": {"LOOPCTL_SERVER":
"https://loopctl.com", "LOOPCTL_ORCH_KEY": "lc_your_orchestrator_key", "LOOPCTL_AGENT_KEY": "lc_your_agent_key"}}}}
"""
FROM_A_CHECKOUT = """
{
  "mcpServers": {
    "loopctl": {
      "command": "node",
      "args": ["/path/to/loopctl/mcp-server/index.js"],
      "env": {
        "NODE_TLS_REJECT_UNAUTHORIZED": "0",
        "LOOPCTL_SERVER": "https://192.168.86.55:8443",
        "LOOPCTL_ORCH_KEY": "lc_your_orchestrator_key",
        "LOOPCTL_AGENT_KEY": "lc_your_agent_key",
        "LOOPCTL_REVIEWER_KEY": "lc_your_reviewer_key"
      }
    }
  }
}
"""
"""As guides print them; the address, the keys and the path are to be one's own."""


class Installed(Struct, frozen=True):
    """A project in which `npm install loopctl-mcp-server` was typed, and a path that leads to the Python side."""

    project: Path
    tarball: Path
    programs: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a client gives its servers besides what is configured: where programs are, and a home."""
        return {"PATH": f"{self.programs}:{os.environ['PATH']}", "HOME": str(self.project)}


def run(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "npm_config_cache": str(cwd / "cache"), "npm_config_update_notifier": "false", **environment}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=SECONDS, check=False)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("npm")
    packed = run("npm", "pack", "--json", "--pack-destination", str(folder), str(PACKAGE), cwd=folder)
    assert packed.returncode == 0, packed.stderr
    tarball = folder / json.loads(packed.stdout)[0]["filename"]
    project, programs = folder / "project", folder / "programs"
    project.mkdir()
    programs.mkdir()
    command = f'#!/bin/sh\nexport PYTHONPATH="{CHECKOUT}"\nexec "{sys.executable}" -m loopctl "$@"\n'
    (programs / "loopctl").write_text(command)
    (programs / "loopctl").chmod(0o755)
    (project / "package.json").write_text("{}")
    with registry(tarball) as address:
        done = run("npm", "install", "loopctl-mcp-server", cwd=project, npm_config_registry=address)
    assert done.returncode == 0, done.stderr
    return Installed(project, tarball, programs)


class Registry:
    """Of one package, such as npm asks."""

    def __init__(self, tarball: Path) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(tarball))
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.serve = self._server.serve_forever

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self, tarball: Path) -> type[BaseHTTPRequestHandler]:
        registry, manifest = self, json.loads((PACKAGE / "package.json").read_text())

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # a name of the library
                version = {**manifest, "dist": {"tarball": f"{registry.address}/{tarball.name}"}}
                versions = {manifest["version"]: version}
                latest = {"latest": manifest["version"]}
                told = json.dumps({"name": manifest["name"], "dist-tags": latest, "versions": versions}).encode()
                body = tarball.read_bytes() if self.path.endswith(".tgz") else told
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        return Handler


class registry:  # noqa: N801  # read as a function
    def __init__(self, tarball: Path) -> None:
        self._made = Registry(tarball)
        self._thread = Thread(target=self._made.serve)

    def __enter__(self) -> str:
        self._thread.start()
        return self._made.address

    def __exit__(self, *_: object) -> None:
        self._made.end()
        self._thread.join()


@asynccontextmanager
async def started(printed: str, installed: Installed, running: Run, **values: str) -> AsyncIterator[Client]:
    """As an MCP client does it by a printed configuration, whose placeholders are ``values``."""
    entry = json.loads(printed)["mcpServers"]["loopctl"]
    env = {name: values.get(name, value) for name, value in entry["env"].items()} | {"LOOPCTL_SERVER": running.address}
    args = [argument.replace("/path/to/loopctl", str(CHECKOUT)) for argument in entry["args"]]
    server = StdioServerParameters(
        command=entry["command"], args=args, env={**installed.environment, **env}, cwd=installed.project
    )
    async with Client(server, mode="legacy", read_timeout_seconds=SECONDS) as client:
        yield client


async def called(client: Client, name: str, /, **arguments: Any) -> Any:
    result = await client.call_tool(name, arguments)
    assert not result.is_error, text(result)
    return json.loads(text(result))


def test_what_is_packed_is_what_it_needs_and_of_this_version(installed: Installed) -> None:
    with tarfile.open(installed.tarball) as packed:
        assert sorted(packed.getnames()) == ["package/README.md", "package/index.js", "package/package.json"]
    manifest = json.loads((PACKAGE / "package.json").read_text())
    assert (manifest["version"], manifest.get("dependencies"), manifest["engines"]) == (
        __version__, None, {"node": ">=18"},
    )  # fmt: skip
    assert run("npx", "loopctl-mcp-server", "--version", cwd=installed.project).stdout.strip() == __version__


@pytest.mark.parametrize("printed", [CONFIGURED, FROM_A_CHECKOUT], ids=["npx", "node"])
async def test_a_printed_configuration_starts_all_the_tools_with_the_key_of_each(
    installed: Installed, running: Run, keys: Keys, project: str, printed: str
) -> None:
    values = {"LOOPCTL_ORCH_KEY": keys.orchestrator, "LOOPCTL_AGENT_KEY": keys.implementer}
    async with started(printed, installed, running, **values, LOOPCTL_REVIEWER_KEY=keys.other) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert len(names) == 52
        assert {"get_tenant", "list_projects", "list_stories", "verify_story"} <= names
        assert (await called(client, "get_tenant"))["api_key"]["role"] == "orchestrator"
        listed = await called(client, "list_projects")
        assert project in {each["slug"] for each in listed["data"]}


async def test_the_printed_script_of_an_orchestrator_verifies_a_story(
    installed: Installed, running: Run, keys: Keys, project: str
) -> None:
    """Its calls, in its order and with its arguments; implementer and reviewer are two keys."""
    values = {"LOOPCTL_ORCH_KEY": keys.orchestrator, "LOOPCTL_AGENT_KEY": keys.implementer}
    async with started(CONFIGURED, installed, running, **values) as client:
        listed = await called(client, "list_projects")
        (mine,) = [each for each in listed["data"] if each["slug"] == project]
        await called(client, "get_progress", project_id=mine["id"])
        assert len((await called(client, "list_stories", status="ready", limit=1))["data"]) == 1
        found = await called(client, "list_stories", status="ready", project_id=mine["id"], limit=1)
        story = found["data"][0]
        id_ = story["id"]
        await called(client, "contract_story", story_id=id_, story_title=story["title"], ac_count=1)
        await called(client, "claim_story", story_id=id_)
        await called(client, "start_story", story_id=id_)
        await called(client, "request_review", story_id=id_)
        await called(client, "report_story", story_id=id_)
        counts = {"findings_count": 14, "fixes_count": 12, "disproved_count": 2}
        await called(client, "review_complete", story_id=id_, **counts)
        verified = await called(client, "verify_story", story_id=id_)
        assert verified["story"]["verified_status"] == "verified"


def test_what_node_goes_by_counts_for_the_python_side(installed: Installed, tmp_path: Path) -> None:
    told = started_with(installed, tmp_path, NODE_TLS_REJECT_UNAUTHORIZED="0", NODE_EXTRA_CA_CERTS="/ca.pem")
    assert (told["LOOPCTL_INSECURE_TLS"], told["LOOPCTL_CA_BUNDLE"], told["LOOPCTL_TOOLS"]) == ("1", "/ca.pem", "all")
    own = {"LOOPCTL_INSECURE_TLS": "0", "LOOPCTL_CA_BUNDLE": "/mine.pem", "LOOPCTL_TOOLS": ""}
    told = started_with(installed, tmp_path, NODE_TLS_REJECT_UNAUTHORIZED="0", NODE_EXTRA_CA_CERTS="/ca.pem", **own)
    assert {name: told[name] for name in own} == own
    assert "LOOPCTL_INSECURE_TLS" not in started_with(installed, tmp_path, NODE_TLS_REJECT_UNAUTHORIZED="1")


def started_with(installed: Installed, tmp_path: Path, **environment: str) -> Mapping[str, str]:
    """The environment of the Python side."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nenv\n")
    python.chmod(0o755)
    done = run("npx", "loopctl-mcp-server", cwd=installed.project, LOOPCTL_PYTHON=str(python), **environment)
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def test_without_the_python_side_it_says_how_to_get_it(installed: Installed) -> None:
    nowhere = {"PATH": str(installed.project / "none"), "HOME": str(installed.project)}
    command = [str(shutil.which("node")), "node_modules/loopctl-mcp-server/index.js"]
    done = subprocess.run(
        command, cwd=installed.project, env=nowhere, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert re.search(r"pip install '.*\[mcp\]'", done.stderr)
    assert "LOOPCTL_PYTHON" in done.stderr
    done = run("npx", "loopctl-mcp-server", cwd=installed.project, LOOPCTL_PYTHON="/none/python")
    assert (done.returncode, "/none/python cannot be started" in done.stderr) == (1, True)


def test_how_the_python_side_ends_is_how_it_ends(installed: Installed, running: Run, keys: Keys) -> None:
    """The control is a key that is good."""
    ended = [
        run(
            "npx", "loopctl-mcp-server", cwd=installed.project, LOOPCTL_PYTHON=sys.executable, LOOPCTL_TOOLS="",
            LOOPCTL_SERVER=running.address, LOOPCTL_API_KEY=key, PYTHONPATH=str(CHECKOUT),
        )
        for key in ("lc_wrong", keys.user)
    ]  # fmt: skip
    assert [each.returncode for each in ended] == [3, 0]
    assert '"status":401' in ended[0].stderr


def test_an_argument_is_refused(installed: Installed) -> None:
    done = run("npx", "loopctl-mcp-server", "--port", "80", cwd=installed.project)
    assert (done.returncode, done.stdout, "takes no arguments" in done.stderr) == (2, "", True)
