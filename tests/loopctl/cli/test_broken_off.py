"""Ctrl-C, or a server that is gone: what is known is said, and how to go on without doing anything twice."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from loopctl.cli.feed import followed
from loopctl.cli.options import ANYWHERE
from loopctl.cli.outcome import look
from loopctl.cli.session import session
from loopctl.cli.settings import READING
from tests.contract.routes import ROUTES, V1
from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.shell import Shell
from tests.loopctl.cli.stub import Answer, Stub, error, stub
from tests.support.guarded import guarded
from tests.support.running import CHECKOUT, Run

ID = "0193a2b4-0000-7000-8000-000000000001"
CUT = Answer(0)
CTRL_C = signal.SIGINT


def change(position: int) -> dict[str, Any]:
    return {"position": position, "action": "verified", "entity_type": "story", "entity_id": ID}


def page(*positions: int, more: bool = False) -> Answer:
    data = [change(position) for position in positions]
    return Answer(200, {"data": data, "has_more": more, "cursor": positions[-1], "next_since": None})


def started(*arguments: str, **variables: str) -> "subprocess.Popen[str]":
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LOOPCTL_")}
    return guarded(
        subprocess.Popen(
            [sys.executable, "-m", "loopctl", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            start_new_session=True,
            env={**clean, "PYTHONPATH": str(CHECKOUT), "LOOPCTL_CONFIG": "/dev/null", **variables},
        )
    )


def interrupted(
    server: Stub, asked: str, *arguments: str, how: signal.Signals = CTRL_C
) -> tuple[int, str, dict[str, Any]]:
    """Exit code, output and the error's line of a command that was told to end when it had asked for this."""
    process = started(*arguments, LOOPCTL_SERVER=server.address, LOOPCTL_API_KEY="key")
    while not any(f"{each.method} {each.path}".startswith(asked) for each in server.asked):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(how)
    out, err = process.communicate(timeout=180)
    return process.returncode, out, json.loads([line for line in err.splitlines() if line.startswith("{")][-1])


@pytest.mark.parametrize(
    ("held_at", "how"), [("POST", signal.SIGINT), ("POST", signal.SIGTERM), ("GET", signal.SIGINT)]
)
def test_an_import_that_is_interrupted_says_what_is_known(tmp_path: Path, held_at: str, how: signal.Signals) -> None:
    """Went red while Ctrl-C ended it with 130 and an empty line."""
    (tmp_path / "backlog.json").write_text('{"epics": [{"number": 1, "title": "One"}]}')
    held = threading.Event()
    project = Answer(200, {"data": [{"id": ID, "slug": "p"}]})
    answers = [project, Answer(0, held=held)] if held_at == "POST" else [Answer(0, held=held)]
    with stub(*answers) as server:
        arguments = ("import", str(tmp_path / "backlog.json"), "--project", "p")
        code, _, said = interrupted(server, held_at, *arguments, how=how)
        held.set()
    assert (code, said["error"]["code"]) == (130, "interrupted")
    if held_at == "GET":
        assert said == {"error": {"code": "interrupted", "message": "Interrupted; nothing was changed."}}
        return
    assert "may have been carried out, or not" in said["error"]["message"]
    assert said["error"]["idempotency_key"] == server.asked[-1].key
    assert f"loopctl status --project {ID}" in said["hint"]
    assert f"--idempotency-key {server.asked[-1].key}" in said["hint"]


@pytest.mark.parametrize("passing", [CUT, error(502, "bad_gateway"), error(504, "timeout")])
def test_a_write_whose_answer_is_missing_is_told_as_what_it_is(
    alone: Shell, monkeypatch: pytest.MonkeyPatch, passing: Answer
) -> None:
    monkeypatch.setattr("loopctl.conversation.ATTEMPTS", 1)
    with stub(passing) as server:
        said = alone("verify", ID, "--summary", "s", "--review-type", "t", "--server", server.address)
    assert said.code in (1, 8)
    assert said.error()["error"]["idempotency_key"] == server.asked[-1].key
    assert f"loopctl status {ID}" in said.error()["hint"]


