"""Exit codes, and how a failure is told."""

import json

import pytest

from loopctl.cli.main import options_last
from tests.loopctl.cli.shell import Shell
from tests.loopctl.cli.stub import error, stub

STATUSES = [
    (400, 6), (401, 3), (403, 3), (404, 4), (409, 5), (412, 5), (415, 6), (422, 6), (429, 7), (500, 8), (503, 8),
]  # fmt: skip


@pytest.mark.parametrize(("status", "code"), STATUSES)
def test_a_status_has_its_exit_code(alone: Shell, status: int, code: int) -> None:
    with stub(error(status, "tenant_halted", Retry_After="3600")) as server:
        assert alone("api", "GET", "stories", "--server", server.address).code == code


def test_a_success_ends_with_0(alone: Shell) -> None:
    """The control."""
    with stub(error(200, "none")) as server:
        assert alone("api", "GET", "stories", "--server", server.address).code == 0


def test_a_failure_is_the_servers_error_in_one_line(alone: Shell) -> None:
    with stub(error(409, "must_contract_first")) as server:
        said = alone("api", "POST", "stories", "--server", server.address)
    assert said.out == ""
    assert json.loads(said.err) == {
        "error": {"status": 409, "code": "must_contract_first", "message": "It is must_contract_first"},
        "hint": "First: loopctl contract STORY",
    }


def test_people_are_told_in_a_sentence_what_comes_next(alone: Shell) -> None:
    with stub(error(401, "invalid_api_key")) as server:
        said = alone("--format", "human", "api", "GET", "stories", "--server", server.address)
    assert said.err.startswith("Error: It is invalid_api_key\n  Log in with another key: loopctl auth login")


def test_a_server_that_is_not_there_is_said(alone: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loopctl.conversation.ATTEMPTS", 1)
    said = alone("status", "--project", "x", "--server", "http://127.0.0.1:9")
    assert (said.code, said.error()["error"]["code"]) == (1, "unreachable")
    assert "make up" in said.error()["hint"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("frobnicate",), ("status", "--bogus"), ("contract",), ("config", "set", "bogus", "x"), ("status", "nonsense"),
        ("verify", "2.1", "--result", "fail"), ("report", "2.1", "--artifact", "{"), ("claim",), ("reject", "2.1"),
        ("import", "/nowhere"), ("api", "BREW", "tea"), ("changes", "--since", "yesterday"),
    ],
)  # fmt: skip
def test_wrong_usage_ends_with_2_and_sends_nothing(alone: Shell, arguments: tuple[str, ...]) -> None:
    with stub(error(500, "asked")) as server:
        alone.environment(SERVER=server.address)
        said = alone(*arguments)
    assert (said.code, server.asked) == (2, [])
    assert said.error()["error"]["message"]


def test_without_a_server_the_login_is_told(alone: Shell) -> None:
    said = alone("next")
    assert (said.code, "loopctl auth login" in said.error()["hint"]) == (2, True)


def test_options_may_stand_before_the_command() -> None:
    assert options_last(["--format", "human", "--server=x", "status", "2.1"]) == [
        "status", "2.1", "--format", "human", "--server=x",
    ]  # fmt: skip


@pytest.mark.parametrize("arguments", [(), ("help",), ("--help",)])
def test_the_help_lists_every_command_and_the_exit_codes(alone: Shell, arguments: tuple[str, ...]) -> None:
    said = alone(*arguments)
    assert said.code == 0
    assert all(word in said.out for word in ("request-review", "doctor", "9 waited in vain"))


def test_a_shell_completes_the_commands(alone: Shell) -> None:
    assert "request-review" in alone("completion", "bash").out
