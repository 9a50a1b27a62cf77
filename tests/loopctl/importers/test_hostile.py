"""Files that are broken, or meant to break: all of what is wrong is said, with its place, and nothing is built."""

import json
from pathlib import Path

import pytest

from loopctl.cli.exits import Stop
from loopctl.cli.importing import read_source
from loopctl.importers.items import Unreadable
from loopctl.importers.sources import SOURCES, SourceName
from tests.loopctl.importers.reading import FIXTURES, read_text

DEEP = "[" * 100_000
WRONG: list[tuple[SourceName, str, str]] = [
    ("beads", '{"id": "a"}\n{"title": "b"}\nno json\n[1]', "4"),
    ("beads", '<<<<<<< HEAD\n{"id": "a", "title": "t"}\n=======\n>>>>>>> x', "3"),
    ("beads", '{"id": "a", "title": "t", "dependencies": [1, {"type": "blocks"}]}', "2"),
    ("beads", DEEP, "1"),
    ("task-master", "{}", "1"),
    ("task-master", '{"tasks": [1, {"title": "x"}, {"id": 1}, {"id": 2, "title": "t", "subtasks": [{}]}]}', "4"),
    ("task-master", "{" * 50_000, "1"),
    ("github", '{"number": 1}', "1"),
    ("github", '[{"number": 1}, {"title": "x"}, null]', "3"),
    ("jira-csv", "Summary,Key\na,b\n", "1"),
    ("jira-csv", "Summary,Issue key\na,b,c\n,K-1\nx,\n", "3"),
    ("jira-csv", 'Summary,Issue key\n"never closed,K-1\n', "1"),
    ("linear-csv", "", "1"),
    ("linear-csv", "ID,Title,Status\n1,,\n,x,\n", "2"),
    ("plane-csv", "Name,State\n", "1"),
    ("spec-kit", "# Nothing to do\n", "1"),
    ("backlog-md", "---\nid: task-1\ntitle: x\n", "1"),
    ("backlog-md", "---\nid: task-1\nid: task-2\n<<<<<<<\n---\n", "2"),
]


@pytest.mark.parametrize(("source", "text", "count"), WRONG)
def test_everything_that_is_wrong_is_said_at_once_with_its_place(source: SourceName, text: str, count: str) -> None:
    with pytest.raises(Unreadable) as raised:
        read_text(source, text, "tasks/task-1.md" if source == "backlog-md" else "file")
    assert len(raised.value.problems) == int(count)
    assert all(":" in each for each in raised.value.problems)


@pytest.mark.parametrize("source", SOURCES)
def test_junk_of_any_kind_is_refused_or_read_and_never_a_fault(source: SourceName) -> None:
    refused = 0
    for text in (
        "\0",
        "\ufffd",
        "null",
        "true",
        '""',
        "[[]]",
        "{}",
        "---\n---\n",
        "---\nid: task-1\n",
        "- [x] T1",
        '"\n',
        "a,b\n\0,1\n",
    ):
        try:
            read_text(source, text, "task-1 - x.md")
        except Unreadable:
            refused += 1
    assert refused > 0


def test_encodings_are_read_or_said(tmp_path: Path) -> None:
    text = (FIXTURES / "jira-excel/export.csv").read_text("utf-8-sig")
    (tmp_path / "wide.csv").write_bytes(text.encode("utf-16"))
    assert len(read_source("jira-csv", tmp_path / "wide.csv").items) == 2
    (tmp_path / "latin.csv").write_bytes("Summary,Issue key\nÄpfel,K-1\n".encode("latin-1"))
    with pytest.raises(Stop, match=r"line 2, column 1: byte 0xc4 is no UTF-8"):
        read_source("jira-csv", tmp_path / "latin.csv")


def test_links_out_of_a_directory_are_not_followed(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (outside / "a.jsonl").write_text('{"id": "a", "title": "t"}')
    (inside / "link.jsonl").symlink_to(outside / "a.jsonl")
    (inside / "folder").symlink_to(outside)
    with pytest.raises(Stop, match="There are no files"):
        read_source("beads", inside)
    assert len(read_source("beads", outside).items) == 1, "the control"


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loopctl.cli.importing.LARGEST_FILE", 100)
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": "a", "title": "t" * 100}))
    with pytest.raises(Stop, match="larger than 100 bytes"):
        read_source("beads", tmp_path)
    monkeypatch.undo()
    assert len(read_source("beads", tmp_path).items) == 1, "the control"


def test_nothing_and_what_is_not_there_are_said(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="cannot be read"):
        read_source("beads", tmp_path / "nowhere.jsonl")
    (tmp_path / "a.jsonl").write_text("\n")
    with pytest.raises(Stop, match="nothing of beads"):
        read_source("beads", tmp_path)
