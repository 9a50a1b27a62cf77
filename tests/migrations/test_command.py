"""`python -m migrations`, as the container runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import structs

from migrations.__main__ import main
from migrations.files import MIGRATIONS, load
from tests.support.database import PASSWORDS, TestDatabase

CHECKOUT = Path(__file__).resolve().parents[2]
VARIABLES = {f"LOOPCTL_{name.upper()}_PASSWORD": password for name, password in structs.asdict(PASSWORDS).items()}


@pytest.fixture
def configured(empty_database: TestDatabase, monkeypatch: pytest.MonkeyPatch) -> TestDatabase:
    """Everything that the container sets."""
    for name in [name for name in os.environ if name.startswith("LOOPCTL_")]:
        monkeypatch.delenv(name)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LOOPCTL_DATABASE_URL", empty_database.admin_url)
    return empty_database


def test_up_applies_everything_once_and_status_says_so(
    configured: TestDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up"]) == 0
    said = capsys.readouterr().out
    for file in load(MIGRATIONS):
        assert f"applied {file.file_name} in " in said
    assert said.endswith("The database is up to date.\n")
    assert main(["up"]) == 0
    assert " in " not in capsys.readouterr().out
    assert main(["status"]) == 0
    assert "missing" not in capsys.readouterr().out


def test_status_names_what_is_missing(configured: TestDatabase, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 0
    said = capsys.readouterr().out
    assert "missing 0001_foundation.pre.sql" in said
    assert "The database lacks migrations" in said


@pytest.mark.parametrize("variable", ["LOOPCTL_DATABASE_URL", *VARIABLES])
def test_what_is_not_set_is_named_in_one_sentence(
    configured: TestDatabase, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.delenv(variable)
    assert main(["up"]) == 1
    said = capsys.readouterr()
    assert variable in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_no_error_shows_a_password(
    configured: TestDatabase, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOPCTL_DATABASE_URL", "postgresql://postgres:hunter2@127.0.0.1:1/none")
    assert main(["up"]) == 1
    said = capsys.readouterr().err
    assert "Cannot connect to the database" in said
    assert "hunter2" not in said


def test_it_runs_as_a_module(configured: TestDatabase) -> None:
    command = [sys.executable, "-m", "migrations", "up", "--phase", "all"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=CHECKOUT, timeout=180)
    assert (done.returncode, done.stderr) == (0, "")
    assert "The database is up to date." in done.stdout
