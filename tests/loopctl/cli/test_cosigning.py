"""An agent's own key: made where it works, taken by a user, and then under each head that its commands have checked."""

import json
from pathlib import Path
from typing import Any

from loopctl.client import Client
from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.shell import Shell
from tests.support.running import Run


def cosigned(running: Run, raw: str, size: int) -> list[Any]:
    client = Client(running.address, raw)
    tenant = client.get("tenants/me")["tenant"]["id"]
    found: list[Any] = client.get(f"audit/sth/{tenant}", at=size - 1)["data"]["cosignatures"]
    client.close()
    return found


def kept_size(shell: Shell, home: Path) -> int:
    """Of the newest head that the commands of this shell have checked."""
    (file,) = home.rglob("heads.json")
    return max(int(each["size"]) for each in json.loads(file.read_bytes()).values())


def test_an_agents_commands_sign_the_heads_that_they_have_checked(
    shell: Shell, running: Run, keys: Keys, tmp_path: Path
) -> None:
    file = tmp_path / "ada.key"
    made = shell.good("agent", "new-cosigner", "ada", "--output", str(file))
    taken = shell.good(
        "agent", "set-cosigner", "ada", "--cosigner", made["cosigner"], "--proof", made["cosigner_proof"]
    )  # fmt: skip
    assert taken["agent"]["cosigner"] == made["cosigner"]
    assert file.stat().st_mode & 0o077 == 0

    shell.environment(API_KEY=keys.implementer)
    shell("config", "set", "cosigner_key", str(file))
    shell.good("project", "list")
    assert cosigned(running, keys.user, kept_size(shell, tmp_path)) == [], "nothing was checked before"
    shell.good("project", "list")
    (line,) = cosigned(running, keys.user, kept_size(shell, tmp_path))
    assert (line["agent_id"], line["vkey"]) == (made["agent_id"], made["cosigner"])


def test_a_key_of_another_agent_is_refused_by_the_server_with_a_sentence(
    shell: Shell, keys: Keys, tmp_path: Path
) -> None:
    file = tmp_path / "radia.key"
    shell.good("agent", "new-cosigner", "radia", "--output", str(file))
    shell.environment(API_KEY=keys.implementer)
    shell("config", "set", "cosigner_key", str(file))
    shell.good("project", "list")
    said = shell("project", "list")
    assert said.error()["error"]["code"] == "witness_cosignature_invalid"
    shell("config", "set", "cosigner_key", "")
    shell.good("project", "list")


def test_a_file_that_holds_no_key_is_said_before_anything_is_asked(shell: Shell, tmp_path: Path) -> None:
    for content in (None, b"", b"{}", b'{"agent_id": "a", "private_key": "AAAA"}'):
        file = tmp_path / "none.key"
        if content is not None:
            file.write_bytes(content)
        shell("config", "set", "cosigner_key", str(file))
        said = shell("project", "list")
        assert (said.code, "cosigner_key is" in said.error()["error"]["message"]) == (2, True), content


def test_a_key_is_written_over_nothing(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "there"
    file.write_bytes(b"mine")
    assert shell("agent", "new-cosigner", "ada", "--output", str(file)).code == 2
    assert file.read_bytes() == b"mine"
