"""Backlogs of story files, as people keep them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loopctl.cli.exits import Stop
from loopctl.cli.reading import read_json
from loopctl.cli.story_files import Backlog, read_files
from loopctl.cli.story_numbers import NOTHING_KNOWN, Known
from tests.loopctl.cli.shell import Shell


def write(directory: Path, folder: str, name: str, **members: Any) -> None:
    (directory / folder).mkdir(exist_ok=True)
    said = {"id": f"US-{name}", "title": f"Title {name}", "epic": {"id": "epic_1", "name": "Keys"}, **members}
    (directory / folder / f"us_{name}.json").write_text(json.dumps(said))


def read(path: Path, warn: Callable[[str], None] = lambda _: None, known: Known = NOTHING_KNOWN) -> Backlog:
    return read_files(path, read_json, warn, lambda: known)


def read_directory(path: Path, warn: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    return read(path, warn).payload


def stories(payload: dict[str, Any]) -> dict[str, Any]:
    return {story["number"]: story for epic in payload["epics"] for story in epic["stories"]}


def stop(path: Path) -> str:
    with pytest.raises(Stop) as found:
        read(path)
    return f"{found.value.message} {found.value.hint}"


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
    assert (item["estimated_hours"], item["priority"], item["metadata"]) == (4, 1, {"story": story})


def test_two_directories_of_one_number_become_two_epics(tmp_path: Path) -> None:
    said: list[str] = []
    write(tmp_path, "epic_1_a", "1.1")
    write(tmp_path, "epic_1_b", "1.1")
    write(tmp_path, "epic_1_b", "1.2", dependencies=["US-1.1"])
    payload = read_directory(tmp_path, said.append)
    assert [epic["number"] for epic in payload["epics"]] == [1, 2]
    assert payload["story_dependencies"] == [{"story": "2.2", "depends_on": "2.1"}]
    assert stories(payload)["2.1"]["metadata"]["imported_id"] == "US-1.1"
    assert said == [
        "epic_1_b: there is an epic 1 with the same numbers already; this one is 2",
        "epic_1_b: stories are counted anew, 1.1 as 2.1, 1.2 as 2.2",
    ]


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
    assert said == ["epic_1/us_1.1.json: US-9.9 is not in this backlog; the dependency is left out"]


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
    assert shell.good("import", "--merge", str(backlog), "--project", project)["import"]["stories_unchanged"] == 1


def test_an_export_is_imported_again(shell: Shell, project: str, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    assert shell("export", "--project", project, "--output", str(file)).code == 0
    shell.good("project", "create", "Copy", "--slug", f"{project}-copy")
    assert shell.good("import", str(file), "--project", f"{project}-copy")["import"]["stories_created"] == 3


def test_what_would_be_sent_is_shown_without_a_server(alone: Shell, tmp_path: Path) -> None:
    write(tmp_path, "epic_1", "1.1")
    assert alone.good("import", str(tmp_path), "--show")["epics"][0]["number"] == 1


def test_a_dry_run_is_the_server_s_own(shell: Shell, project: str, tmp_path: Path) -> None:
    """Went red when it printed the payload and exited with 0, whatever the import would have given."""
    tmp_path /= "backlog"
    tmp_path.mkdir()
    write(tmp_path, "epic_7_seven", "7.1", initial_agent_status="asleep")
    write(tmp_path, "epic_7_seven", "7.2", title=" ")
    for more in ([], ["--dry-run"]):
        refused = shell("import", str(tmp_path), "--project", project, *more)
        assert refused.code == 6
        assert refused.error()["error"]["files"] == {
            "epics[0].stories[0].initial_agent_status": "epic_7_seven/us_7.1.json",
            "epics[0].stories[1].title": "epic_7_seven/us_7.2.json",
        }
    for name in ("7.1", "7.2"):
        write(tmp_path, "epic_7_seven", name)
    tried = shell.good("import", str(tmp_path), "--project", project, "--dry-run")
    assert tried == shell.good("import", str(tmp_path), "--project", project)
    assert shell("import", str(tmp_path), "--project", project, "--dry-run").code == 5


def test_an_older_export_is_not_merged_over_a_newer_project(shell: Shell, project: str, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    assert shell("export", "--project", project, "--output", str(file)).code == 0
    write(tmp_path, "epic_8", "8.1")
    shell.good("import", str(tmp_path / "epic_8"), "--project", project)
    assert shell("import", str(file), "--project", project, "--merge", "--if-position", "file").code == 5
    assert shell("import", str(file), "--project", project, "--merge", "--if-position", "soon").code == 2
    assert shell("import", str(file), "--project", project, "--merge").code == 0


def test_what_an_import_does_not_take_is_said_beside_its_answer(shell: Shell, project: str, tmp_path: Path) -> None:
    file = tmp_path / "work.json"
    story = {"number": "9.1", "title": "t", "tags": [], "rejection_reason": "no"}
    file.write_text(json.dumps({"epics": [{"number": 9, "title": "e", "stories": [story]}]}))
    done = shell("import", str(file), "--project", project)
    assert done.code == 0
    assert "epics[0].stories[0].tags" in done.err
    assert "epics[0].stories[0].rejection_reason" in done.err


def test_what_is_named_wins_over_what_file_and_directory_suggest(tmp_path: Path) -> None:
    """Went red when the number was that of the file's name, and depends_on went into the metadata."""
    write(tmp_path, "epic_1_a", "1.1", number="3.7", id=None, epic=3, depends_on=["1.2"])
    write(tmp_path, "epic_1_a", "1.2", epic={"number": 3, "title": "Three"})
    payload = read_directory(tmp_path)
    assert [(epic["number"], epic["title"]) for epic in payload["epics"]] == [(3, "Three")]
    assert set(stories(payload)) == {"3.7", "1.2"}
    assert payload["story_dependencies"] == [{"story": "3.7", "depends_on": "1.2"}]
    assert "metadata" not in stories(payload)["3.7"]


