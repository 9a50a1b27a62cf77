"""What the client remembers, and who may read it."""

import json
import stat

import pytest

from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.shell import Shell
from tests.support.running import Run


def test_a_login_is_kept_for_its_owner_alone(alone: Shell, running: Run, keys: Keys) -> None:
    assert alone("auth", "login", "--server", running.address, "--key", keys.user).code == 0
    assert json.loads(alone.config.read_text()) == {"server": running.address, "api_key": keys.user}
    assert stat.S_IMODE(alone.config.stat().st_mode) == 0o600
    assert stat.S_IMODE(alone.config.parent.stat().st_mode) == 0o700
    assert alone.good("auth", "whoami")["tenant"]["slug"] == "acme"


def test_a_wrong_key_is_not_kept(alone: Shell, running: Run) -> None:
    assert alone("auth", "login", "--server", running.address, "--key", "lc_wrong").code == 3
    assert not alone.config.exists()


def test_the_environment_wins_when_it_is_not_empty(alone: Shell) -> None:
    alone("config", "set", "project", "of-the-file")
    alone.environment(PROJECT="")
    assert alone("config", "get", "project").out == "of-the-file\n"
    alone.environment(PROJECT="of-the-environment")
    assert alone("config", "get", "project").out == "of-the-environment\n"


def test_keys_are_shown_by_their_beginning(alone: Shell) -> None:
    alone("config", "set", "orch_key", "lc_0123456789")
    assert alone.good("config", "show") == {"orch_key": "lc_01234…"}


def test_each_command_takes_the_key_of_its_role(shell: Shell, keys: Keys, project: str) -> None:
    shell.environment(API_KEY="", AGENT_KEY=keys.implementer, ORCH_KEY=keys.orchestrator, USER_KEY=keys.user)
    assert shell.good("contract", "2.1")["story"]["agent_status"] == "contracted"
    assert (
        shell("verify", "2.1", "--summary", "x", "--review-type", "y").error()["error"]["code"] == "invalid_transition"
    )
    assert shell("keys", "list").code == 0


def test_a_logout_forgets_the_keys(alone: Shell) -> None:
    for name in ("server", "api_key"):
        alone("config", "set", name, "http://x")
    alone("auth", "logout")
    assert json.loads(alone.config.read_text()) == {"server": "http://x"}


@pytest.mark.parametrize(("key", "result"), [("good", 0), ("lc_wrong", 10)])
def test_the_doctor_finds_a_wrong_key(shell: Shell, keys: Keys, key: str, result: int) -> None:
    said = shell("doctor", key=keys.user if key == "good" else key)
    found = {each["check"]: each["result"] for each in said.json()["data"]}
    assert (said.code, found["server"], found["key"]) == (result, "good", "bad" if result else "good")


def test_a_key_sees_what_it_is(shell: Shell, keys: Keys) -> None:
    shell.environment(API_KEY=keys.orchestrator)
    assert shell.good("auth", "whoami")["api_key"]["role"] == "orchestrator"
    assert "orchestrator" in shell("auth", "whoami", "--format", "human").out
