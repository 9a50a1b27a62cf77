"""`loopctl import --from`: another tool's backlog, and the same one again."""

import json
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from loopctl.importers.sources import SOURCES
from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.shell import Shell
from tests.loopctl.importers.reading import FIXTURES
from tests.loopctl.importers.test_sources import ALL


@pytest.fixture
def fresh(shell: Shell, keys: Keys, project: str) -> Shell:
    """With an empty project to import into."""
    shell.environment(API_KEY=keys.user, PROJECT=f"{project}-from")
    shell.good("project", "create", "From", "--slug", f"{project}-from")
    return shell


def issues(tmp_path: Path) -> Path:
    """The file of a copy that may be changed."""
    return Path(copytree(FIXTURES / "beads", tmp_path / "beads")) / "issues.jsonl"


def imported(said: Any) -> dict[str, int]:
    return {name: count for name, count in said["import"].items() if isinstance(count, int) and count}


def test_the_same_again_changes_nothing_and_a_changed_source_just_that(fresh: Shell, tmp_path: Path) -> None:
    file = issues(tmp_path)
    tried = fresh.good("import", str(file.parent), "--from", "beads", "--dry-run")
    assert fresh.good("stories")["data"] == []
    first = fresh.good("import", str(file.parent), "--from", "beads")
    assert first["import"] == tried["import"]
    assert first["numbers"] == {"kiln-1": "epic 1", "kiln-2": "1.1", "kiln-3": "1.2", "kiln-4": "2.1"}
    statuses = [
        (each["number"], each["agent_status"], each["verified_status"]) for each in fresh.good("stories")["data"]
    ]
    assert statuses == [
        ("1.1", "reported_done", "unverified"), ("1.2", "pending", "unverified"), ("2.1", "pending", "unverified"),
    ]  # fmt: skip
    again = fresh.good("import", str(file), "--from", "beads")
    assert (again["numbers"], again["import"]["stories_updated"], again["import"]["stories_created"]) == (
        first["numbers"], 0, 0,
    )  # fmt: skip
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    lines[3]["title"] = "Door sensor is slow"
    lines.append({"id": "kiln-7", "title": "New", "status": "open", "issue_type": "task"})
    file.write_text("\n".join(map(json.dumps, lines)))
    changed = fresh.good("import", str(file), "--from", "beads")
    assert (changed["import"]["stories_updated"], changed["import"]["stories_created"]) == (1, 1)
    assert changed["numbers"]["kiln-7"] == "2.2"
    assert fresh.good("status", "2.1")["story"]["title"] == "Door sensor is slow"


@pytest.mark.parametrize(("source", "folder"), [(source, folder) for source, folder, *_ in ALL if folder != "beads"])
def test_the_server_takes_what_each_source_comes_to(fresh: Shell, source: str, folder: str) -> None:
    said = fresh.good("import", str(FIXTURES / folder), "--from", source, "--dry-run")
    assert said["import"]["stories_created"] == said["report"]["stories"]
    assert "ignored" not in said


def test_what_is_called_done_may_come_in_as_pending(fresh: Shell) -> None:
    fresh.good("import", str(FIXTURES / "beads"), "--from", "beads", "--done-as", "pending")
    assert {each["agent_status"] for each in fresh.good("stories")["data"]} == {"pending"}


def test_show_asks_no_server_and_the_report_is_told_to_people(alone: Shell) -> None:
    said = alone("import", str(FIXTURES / "beads"), "--from", "beads", "--show")
    assert (said.code, said.json()["epics"][0]["number"]) == (0, 1)
    assert "Has no place here: content_hash (1)" in said.err
    assert "a claim, which somebody else has to review" in said.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--from", "bead"), "Did you mean"),
        (("--from", "beads", "--merge"), "--from finds out itself"),
        (("--done-as", "pending"), "for another tool"),
    ],
)
def test_words_that_do_not_go_together_are_refused_at_once(alone: Shell, arguments: tuple[str, ...], told: str) -> None:
    said = alone("import", str(FIXTURES / "beads"), *arguments)
    assert said.code == 2
    assert told in said.err


def test_everything_that_is_wrong_is_said_and_nothing_is_sent(alone: Shell, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": "a"}\n{"title": "t"}\n')
    said = alone("import", str(tmp_path), "--from", "beads", "--show")
    assert said.code == 2
    assert "a.jsonl: line 1: has no title" in said.err
    assert "a.jsonl: line 2: has no id" in said.err


def test_every_source_is_tried_here() -> None:
    assert {source for source, *_ in ALL} == set(SOURCES)