def test_the_same_number_in_two_files_is_an_error_with_both_places(tmp_path: Path) -> None:
    """Went red when the second one became another story's number."""
    write(tmp_path, "epic_1_a", "1.1", number="5.5")
    write(tmp_path, "epic_2_b", "2.1", number="5.5")
    said = stop(tmp_path)
    assert "5.5" in said
    assert "epic_1_a/us_1.1.json" in said
    assert "epic_2_b/us_2.1.json" in said


def test_a_story_keeps_its_number_in_the_directory_of_another_epic(tmp_path: Path) -> None:
    """Went red when US-1.1 in epic_2 became 2.1, over the story that has this number."""
    write(tmp_path, "epic_2", "1.1", epic=None)
    write(tmp_path, "epic_2", "2.1", epic=None)
    assert set(stories(read_directory(tmp_path))) == {"1.1", "2.1"}
    write(tmp_path, "epic_1", "1.1", epic=None)
    assert "1.1 in epic_1/us_1.1.json and epic_2/us_1.1.json" in stop(tmp_path)


@pytest.mark.parametrize("criteria", ["one", {"a": 1}, 7, [1], [["x"]]])
def test_criteria_that_are_no_list_of_texts_or_objects_are_refused_with_the_file_s_name(
    tmp_path: Path, criteria: Any
) -> None:
    """Went red when a text was taken letter by letter."""
    write(tmp_path, "epic_1", "1.1", acceptance_criteria=criteria)
    assert stop(tmp_path).startswith("epic_1/us_1.1.json: acceptance_criteria")


def test_criteria_may_be_texts(tmp_path: Path) -> None:
    write(tmp_path, "epic_1", "1.1", acceptance_criteria=["It works", {"id": "AC-2", "description": "It lasts"}])
    assert stories(read_directory(tmp_path))["1.1"]["acceptance_criteria"] == [
        {"criterion": "It works"}, {"id": "AC-2", "description": "It lasts"}
    ]  # fmt: skip


def test_what_a_file_does_not_say_is_not_sent(tmp_path: Path) -> None:
    """Went red when a file without criteria sent an empty list, which a merge takes for none."""
    write(tmp_path, "epic_1", "1.1", title=None)
    assert stories(read_directory(tmp_path))["1.1"] == {"number": "1.1"}


@pytest.mark.parametrize(
    ("member", "meant"),
    [("acceptanceCriteria", "acceptance_criteria"), ("dependsOn", "depends_on"), ("Title", "title")],
)
def test_another_spelling_of_a_member_is_refused(tmp_path: Path, member: str, meant: str) -> None:
    write(tmp_path, "epic_1", "1.1", **{member: []})
    assert stop(tmp_path) == f"epic_1/us_1.1.json: {member} is not known. Did you mean {meant}?"


