"""The hooks of an orchestrator's session against a server: those of the configuration guide, and the safer ones."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from loopctl.hooks import shipped_hooks
from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.shell import Shell
from tests.support.running import Run

SESSION = "5e55-10"
GUARDRAILS = ("orchestrator-guardrail", "orchestrator-guardrail-safer")
WRITING = ("Edit", "Write", "MultiEdit", "NotebookEdit")


class Ended(NamedTuple):
    code: int
    err: str


class Hooks:
    """A home folder with the hooks of a project in it. Without ``jq`` the path leads to everything else."""

    def __init__(self, home: Path, server: str, key: str) -> None:
        self.home = home
        self.mark = home / ".claude" / f".orchestrator-active-{SESSION}"
        self.mark.parent.mkdir()
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LOOPCTL_SERVER": server}
        self.environment["LOOPCTL_ORCH_KEY"] = key
        for path, text in shipped_hooks().items():
            file = home / "hooks" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(0o755)

    def __call__(self, name: str, said: Mapping[str, Any] | str, **more: str) -> Ended:
        (file,) = (self.home / "hooks").rglob(f"{name}.sh")
        text = said if isinstance(said, str) else json.dumps(said)
        done = subprocess.run(
            [file],
            input=text,
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Ended(done.returncode, done.stderr)

    def stop(self, name: str, *, again: bool = False, **more: str) -> Ended:
        return self(name, {"session_id": SESSION, "stop_hook_active": again}, **more)


@pytest.fixture
def hooks(tmp_path: Path, running: Run, keys: Keys) -> Hooks:
    (tmp_path / "home").mkdir()
    return Hooks(tmp_path / "home", running.address, keys.orchestrator)


@pytest.mark.parametrize("name", GUARDRAILS)
def test_an_orchestrator_cannot_write_files_and_everybody_else_can(hooks: Hooks, name: str) -> None:
    def asked(tool: str, session: str = SESSION) -> int:
        return hooks(name, {"tool_name": tool, "session_id": session}).code

    assert {asked(tool) for tool in WRITING} == {0}, "no session is an orchestrator's yet"
    hooks.mark.touch()
    assert {asked(tool) for tool in WRITING} == {2}
    assert {asked(tool) for tool in ("Read", "Bash", "Task", "mcp__loopctl__verify_story", "")} == {0}
    assert {asked(tool, "another") for tool in WRITING} == {0}


@pytest.mark.parametrize("said", ["", "no JSON", "[]", '{"session_id": "../x"}', '{"tool_name": "Edit"}'])
def test_the_safer_guardrail_blocks_what_it_does_not_understand(hooks: Hooks, said: str) -> None:
    """The control is the other one, which lets it pass."""
    assert hooks("orchestrator-guardrail-safer", said).code == 0, "nobody is an orchestrator"
    hooks.mark.touch()
    assert [hooks(name, said).code for name in GUARDRAILS] == [0, 2]


def test_the_safer_guardrail_blocks_without_jq(hooks: Hooks) -> None:
    """The control is the other one."""
    hooks.mark.touch()
    tools = hooks.home / "bin"
    tools.mkdir()
    for tool in ("bash", "cat", "env"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    said = {"tool_name": "Edit", "session_id": SESSION}
    ended = [hooks(name, said, PATH=str(tools)) for name in GUARDRAILS]
    assert ([each.code for each in ended], "needs jq" in ended[1].err) == ([0, 2], True)


@pytest.mark.parametrize("name", ["keep-working", "keep-working-safer"])
def test_an_orchestrator_goes_on_while_stories_are_ready(hooks: Hooks, shell: Shell, project: str, name: str) -> None:
    """`keep-working` asks for the whole tenant, in which other tests have work; the safer one for the project."""
    assert hooks.stop(name).code == 0, "no session is an orchestrator's"
    hooks.mark.touch()
    assert hooks.stop(name, LOOPCTL_PROJECT=project).code == 2
    assert hooks.stop(name, LOOPCTL_SERVER="http://127.0.0.1:9").code in (0, 1), "a server that is away stops nobody"
    assert hooks.stop(name, LOOPCTL_ORCH_KEY="lc_wrong").code == 0


def test_the_safer_one_looks_at_its_project_alone(hooks: Hooks, shell: Shell, project: str) -> None:
    """The control is the project that has stories."""
    slug = f"{project}-e"
    shell.good("project", "create", "Empty", "--slug", slug)
    hooks.mark.touch()
    found = {each: hooks.stop("keep-working-safer", LOOPCTL_PROJECT=each) for each in (project, slug)}
    assert {each: ended.code for each, ended in found.items()} == {project: 2, slug: 0}
    assert "2 ready, 0 to be reviewed, 0 to be verified, 0 rejected" in found[project].err


def test_the_safer_one_counts_what_waits_for_others(hooks: Hooks, shell: Shell, keys: Keys, project: str) -> None:
    def said() -> str:
        hooks.mark.touch()
        return hooks.stop("keep-working-safer", LOOPCTL_PROJECT=project).err

    for step in ("contract", "claim", "start", "request-review"):
        shell.good(step, "2.1", key=keys.implementer)
    assert "1 ready, 1 to be reviewed, 0 to be verified" in said()
    shell.good("report", "2.1", key=keys.other)
    assert "1 ready, 0 to be reviewed, 1 to be verified" in said()
    shell.good("review-complete", "2.1", "--summary", "Sound", key=keys.other)
    shell.good("reject", "2.1", "--reason", "Not yet", key=keys.orchestrator)
    assert "0 to be verified, 1 rejected" in said()


def test_the_safer_one_lets_a_session_stop_that_has_moved_nothing(
    hooks: Hooks, shell: Shell, keys: Keys, project: str
) -> None:
    """The control is the other one, which holds it for ever."""
    hooks.mark.touch()
    assert hooks.stop("keep-working-safer", LOOPCTL_PROJECT=project).code == 2
    ended = hooks.stop("keep-working-safer", again=True, LOOPCTL_PROJECT=project)
    assert (ended.code, "nothing has moved" in ended.err) == (0, True)
    shell.good("contract", "2.1", key=keys.implementer)
    assert hooks.stop("keep-working-safer", again=True, LOOPCTL_PROJECT=project).code == 2, "something has"
    assert [hooks.stop("keep-working", again=True).code for _ in range(3)] == [2, 2, 2]


def test_the_safer_one_shows_the_key_to_nobody(hooks: Hooks, tmp_path: Path, keys: Keys) -> None:
    """What other users of the machine see are the arguments. The control is the other one."""
    hooks.mark.touch()
    spy = tmp_path / "bin"
    spy.mkdir()
    (spy / "curl").write_text(f'#!/bin/bash\necho "$@" >> "{tmp_path}/seen"\nexec {shutil.which("curl")} "$@"\n')
    (spy / "curl").chmod(0o755)
    path = f"{spy}:{os.environ['PATH']}"
    hooks.stop("keep-working-safer", PATH=path)
    assert keys.orchestrator not in (tmp_path / "seen").read_text()
    hooks.stop("keep-working", PATH=path)
    assert keys.orchestrator in (tmp_path / "seen").read_text()
