"""Ticks in other tools' files: of what is verified here, and nothing else of a file changes."""

from pathlib import Path

import pytest

from loopctl.exporters.ticks import TickedSource, ticked, verified_of
from loopctl.importers.items import SourceFile
from loopctl.importers.sources import SOURCES

TASKS = (
    "# Tasks\r\n\r\n## Phase 1: Set up\r\n- [ ] T001 One  \r\n- [x] T002 Two\r\n```\n- [ ] T001 An example\n```\n"
    "- [ ] T003 [P] Three\x0c - [ ] not a box\n- [ ] T004 Four"
)
TASK = (
    "---\nid: task-1\ntitle: One\nstatus: 'To Do'\n---\n\n## Description\n\n- [ ] not a criterion\n\n"
    "## Acceptance Criteria\n\n- [ ] #1 It works\n- [x] #2 It is there\n\n"
    "```\n- [ ] an example\n```\n\n## Notes\n- [ ] no\n"
)


def tick(source: TickedSource, name: str, text: str, *verified: str) -> tuple[str, list[str]]:
    found = ticked(source, [SourceFile(name, text)], verified)
    return found.files.get(name, text), [*found.items]


def test_a_verified_task_of_spec_kit_is_ticked_and_every_other_byte_stays() -> None:
    now, items = tick("spec-kit", "specs/001-a/tasks.md", TASKS, "001-a/T001", "001-a/T002", "001-a/T004")
    assert items == ["001-a/T001", "001-a/T004"]
    assert now == TASKS.replace("- [ ] T001 One", "- [x] T001 One").replace("- [ ] T004", "- [x] T004")


def test_a_verified_task_of_backlog_md_is_done_with_its_criteria_and_every_other_byte_stays() -> None:
    now, items = tick("backlog-md", "backlog/tasks/task-1 - One.md", TASK, "task-1")
    assert items == ["task-1"]
    assert now == TASK.replace("status: 'To Do'", "status: Done").replace("- [ ] #1 It", "- [x] #1 It")


@pytest.mark.parametrize(
    ("source", "name", "text"),
    [("spec-kit", "specs/001-a/tasks.md", TASKS), ("backlog-md", "backlog/tasks/task-1 - One.md", TASK)],
)
def test_what_is_not_verified_here_is_neither_ticked_nor_unticked(source: TickedSource, name: str, text: str) -> None:
    assert tick(source, name, text, "another") == (text, [])


def test_ticking_again_changes_nothing_and_what_is_read_then_is_claimed_done() -> None:
    name = "specs/001-a/tasks.md"
    now, _ = tick("spec-kit", name, TASKS, "001-a/T001")
    assert tick("spec-kit", name, now, "001-a/T001") == (now, [])
    claimed = [
        item.external_id for item in SOURCES["spec-kit"].read([SourceFile(name, now)]).items if item.claimed_done
    ]
    assert claimed == ["001-a/T001", "001-a/T002"]


def test_only_what_is_verified_here_and_of_that_source_counts() -> None:
    def story(name: str, status: str, source: str) -> dict[str, object]:
        return {"verified_status": status, "metadata": {"external": {"source": source, "id": name}}}

    stories = [
        story("a", "verified", "spec-kit"), story("b", "unverified", "spec-kit"), story("c", "verified", "beads"),
        {"verified_status": "verified", "metadata": {}},
    ]  # fmt: skip
    assert verified_of("spec-kit", {"epics": [{"stories": stories}]}) == {"a"}


def test_fixtures_are_ticked() -> None:
    file = next((Path(__file__).parents[1] / "importers" / "fixtures" / "spec-kit").rglob("tasks.md"))
    text = file.read_text("utf-8")
    name = "specs/001-lamp/tasks.md"
    open_ones = [i.external_id for i in SOURCES["spec-kit"].read([SourceFile(name, text)]).items if not i.claimed_done]
    assert tick("spec-kit", name, text, *open_ones)[1] == open_ones != []