@pytest.mark.parametrize("named", [{}, [[]], [1.5], [None], [{"label": "x"}]])
def test_a_dependency_that_names_no_story_is_refused(tmp_path: Path, named: Any) -> None:
    write(tmp_path, "epic_1", "1.1", depends_on=named)
    assert stop(tmp_path).startswith("epic_1/us_1.1.json: depends_on has")


def test_a_number_that_lost_its_end_as_a_fraction_is_refused(tmp_path: Path) -> None:
    """1.10 is 1.1 as a number of JSON."""
    write(tmp_path, "epic_1", "1.1", number=1.1)
    assert "as a text" in stop(tmp_path)


ONE = {"number": "2.1", "title": "One", "acceptance_criteria": ["a"]}
TWO = {"number": "2.2", "title": "Two", "depends_on": "2.1"}
SHAPES: dict[str, dict[str, Any]] = {
    "stories in directories": {"epic_2_pay/us_2.1.json": ONE, "epic_2_pay/us_2.2.json": TWO},
    "directories with words": {"02 - Pay/2.1 One.json": {"title": "One"}, "02 - Pay/2.2-two.json": TWO},
    "a file for each epic": {"pay.json": {"number": 2, "title": "Pay", "stories": [ONE, TWO]}},
    "a list of stories": {"all.json": [ONE, TWO]},
    "stories without epics": {"all.json": {"stories": [ONE, TWO]}},
    "stories that name their epic": {"a.json": {**ONE, "epic": "Epic 2: Pay"}, "b.json": {**TWO, "epic": 2}},
    "a whole import in a directory": {"x/y.json": {"epics": [{"number": 2, "title": "Pay", "stories": [ONE, TWO]}]}},
    "deeper directories": {"plan/epic-2-pay/stories/story-2.1.json": {"title": "One"}, "plan/epic-2-pay/t.json": TWO},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_shapes_that_people_keep_their_stories_in(tmp_path: Path, shape: str) -> None:
    for name, said in SHAPES[shape].items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps(said))
    payload = read_directory(tmp_path)
    assert [epic["number"] for epic in payload["epics"]] == [2]
    assert [(number, story["title"]) for number, story in stories(payload).items()] == [("2.1", "One"), ("2.2", "Two")]
    assert payload["story_dependencies"] == [{"story": "2.2", "depends_on": "2.1"}]


@pytest.mark.parametrize("shape", ["a list of stories", "stories without epics", "a file for each epic"])
def test_one_file_may_have_the_same_shapes(tmp_path: Path, shape: str) -> None:
    ((name, said),) = SHAPES[shape].items()
    (tmp_path / name).write_text(json.dumps(said))
    backlog = read(tmp_path / name)
    assert set(stories(backlog.payload)) == {"2.1", "2.2"}
    assert backlog.files["epics[0].stories[1]"] == f"{name}: stories[1]"


def test_numbers_that_were_made_up_are_found_again_by_a_merge_and_never_given_twice(tmp_path: Path) -> None:
    """Went red when they were counted anew: then a merge wrote one story over another."""
    for name in ("1.0.1", "1.0.2"):
        write(tmp_path, "epic_1", name)
    known = Known(
        epics={"Keys": 1}, imported={(1, "US-1.0.2"): "1.4"}, taken=frozenset(("1.1", "1.4"))
    )  # fmt: skip
    assert {number: story["title"] for number, story in stories(read(tmp_path, known=known).payload).items()} == {
        "1.5": "Title 1.0.1", "1.4": "Title 1.0.2"
    }  # fmt: skip


def test_a_directory_s_name_gives_a_new_epic_its_title_and_never_renames_one(tmp_path: Path) -> None:
    write(tmp_path, "epic_1_keys_and_more", "1.1", epic=None)
    assert read(tmp_path).payload["epics"][0]["title"] == "Keys and more"
    assert "title" not in read(tmp_path, known=Known(epics={"Access": 1})).payload["epics"][0]


def test_a_reference_that_means_two_stories_is_refused_with_both_places(tmp_path: Path) -> None:
    write(tmp_path, "epic_1", "1.1", number="1.1", id="login", epic=None)
    write(tmp_path, "epic_2", "2.1", number="2.1", id="login", epic=None)
    write(tmp_path, "epic_3", "3.1", number="3.1", epic=None, depends_on=["login"])
    said = stop(tmp_path)
    assert "epic_1/us_1.1.json" in said
    assert "epic_2/us_2.1.json" in said