@pytest.mark.parametrize("final", [error(409, "conflict"), error(422, "invalid"), error(503, "overloaded")])
def test_what_was_refused_is_not_told_so(alone: Shell, monkeypatch: pytest.MonkeyPatch, final: Answer) -> None:
    """The control."""
    monkeypatch.setattr("loopctl.conversation.ATTEMPTS", 1)
    with stub(final) as server:
        said = alone("reject", ID, "--reason", "r", "--server", server.address)
    assert "idempotency_key" not in said.error()["error"]


def test_a_command_that_is_repeated_with_its_key_is_carried_out_once(shell: Shell) -> None:
    create = ("project", "create", "Once", "--slug", "carried-out-once", "--idempotency-key", "k-0193a2b4")
    assert shell.good(*create) == shell.good(*create)
    assert shell(*create[:-2]).code == 6


def test_a_key_that_no_write_has_taken_is_said(alone: Shell) -> None:
    with stub(Answer(200, {"data": []})) as server:
        said = alone("next", "--idempotency-key", "k-1", "--server", server.address)
    assert (said.code, "was not needed" in said.err) == (0, True)


def test_every_write_has_a_command_that_shows_what_has_become_of_it(alone: Shell) -> None:
    """Such a command is one: its words are understood."""
    for route in ROUTES:
        if route.mutates and not route.public:
            path = "/".join(
                ID if part.startswith("{") else part for part in route.path.removeprefix(f"{V1}/").split("/")
            )
            said = alone(*look(path).split()[1:], "--server", "http://127.0.0.1:9", "--help")
            assert said.code == 0, (path, said)


def test_changes_are_followed_over_an_absence_of_the_server_each_once(
    alone: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Went red while following gave up after four attempts."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    away = [CUT] * 9 + [error(503, "stopping"), error(429, "rate_limited", Retry_After="90")]
    with stub(page(1, 2), *away, page(3, 4, more=True), *away, page(5)) as server:
        alone.environment(SERVER=server.address)
        with session(ANYWHERE, READING) as asked:
            asked.client._sleep = lambda _: None
            found = [each["position"] for each in islice(followed(asked, {}, {"since": "x"}, lambda _: None), 5)]
    assert found == [1, 2, 3, 4, 5]
    assert [each.path.partition("?")[2] for each in server.asked][-1] == "cursor=4"


def test_a_server_that_was_never_there_is_not_followed(alone: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loopctl.conversation.ATTEMPTS", 1)
    assert alone("changes", "--follow", "--server", "http://127.0.0.1:9").code == 1


def test_who_follows_is_told_where_to_go_on() -> None:
    held = threading.Event()
    with stub(page(7, 8), Answer(0, held=held)) as server:
        code, out, said = interrupted(server, "GET /api/v1/changes?cursor=8", "changes", "--follow", "--since", "1h")
        held.set()
    assert [json.loads(line)["position"] for line in out.splitlines()] == [7, 8]
    assert (code, said["error"]["cursor"]) == (130, 8)
    assert said["hint"].endswith("loopctl changes --follow --cursor 8")


def test_waiting_lasts_while_the_server_is_away(alone: Shell) -> None:
    """And it ends when its own time is over, with the exit code of that. Went red while it gave up after as many
    attempts as any other command."""
    said = alone("wait", ID, "--timeout", "0.5", "--server", "http://127.0.0.1:9")
    assert (said.code, "does not answer" in said.error()["error"]["message"]) == (9, True)
    away = [CUT, *[error(503, "stopping", Retry_After="0")] * 9]
    with stub(*away, Answer(200, {"story": {"agent_status": "x", "verified_status": "verified"}})) as server:
        assert alone("wait", ID, "--server", server.address).code == 0


@pytest.mark.parametrize("seconds", ["nan", "-1"])
def test_a_time_that_is_none_is_refused(alone: Shell, seconds: str) -> None:
    assert alone("wait", ID, "--timeout", seconds, "--server", "http://127.0.0.1:9").code == 2


def test_changes_go_on_where_an_answer_said(shell: Shell, running: Run, keys: Keys, project: str) -> None:
    first = shell.good("changes", "--since", "1h", key=keys.orchestrator)
    shell.good("contract", "2.1", key=keys.implementer)
    (found,) = shell.good("changes", "--cursor", str(first["cursor"]))["data"]
    assert found["new_state"]["agent_status"] == "contracted"
