"""README.md does what it says, from an empty directory to a verified story."""

import sys
from pathlib import Path

import pytest

from tests.readme import DOCUMENT, Wrong, copied, missing, read, steps

ELSEWHERE = ("Work on it", "See it work")
"""The demo has tests of its own, in tests/loopctl/cli/test_demo.py."""


@pytest.mark.slow
def test_the_commands_of_the_readme_do_what_it_says(tmp_path: Path) -> None:
    """Went red while there was no way to an orchestrator's key without curl."""
    copy = copied(tmp_path)
    assert read(DOCUMENT.read_text(), copy, ELSEWHERE, PYTHONPATH=str(copy)) > 20


def block(*lines: str) -> str:
    return "\n".join(("## A section", "```console", *lines, "```", ""))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((f"$ {sys.executable} -m loopctl frobnicate",), "ended with 2"),
        (("$ false",), "ended with 1"),
        (("$ echo one", "two"), "did not print 'two'"),
        (("$ printf 'one\\ntwo\\n'", "two", "one"), "did not print 'one'"),
        (("$ make up", "Healthy at …"), "did not print 'Healthy at …'"),
    ],
)
def test_a_command_that_does_something_else_is_noticed(tmp_path: Path, lines: tuple[str, ...], said: str) -> None:
    """The control. There is no Makefile in an empty folder."""
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(Wrong, match=said):
        read(block("$ true", *lines), empty, PYTHONPATH=str(DOCUMENT.parent))


def test_what_is_typed_stays_for_the_next_line(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    text = block("$ hello() { echo hello $NAME; }", "$ export NAME=you", "$ cat > file <<END", "> $NAME", "> END",
                 "$ hello && cat file", "hello you", "you")  # fmt: skip
    assert read(text, folder) == 4


def test_every_block_of_the_readme_is_found() -> None:
    found = [step.section for step in steps(DOCUMENT.read_text())]
    assert set(found) == {"Start", "See it work", "Use it", "Check the log", "Settings", "Work on it"}


def test_three_dots_stand_for_anything() -> None:
    assert missing(("a…d", "…", "z"), "x\nabcd\ny\nz") is None
    assert missing(("abcd",), "abc") == "abcd"
