"""`loopctl export --to`: the same project again from each form, and ticks in the files that it came from."""

import json
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.shell import Shell
from tests.loopctl.cli.test_loop import reported
from tests.loopctl.importers.reading import FIXTURES

BACKLOG = {
    "epics": [
        {"number": 3, "title": "Zeta", "description": "---\nfirst\n", "phase": "=one", "metadata": {"a": [1, None]}},
        {
            "number": 1, "title": 'A "quoted", title', "position": 7,
            "stories": [
                {
                    "number": "1.10", "title": "=HYPERLINK(1)", "description": "## Description\n\n- [ ] x\r\n\n  end",
                    "acceptance_criteria": [
                        {"id": "AC-1", "criterion": "It works"}, {"id": "b", "criterion": "two\nlines", "more": {}},
                    ],
                    "estimated_hours": 1.5, "metadata": {"external": {"source": "x", "id": 1}},
                },
                {"number": "1.2", "title": "'quoted", "initial_agent_status": "reported_done"},
                {"number": "1.3", "title": "\u65cb\u8f6c\u2028\u202e"},
            ],
        },
    ],
    "story_dependencies": [{"story": "1.3", "depends_on": "1.10"}, {"story": "1.3", "depends_on": "1.2"}],
    "epic_dependencies": [{"epic": 3, "depends_on": 1}],
}  # fmt: skip


@pytest.fixture
def full(shell: Shell, keys: Keys, project: str, tmp_path: Path) -> Shell:
    """With a project of hard texts."""
    new_project(shell, project, "full")
    file = tmp_path / "hard.json"
    file.write_text(json.dumps(BACKLOG))
    shell.good("import", str(file))
    return shell


def new_project(shell: Shell, project: str, name: str) -> None:
    """Which the shell then means."""
    shell.good("project", "create", name, "--slug", f"{project}-{name}")
    shell.environment(PROJECT=f"{project}-{name}")


def content(shell: Shell) -> Any:
    """What an export says of the work; when it was reported is another time."""
    found = shell.good("export")
    for epic in found["epics"]:
        for story in epic["stories"]:
            assert story.pop("reported_done_at") is None or story["agent_status"] == "reported_done"
    return {kind: found[kind] for kind in ("epics", "story_dependencies", "epic_dependencies")}


@pytest.mark.parametrize("form", ["json", "markdown", "csv"])
def test_a_project_exported_imported_and_exported_again_is_the_same(
    full: Shell, project: str, tmp_path: Path, form: str
) -> None:
    before, place = content(full), tmp_path / "exported"
    place = place if form == "markdown" else place.with_suffix(f".{form}")
    assert full("export", "--to", form, "--output", str(place)).code == 0
    new_project(full, project, "again")
    tool = () if form == "json" else ("--from", form)
    full.good("import", str(place), *tool, "--dry-run")
    said = full.good("import", str(place), *tool)
    assert (said["import"]["stories_created"], "ignored" in said) == (3, False)
    assert content(full) == before
    again = full.good("import", str(place), *tool, "--merge")["import"]
    assert (again["stories_created"], again["stories_updated"], again["epics_updated"]) == (0, 0, 0)


def test_events_are_one_in_each_line_and_each_once(full: Shell, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    assert full("export", "--to", "jsonl", "--output", str(file)).code == 0
    events = [json.loads(line) for line in file.read_text().splitlines()]
    positions = [each["position"] for each in events]
    assert positions == sorted(set(positions))
    assert [each["new_state"]["number"] for each in events if each["entity_type"] == "story"] == ["1.10", "1.2", "1.3"]
    assert full("export", "--to", "jsonl").out == file.read_text()


def test_a_table_with_control_characters_is_not_printed(full: Shell, tmp_path: Path) -> None:
    said = full("export", "--to", "csv")
    assert (said.code, said.out, "--output FILE" in said.err) == (2, "", True)


def test_nothing_is_written_over_a_directory_that_has_something_in_it(full: Shell, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.md").write_text("mine")
    said = full("export", "--to", "markdown", "--output", str(tmp_path / "there"))
    assert (said.code, [each.name for each in (tmp_path / "there").iterdir()]) == (2, ["mine.md"])
    assert full("export", "--to", "markdown").code == 2


def test_what_is_verified_here_is_ticked_where_it_came_from(
    shell: Shell, keys: Keys, project: str, tmp_path: Path
) -> None:
    new_project(shell, project, "lamp")
    folder = Path(copytree(FIXTURES / "spec-kit", tmp_path / "lamp"))
    numbers = shell.good("import", str(folder), "--from", "spec-kit", "--done-as", "pending", key=keys.user)["numbers"]
    name, number = next((name, number) for name, number in numbers.items() if name.endswith("T003"))
    reported(shell, keys, number)
    tick = ("export", "--to", "spec-kit", "--output", str(folder))
    assert shell.good(*tick) == {"ticked": [], "files": []}, "reported is not verified"
    shell.good("review-complete", number, "--review-type", "team", "--summary", "Sound", key=keys.other)
    shell.good("verify", number, "--summary", "ok", key=keys.orchestrator)
    before = {file: file.read_bytes() for file in folder.rglob("*.md")}
    assert shell.good(*tick)["ticked"] == [name]
    changed = [file for file, data in before.items() if file.read_bytes() != data]
    assert [len(file.read_bytes()) for file in changed] == [len(before[file]) for file in changed]
    assert shell.good(*tick) == {"ticked": [], "files": []}
    shell.environment(API_KEY=keys.user)
    shell.good("sync", str(folder), "--from", "spec-kit")
    assert shell.good("sync", str(folder), "--from", "spec-kit")["import"] is None
    assert shell.good("status", number)["story"]["verified_status"] == "verified"
