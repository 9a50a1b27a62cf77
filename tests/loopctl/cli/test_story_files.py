"""Backlogs of story files, as people keep them."""

import json
from pathlib import Path
from typing import Any

import pytest

from loopctl.cli.exits import Stop
from loopctl.cli.story_files import read_directory
from tests.loopctl.cli.shell import Shell


def write(directory: Path, folder: str, name: str, **members: Any) -> None:
    (directory / folder).mkdir(exist_ok=True)
    said = {"id": f"US-{name}", "title": f"Title {name}", "epic": {"id": "epic_1", "name": "Keys"}, **members}
    (directory / folder / f"us_{name}.json").write_text(json.dumps(said))


def stories(payload: dict[str, Any]) -> dict[str, Any]:
    return {story["number"]: story for epic in payload["epics"] for story in epic["stories"]}


def test_an_epic_has_its_number_its_name_and_its_stories_in_order(tmp_path: Path) -> None:
    for name in ("1.10", "1.9"):
        write(tmp_path, "epic_1_keys", name)
    (epic,) = read_directory(tmp_path)["epics"]
    assert (epic["number"], epic["title"], [story["number"] for story in epic["stories"]]) == (
        1,
        "Keys",
        ["1.9", "1.10"],
    )


def test_what_has_no_place_of_its_own_goes_into_the_metadata(tmp_path: Path) -> None:
    criteria = [{"id": "AC-1", "description": "It works", "status": "pending"}]
    story = {"as_a": "reader", "i_want_to": "read", "so_that": "I know"}
    write(tmp_path, "epic_1", "1.1", acceptance_criteria=criteria, story=story, priority="high", estimated_hours=4)
    item = stories(read_directory(tmp_path))["1.1"]
    assert item["acceptance_criteria"] == criteria
    assert item["description"] == "As a reader, I want to read, so that I know."
    assert (item["estimated_hours"], item["metadata"]) == (4, {"story": story, "priority": "high"})


def test_two_directories_of_one_number_become_two_epics(tmp_path: Path) -> None:
    said: list[str] = []
    write(tmp_path, "epic_1_a", "1.1")
    write(tmp_path, "epic_1_b", "1.1")
    write(tmp_path, "epic_1_b", "1.2", dependencies=["US-1.1"])
    payload = read_directory(tmp_path, said.append)
    assert [epic["number"] for epic in payload["epics"]] == [1, 2]
    assert payload["story_dependencies"] == [{"story": "2.2", "depends_on": "2.1"}]
    assert stories(payload)["2.1"]["metadata"]["imported_id"] == "US-1.1"
    assert said == ["epic_1_b: there is an epic 1 already, this one becomes epic 2"]


def test_numbers_of_three_parts_are_counted_anew(tmp_path: Path) -> None:
    for name in ("1.0.2", "1.0.1", "1.R.1", "1.4"):
        write(tmp_path, "epic_1", name, dependencies=["US-1.0.1"] if name == "1.R.1" else [])
    payload = read_directory(tmp_path)
    assert {number: story["title"] for number, story in stories(payload).items()} == {
        "1.5": "Title 1.0.1", "1.6": "Title 1.0.2", "1.4": "Title 1.4", "1.7": "Title 1.R.1",
    }  # fmt: skip
    assert payload["story_dependencies"] == [{"story": "1.7", "depends_on": "1.5"}]


def test_a_dependency_on_what_is_not_there_is_left_out_and_said(tmp_path: Path) -> None:
    said: list[str] = []
    write(tmp_path, "epic_1", "1.1", dependencies=["US-9.9"])
    assert read_directory(tmp_path, said.append)["story_dependencies"] == []
    assert said == ["us_1.1.json: US-9.9 is not in this backlog; the dependency is left out"]


@pytest.mark.parametrize("content", ["{", "[]", '{"id": "none"}'])
def test_a_file_that_is_no_story_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "epic_1").mkdir()
    (tmp_path / "epic_1" / "us_x.json").write_text(content)
    with pytest.raises(Stop, match=r"us_x\.json"):
        read_directory(tmp_path)


def test_a_directory_without_stories_is_said(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="no stories"):
        read_directory(tmp_path)


def test_a_directory_is_imported_with_options_anywhere(shell: Shell, project: str, tmp_path: Path) -> None:
    backlog = tmp_path / "backlog"
    backlog.mkdir()
    write(backlog, "epic_7_seven", "7.1")
    assert shell.good("import", str(backlog), "--project", project)["import"]["stories_created"] == 1
    again = shell("import", "--project", project, str(backlog))
    assert (again.code, "--merge" in again.error()["hint"]) == (5, True)
    assert shell.good("import", "--merge", str(backlog), "--project", project)["import"]["stories_updated"] == 1


def test_an_export_is_imported_again(shell: Shell, project: str, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    assert shell("export", "--project", project, "--output", str(file)).code == 0
    shell.good("project", "create", "Copy", "--slug", f"{project}-copy")
    assert shell.good("import", str(file), "--project", f"{project}-copy")["import"]["stories_created"] == 3


def test_a_dry_run_prints_the_payload_and_sends_nothing(alone: Shell, tmp_path: Path) -> None:
    write(tmp_path, "epic_1", "1.1")
    assert alone.good("import", str(tmp_path), "--dry-run")["epics"][0]["number"] == 1
