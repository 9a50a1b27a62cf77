"""From nothing to a project in the log: the operator's command beside a running service."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.running import CHECKOUT, Run, up

pytestmark = pytest.mark.slow

LOOPCTL = "from loopctl.cli.main import main; import sys; sys.argv[0] = 'loopctl'; sys.exit(main())"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with up(tmp_path_factory.mktemp("operator") / "data") as run:
        run.wait_until_healthy()
        yield run


def operator(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "operations", *arguments, "--data-dir", str(data)]
    return subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, timeout=180, check=False)


def tenant(data: Path, slug: str) -> dict[str, Any]:
    done = operator(data, "create-tenant", "--name", "Acme", "--slug", slug, "--email", f"{slug}@example.com")
    assert done.returncode == 0, done.stderr
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def test_the_first_key_creates_a_project_whose_receipt_is_in_the_log(running: Run) -> None:
    made = tenant(running.data, "acme")
    headers = {"Authorization": f"Bearer {made['api_key']['raw_key']}", "Prefer": "receipt"}
    body = {"name": "My App", "slug": "my-app"}
    answer = httpx2.post(running.address + "/api/v1/projects", json=body, headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()["project"]["slug"]) == (201, "my-app")
    checkpoint = running.get(f"/t/{made['tenant']['id']}/checkpoint").text
    assert checkpoint.splitlines()[1] == "3"
    assert "loopctl-receipt" in answer.headers


def test_the_directory_comes_from_the_environment_too(running: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Went red while the service took it from there and the operator's commands did not."""
    command = [sys.executable, "-m", "operations", "list-tenants"]
    for value, code in ((str(running.data), 0), ("", 1)):
        monkeypatch.setenv("LOOPCTL_DATA_DIR", value)
        done = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, timeout=180, check=False)
        assert (done.returncode, "Give --data-dir" in done.stderr) == (code, bool(code))


def test_a_running_service_goes_on_with_the_new_key_of_a_log(running: Run) -> None:
    made = tenant(running.data, "rotating")
    headers = {"Authorization": f"Bearer {made['api_key']['raw_key']}"}
    positions = []
    for slug in ("before", "after"):
        body = {"name": "My App", "slug": slug}
        answer = httpx2.post(running.address + "/api/v1/projects", json=body, headers=headers, trust_env=False)
        positions.append(answer.headers["loopctl-position"])
        done = operator(running.data, "rotate-log-key", "--tenant", "rotating", "--reason", "scheduled")
        assert done.returncode == 0, done.stderr
    assert positions == ["2", "4"]
    keys = running.get(f"/api/v1/tenants/{made['tenant']['id']}/audit_public_keys").json()["data"]
    assert [key["first_size"] for key in keys] == [0, 4, 6]
    assert keys[2]["vkey"] == json.loads(done.stdout)["log_key"]["new_vkey"]


def test_a_taken_slug_and_a_wrong_field_are_one_sentence_and_exit_1(running: Run) -> None:
    tenant(running.data, "taken")
    again = operator(running.data, "create-tenant", "--name", "x", "--slug", "taken", "--email", "a@b.c")
    wrong = operator(running.data, "create-tenant", "--name", "x", "--slug", "No!", "--email", "nobody")
    assert (again.returncode, again.stderr) == (1, "loopctl: The slug taken has already been taken.\n")
    assert wrong.returncode == 1
    assert wrong.stderr == (
        "loopctl: Validation failed: slug has invalid format: 2 to 63 of a-z, 0-9 and -, "
        "with a letter or a digit at both ends; email has invalid format: must be like name@example.org\n"
    )


def test_without_a_service_it_says_how_to_start_one(tmp_path: Path) -> None:
    done = operator(tmp_path / "none", "create-tenant", "--name", "x", "--slug", "ok", "--email", "a@b.c")
    assert done.returncode == 1
    assert "start it with `make up`" in done.stderr


def test_the_raw_key_is_nowhere_in_the_data_directory(running: Run) -> None:
    raw = tenant(running.data, "secretive")["api_key"]["raw_key"].encode()
    running.get("/livez")
    holding = [path for path in running.data.rglob("*") if path.is_file() and raw in path.read_bytes()]
    assert holding == []


def test_a_log_is_checked_over_http_with_a_key_and_its_hashes_without(running: Run, tmp_path: Path) -> None:
    made = tenant(running.data, "remote")
    log = f"{running.address}/t/{made['tenant']['id']}"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LOOPCTL_")}
    for key, entries in ((made["api_key"]["raw_key"], True), ("", False)):
        environment = {**clean, "NO_PROXY": "127.0.0.1", **({"LOOPCTL_API_KEY": key} if key else {})}
        command = [sys.executable, "-c", LOOPCTL, "log", "fsck", log, "--json"]
        command += ["--keep", str(tmp_path / "kept")] if entries else []
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=CHECKOUT, timeout=180, check=False, env=environment
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert (json.loads(done.stdout)["verdict"], "entries" not in json.loads(done.stdout)) == ("good", entries)
    assert (tmp_path / "kept" / "checkpoint").read_text() == running.get(
        log[len(running.address) :] + "/checkpoint"
    ).text


def test_every_other_subcommand_finds_the_running_service_by_its_data_directory(running: Run) -> None:
    slug = tenant(running.data, "everything")["tenant"]["slug"]
    running.get("/livez")
    for arguments in (
        ("create-superadmin", "--name", "Ann"),
        ("list-tenants",),
        ("rebuild", "work_breakdown", "--tenant", slug),
        ("fsck", "--tenant", slug),
        ("fsck", "--tenant", slug, "--repair"),
    ):
        done = operator(running.data, *arguments)
        assert (done.returncode, done.stderr) == (0, ""), arguments
        json.loads(done.stdout)
