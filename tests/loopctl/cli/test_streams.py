"""A deed ends as a deed, whatever its words are and whoever reads them."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.loopctl.cli.outside import environment, on_a_terminal, outside
from tests.loopctl.cli.stub import Answer, stub
from tests.support.guarded import guarded

TITLE = "Żółć 漢字 🎉"
ID = "0193a2b4-0000-7000-8000-000000000001"
STORY = {"number": "2.1", "title": TITLE, "agent_status": "pending", "verified_status": "unverified", "id": ID}
STORIES = Answer(200, {"data": [STORY], "meta": {"total_count": 1}})
MADE = Answer(201, {"project": {"id": ID, "name": TITLE, "slug": "p"}})
MANY = Answer(200, {"data": [{**STORY, "title": "x" * 200}] * 5000, "meta": {"total_count": 5000}})
ENCODINGS = ("ascii", "cp1252", "latin-1", "utf-8")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_is_the_same_value_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    """Was a UnicodeEncodeError after the deed, and exit 1."""
    with stub(MADE) as server:
        said = outside(
            "project",
            "create",
            TITLE,
            "--slug",
            "my-app",
            env=environment(tmp_path, server.address, PYTHONIOENCODING=encoding),
        )
    assert (said.code, said.err) == (0, "")
    assert json.loads(said.out)["project"]["name"] == TITLE


@pytest.mark.parametrize("form", ["human", "csv"])
def test_what_an_encoding_lacks_is_escaped(tmp_path: Path, form: str) -> None:
    with stub(STORIES) as server:
        env = environment(tmp_path, server.address, PYTHONIOENCODING="ascii")
        said = outside("next", "--format", form, env=env)
    assert said.code == 0, said.err
    assert "\\u017b\\u00f3\\u0142\\u0107" in said.out


def test_the_locale_of_a_bare_container_is_no_obstacle(tmp_path: Path) -> None:
    """PYTHONCOERCECLOCALE and PYTHONUTF8 off are what LC_ALL=POSIX was before Python helped itself."""
    with stub(MADE) as server:
        env = environment(tmp_path, server.address, LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
        said = outside("project", "create", "my-app", env=env)
    assert (said.code, json.loads(said.out)["project"]["name"]) == (0, TITLE)


def test_a_reader_that_goes_away_changes_nothing(tmp_path: Path) -> None:
    """Was exit 1, and BrokenPipeError on the standard error."""
    read, write = os.pipe()
    os.close(read)
    with stub(MADE) as server:
        said = outside("project", "create", "my-app", env=environment(tmp_path, server.address), stdout=write)
    os.close(write)
    assert (said.code, said.err, len(server.asked)) == (0, "", 1)


@pytest.mark.parametrize("arguments", [("stories", "--project", ID), ("--help",), ("completion", "bash")])
def test_a_long_answer_into_head(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with stub(MANY) as server:
        said = outside(*arguments, env=environment(tmp_path, server.address), line='"$@" | head -c 10')
    assert (len(said.out), said.err) == (10, "")


def test_following_ends_with_its_reader(tmp_path: Path) -> None:
    """It went on for ever."""
    change = {"inserted_at": "2026-03-27T12:00:00Z", "entity_type": "story", "action": "verified", "position": 7}
    with stub(Answer(200, {"data": [change] * 100, "has_more": True, "cursor": "1"})) as server:
        env = environment(tmp_path, server.address)
        said = outside("changes", "--follow", env=env, line='"$@" | head -1')
    assert (said.out.count("\n"), said.err) == (1, "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_change_nothing(tmp_path: Path, closed: str) -> None:
    """Was AttributeError: None has no write."""
    with stub(MADE) as server:
        said = outside(
            "project", "create", "my-app", env=environment(tmp_path, server.address), line=f'exec "$@" {closed}'
        )
    assert (said.code, said.err, len(server.asked)) == (0, "", 1)


def test_a_full_disk_is_told_by_a_line_and_the_exit_code(tmp_path: Path) -> None:
    """Was a traceback, and another one at the end. The shell's limit is what a disk is that has so much room."""
    with stub(MANY) as server:
        env = environment(tmp_path, server.address)
        limited = f'ulimit -f 8; exec "$@" > {tmp_path}/there'
        said = outside("stories", "--project", ID, env=env, line=limited)
    assert (said.code, said.err) == (1, "loopctl: the answer could not be written: File too large\n")


def test_a_pipe_that_does_not_block_gets_everything(tmp_path: Path) -> None:
    """As node makes them. Was BlockingIOError, with half of the answer."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    there = tmp_path / "out.json"
    with (
        stub(MANY) as server,
        there.open("wb") as file,
        guarded(subprocess.Popen(["cat"], stdin=read, stdout=file)) as reader,
    ):
        os.close(read)
        said = outside("stories", "--project", ID, env=environment(tmp_path, server.address), stdout=write)
        os.close(write)
        reader.wait(timeout=180)
    assert (said.code, len(json.loads(there.read_bytes())["data"])) == (0, 5000)


def test_a_terminal_gets_json_too(tmp_path: Path) -> None:
    """Was a table."""
    with stub(STORIES) as server:
        said = on_a_terminal("next", env=environment(tmp_path, server.address))
    assert json.loads(said.out)["data"] == [STORY]


@pytest.mark.parametrize("where", ["option", "variable", "file"])
def test_tables_are_chosen(tmp_path: Path, where: str) -> None:
    """The control."""
    with stub(STORIES) as server:
        env = environment(tmp_path, server.address, **({"LOOPCTL_FORMAT": "human"} if where == "variable" else {}))
        if where == "file":
            assert outside("config", "set", "format", "human", env=env).code == 0
        said = on_a_terminal("next", *(("--format", "human") if where == "option" else ()), env=env)
    assert said.out.splitlines()[0].split()[:2] == ["number", "title"]
