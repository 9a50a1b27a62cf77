"""Imports that are larger than a server takes at once."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.json import encode

from loopctl.cli import import_parts
from loopctl.cli.import_parts import Part, in_parts, joined
from tests.loopctl.cli.shell import Shell


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a small import exceeds."""
    for name, most in (("MOST_BYTES", 2000), ("MOST_EPICS", 3), ("MOST_STORIES", 5), ("MOST_DEPENDENCIES", 4)):
        monkeypatch.setattr(import_parts, name, most)


def work(*counts: int, edges: int = 0) -> dict[str, Any]:
    return {
        "epics": [
            {
                "number": epic,
                "title": f"Epic {epic}",
                "stories": [{"number": f"{epic}.{row}", "title": "x" * 30} for row in range(stories)],
            }
            for epic, stories in enumerate(counts, 1)
        ],
        "story_dependencies": [{"story": f"1.{row + 1}", "depends_on": f"1.{row}"} for row in range(edges)],
        "epic_dependencies": [],
    }


def test_what_fits_is_one_part_and_sent_as_it_is(small: None) -> None:
    for whole in (work(2, 1, edges=1), {"epics": "x"}, {"epics": [7]}, {}, {"stories": [1] * 100}):
        (part,) = in_parts(whole)
        assert (part.body, part.merge) == (whole, False)


@settings(deadline=None)
@given(counts=st.lists(st.integers(0, 14), min_size=1, max_size=9), edges=st.integers(0, 13))
def test_the_parts_are_the_whole_in_its_order_and_each_of_them_fits(counts: list[int], edges: int) -> None:
    """Goes red when a story is left out, sent twice, or moved to another place: each path leads back to it."""
    with pytest.MonkeyPatch.context() as patched:
        for name, most in (("MOST_BYTES", 2000), ("MOST_EPICS", 3), ("MOST_STORIES", 5), ("MOST_DEPENDENCIES", 4)):
            patched.setattr(import_parts, name, most)
        whole = work(*counts, edges=edges)
        parts = in_parts(whole)
    sent: list[str] = []
    for part in parts:
        assert len(encode(part.body)) <= 2200
        for row, epic in enumerate(part.body.get("epics", ())):
            for place, story in enumerate(epic["stories"]):
                assert _at(whole, part.place_in_whole(f"epics[{row}].stories[{place}].title")) == story
                sent.append(story["number"])
    assert sent == [story["number"] for epic in whole["epics"] for story in epic["stories"]]
    waits = [edge for part in parts for edge in part.body.get("story_dependencies", ())]
    assert waits == whole["story_dependencies"]
    epics = {epic["number"] for part in parts for epic in part.body.get("epics", ())}
    assert epics == {epic["number"] for epic in whole["epics"]}
    seen: set[int] = set()
    for part in parts:
        again = {epic["number"] for epic in part.body.get("epics", ())} & seen
        assert not again or part.merge
        seen |= {epic["number"] for epic in part.body.get("epics", ())}


def _at(whole: dict[str, Any], path: str) -> Any:
    epic, story = (int(piece.partition("]")[0]) for piece in path.split("[")[1:3])
    return whole["epics"][epic]["stories"][story]


def test_the_answers_are_added_up_and_name_places_of_the_whole() -> None:
    first = Part(body={}, places=[(0, 0)])
    second = Part(body={}, places=[(0, 5), (1, 0)])
    counts = {"stories_created": 5, "dependencies_existing": 1}
    answers = [
        {"import": {**counts, "stories_orphaned": [{"number": "9"}, {"number": "1"}]}, "ignored": ["epics[0].x"]},
        {"import": {**counts, "stories_orphaned": [{"number": "9"}]}, "ignored": ["epics[0].stories[1].y", "z"]},
    ]
    assert joined(answers, [first, second]) == {
        "import": {"stories_created": 10, "dependencies_existing": 1, "stories_orphaned": [{"number": "9"}]},
        "ignored": ["epics[0].x", "epics[0].stories[6].y", "z"],
    }


def test_a_large_import_comes_in_whole_and_out_again(small: None, shell: Shell, project: str, tmp_path: Path) -> None:
    file = tmp_path / "large.json"
    whole = work(7, 12, 1, 0, 3, edges=6)
    for epic in whole["epics"]:
        epic["number"] += 20
        for story in epic["stories"]:
            story["number"] = f"2{story['number']}"
    whole["story_dependencies"] = [
        {name: f"2{each}" for name, each in edge.items()} for edge in whole["story_dependencies"]
    ]
    file.write_text(json.dumps(whole))
    slug = f"{project}-large"
    shell.good("project", "create", "Large", "--slug", slug)
    tried = shell.good("import", str(file), "--project", slug, "--dry-run")
    assert tried["import"]["stories_created"] == 23
    assert shell.good("export", "--project", slug)["epics"] == []
    done = shell("import", str(file), "--project", slug)
    assert (done.code, "parts" in done.err) == (0, True)
    found = shell.good("export", "--project", slug)
    assert [len(epic["stories"]) for epic in found["epics"]] == [7, 12, 1, 0, 3]
    assert len(found["story_dependencies"]) == 6
    assert shell("import", str(file), "--project", slug).code == 5
    again = shell.good("import", str(file), "--project", slug, "--merge")["import"]
    assert (again["stories_created"], again["stories_updated"], again["stories_unchanged"]) == (0, 0, 23)


def test_what_is_wrong_in_a_later_part_is_found_before_the_first_one_is_in(
    small: None, shell: Shell, project: str, tmp_path: Path
) -> None:
    whole = work(5, 5, 5)
    whole["epics"][2]["stories"][3]["title"] = ""
    file = tmp_path / "large.json"
    file.write_text(json.dumps(whole))
    slug = f"{project}-wrong"
    shell.good("project", "create", "Wrong", "--slug", slug)
    refused = shell("import", str(file), "--project", slug)
    assert (refused.code, list(refused.error()["error"]["details"])) == (6, ["epics[2].stories[3].title"])
    assert shell.good("export", "--project", slug)["epics"] == []
