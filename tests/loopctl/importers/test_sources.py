"""Each source's own shape, read into an import."""

import pytest

from loopctl.importers.sources import SourceName
from tests.loopctl.importers.reading import imported, read_text, story, waits

ALL: list[tuple[SourceName, str, int, int, int]] = [
    ("beads", "beads", 2, 3, 1),
    ("beads", "beads-hashed", 1, 4, 1),
    ("task-master", "task-master", 2, 7, 2),
    ("task-master", "task-master-plain", 1, 2, 0),
    ("backlog-md", "backlog-md", 2, 3, 2),
    ("spec-kit", "spec-kit", 3, 7, 2),
    ("github", "github", 2, 2, 1),
    ("github", "github-api", 2, 2, 1),
    ("jira-csv", "jira", 1, 2, 1),
    ("jira-csv", "jira-excel", 1, 2, 0),
    ("linear-csv", "linear", 2, 2, 1),
    ("plane-csv", "plane", 2, 2, 1),
]
"""Epics, stories, and those that are called done there."""


@pytest.mark.parametrize(("source", "folder", "epics", "stories", "done"), ALL)
def test_a_backlog_comes_whole_and_what_is_called_done_is_reported_and_never_verified(
    source: SourceName, folder: str, epics: int, stories: int, done: int
) -> None:
    found = imported(source, folder)
    all_of_them = [each for epic in found.payload["epics"] for each in epic["stories"]]
    assert (len(found.payload["epics"]), len(all_of_them)) == (epics, stories)
    assert sum(each.get("initial_agent_status") == "reported_done" for each in all_of_them) == done
    assert not any("verified_status" in name for each in all_of_them for name in each)
    assert all((each["external_source"], bool(each["external_id"])) == (source, True) for each in all_of_them)


def test_beads_blocks_makes_wait_and_a_parent_that_is_an_epic_holds() -> None:
    found = imported("beads", "beads")
    assert waits(found) == [("kiln-3", "kiln-2")]
    assert found.payload["epics"][0]["title"] == "Firing schedules"
    ramp = story(found, "kiln-2")
    assert [each["criterion"] for each in ramp["acceptance_criteria"]] == ["A rate of 0 is refused", "Minutes may be 0"]
    assert (ramp["estimated_hours"], ramp["claimed_criteria"]) == (1.5, ["AC-1"])
    assert ramp["description"].endswith("## Notes\n\nMeasured twice.")
    assert story(found, "kiln-4")["metadata"]["external"]["related"] == [{"type": "discovered-from", "id": "kiln-2"}]
    assert found.report["no_place"] == {"content_hash": 1}
    assert found.report["skipped"] == ["issues.jsonl: line 5: kiln-5 was deleted"]
    assert found.report["changed"] == [
        "issues.jsonl: line 3: waits for kiln-9, which is not there; kept in its metadata"
    ]


def test_task_master_subtasks_are_stories_that_their_task_waits_for() -> None:
    found = imported("task-master", "task-master")
    assert waits(found) == [
        ("2.2", "2.1"), ("2.3", "2.2"), ("2", "1"), ("2", "2.1"), ("2", "2.2"), ("2", "2.3"), ("3", "2"),
    ]  # fmt: skip
    assert story(found, "2.1")["parent"] == found.numbers["2"]
    assert story(found, "1")["acceptance_criteria"] == [{"id": "AC-1", "criterion": "The first test runs."}]
    assert [epic["title"] for epic in found.payload["epics"]] == ["master", "wave-two"]


def test_backlog_md_reads_front_matter_sections_and_boxes() -> None:
    found = imported("backlog-md", "backlog-md")
    named = story(found, "task-1")
    assert named["title"] == "Find a name: short, kind"
    assert named["description"] == "It is what people say first.\n\n## Implementation Notes\n\nAsked eleven people."
    assert [each["criterion"] for each in named["acceptance_criteria"]] == [
        "It is free", "It can be said in two languages",
    ]  # fmt: skip
    assert (named["labels"], named["assignee"], named["claimed_criteria"]) == (
        ["naming", "brand, new"], "@noor", ["AC-1"],
    )  # fmt: skip
    assert waits(found) == [("task-2", "task-1")]
    assert story(found, "task-3")["initial_agent_status"] == "reported_done", "it is in completed/"


def test_spec_kit_tasks_of_a_phase_wait_for_each_other_but_for_the_parallel_ones() -> None:
    found = imported("spec-kit", "spec-kit")
    assert waits(found) == [("001-lamp/T004", "001-lamp/T003"), ("001-lamp/T007", "001-lamp/T006")]
    assert story(found, "001-lamp/T005")["labels"] == ["US1"]
    assert "001-lamp/T099" not in found.numbers, "it is an example in a fence"
    assert story(found, "001-lamp/T007")["title"] == "Its label"


def test_github_milestones_are_epics_and_blocked_by_makes_wait() -> None:
    found = imported("github", "github")
    assert waits(found) == [("#3", "#1")]
    slow = story(found, "#3")
    assert [each["criterion"] for each in slow["acceptance_criteria"]] == ["Measure", "Index"]
    assert slow["metadata"]["external"]["comments"] == [
        {"author": "ada", "at": "2026-01-02T00:00:00Z", "text": "Same here."}
    ]
    assert found.report["skipped"] == ["issues.json: [2]: #4 was closed as not_planned"]
    assert waits(imported("github", "github-api")) == [("#7", "#8")], "pages that were slurped"


def test_jira_links_epics_and_repeated_columns() -> None:
    found = imported("jira-csv", "jira")
    card = story(found, "SHOP-2")
    assert (card["title"], card["estimated_hours"]) == ("Pay by card, or cash", 2.0)
    assert card["description"] == 'Line one\nline two with "quotes"'
    assert card["labels"] == ["till", "money"]
    assert [each["criterion"] for each in card["acceptance_criteria"]] == ["A receipt is printed", "Change is right"]
    assert waits(found) == [("SHOP-3", "SHOP-2")]
    assert found.numbers["SHOP-1"] == "epic 1"
    assert found.numbers["SHOP-3"].startswith("1."), "below a story of the epic"


def test_linear_and_plane_say_projects_modules_labels_and_times() -> None:
    cold = story(imported("linear-csv", "linear"), "ENG-1")
    assert cold["labels"] == ["cold", "engine"]
    assert cold["acceptance_criteria"] == [{"id": "AC-1", "criterion": "It starts at -10"}]
    beans = story(imported("plane-csv", "plane"), "GARDEN-1")
    assert beans["assignee"] == "Ivy, Tom"
    assert beans["metadata"]["external"]["created_at"] == "Fri, 02 Jan 2026"


def test_a_task_master_file_of_an_older_form_is_read_as_well() -> None:
    found = read_text("task-master", '{"tasks": [{"id": "1", "title": "Only"}]}')
    assert [each.external_id for each in found.items] == ["1"]
