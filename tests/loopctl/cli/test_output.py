"""JSON, tables for people, CSV for spreadsheets."""

import csv
import io
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.loopctl.cli.shell import Shell
from tests.loopctl.cli.stub import Answer, stub

IDS = [f"0193a2b4-0000-7000-8000-00000000000{digit}" for digit in range(4)]
HOSTILE = "\x1b[2J\x9b31m\u202eevil\nError: all is lost\tx\x7f"


def listed(*titles: str, total: int | None = None, project: int = 0) -> Answer:
    items = [
        {"number": f"1.{at}", "title": title, "agent_status": "pending", "verified_status": "unverified",
         "id": IDS[at % 4], "project_id": IDS[at % 2 if project else 0], "points": -3}
        for at, title in enumerate(titles)
    ]  # fmt: skip
    return Answer(200, {"data": items, "meta": {"total_count": total or len(items)}})


def shown(alone: Shell, answer: Answer, *arguments: str) -> Any:
    with stub(answer) as server:
        alone.environment(SERVER=server.address)
        return alone(*arguments)


def test_the_answer_is_json_as_the_server_sent_it(shell: Shell, project: str) -> None:
    said = shell("next")
    assert set(json.loads(said.out)) == {"data", "meta"}
    assert said.err == ""


def test_a_table_for_people_wherever_the_option_stands(shell: Shell, project: str) -> None:
    first, last = shell("--format", "human", "next"), shell("next", "--format=human")
    assert first.out == last.out
    assert first.out.split()[:4] == ["number", "title", "agent", "status"]
    assert "Story 1" in first.out


def test_csv_has_a_header_and_quotes(shell: Shell, project: str) -> None:
    lines = shell("stories", "--format", "csv", "--fields", "number,title").out.splitlines()
    assert lines == ['"number","title"', '"2.1","Story 1"', '"2.2","Story 2"', '"2.3","Story 3"']


def test_an_object_is_lines_of_name_and_value(shell: Shell, project: str) -> None:
    assert (
        shell("status", "2.1", "--format", "human", "--fields", "number,title").out == "number  2.1\ntitle   Story 1\n"
    )


def test_all_pages_are_one_list(shell: Shell, project: str) -> None:
    assert len(shell.good("stories", "--limit", "2")["data"]) == 2
    assert len(shell.good("stories", "--all")["data"]) == 3


def test_people_are_told_that_there_is_more(shell: Shell, project: str) -> None:
    assert "2 of 3; all: --all" in shell("stories", "--limit", "2", "--format", "human").err


def test_the_format_can_be_kept(shell: Shell, project: str) -> None:
    shell("config", "set", "format", "csv")
    assert shell("stories", "--fields", "number").out.startswith('"number"\n')


@pytest.mark.parametrize("form", ["human", "csv", "json"])
def test_no_byte_of_a_title_reaches_the_terminal_as_a_command(alone: Shell, form: str) -> None:
    """ESC, C1 and overrides of direction came through."""
    said = shown(alone, listed(HOSTILE), "next", "--format", form)
    assert not {*"\x1b\x9b\u202e\x7f"} & {*said.out}
    assert "evil" in said.out


def test_a_title_is_one_line_of_a_table(alone: Shell) -> None:
    assert len(shown(alone, listed(HOSTILE), "next", "--format", "human").out.splitlines()) == 3


def test_json_is_the_same_title(alone: Shell) -> None:
    """The control: escaped is not changed."""
    assert shown(alone, listed(HOSTILE), "next").json()["data"][0]["title"] == HOSTILE


def test_an_object_cannot_show_a_line_of_its_own_making(alone: Shell) -> None:
    answer = Answer(200, {"story": {"title": HOSTILE, "id": IDS[0]}})
    said = shown(alone, answer, "status", IDS[0], "--format", "human")
    assert [line for line in said.out.splitlines() if line.startswith(("Error", "\x1b"))] == []


def test_an_error_of_the_server_is_one_line(alone: Shell) -> None:
    answer = Answer(422, {"error": {"status": 422, "code": "invalid", "message": HOSTILE}})
    said = shown(alone, answer, "status", IDS[0], "--format", "human")
    assert not {*"\x1b\x9b\u202e\x7f"} & {*said.err}
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\uff1d"])
def test_a_spreadsheet_computes_nothing(alone: Shell, begin: str) -> None:
    """=HYPERLINK( came through."""
    said = shown(alone, listed(f'{begin}HYPERLINK("http://x")', "safe = 1"), "next", "--format", "csv")
    first, second = list(csv.reader(io.StringIO(said.out, newline="")))[1:]
    assert (first[1], second[1]) == (f'\'{begin}HYPERLINK("http://x")', "safe = 1")


def test_a_number_is_no_formula(alone: Shell) -> None:
    """The control."""
    said = shown(alone, listed("x"), "next", "--format", "csv", "--fields", "points")
    assert said.out == '"points"\n"-3"\n'


@pytest.mark.parametrize("form", ["human", "csv", "json"])
def test_what_is_missing_is_said_in_every_format(alone: Shell, form: str) -> None:
    """CSV gave 100 of 350 in silence."""
    said = shown(alone, listed("x", total=350), "next", "--format", form)
    assert "1 of 350; all: --all" in said.err


@pytest.mark.parametrize("form", ["human", "csv", "json"])
def test_all_of_350_are_asked_for_page_by_page(alone: Shell, form: str) -> None:
    """Went red with the pages behind the first one left out. The first answer is what says how many there are."""
    sizes = (100, 100, 100, 50)
    with stub(*(listed(*["x"] * size, total=350) for size in sizes)) as server:
        alone.environment(SERVER=server.address)
        said = alone("next", "--all", "--format", form)
    assert [parse_qs(urlsplit(each.path).query)["page"] for each in server.asked] == [["1"], ["2"], ["3"], ["4"]]
    assert (said.code, "of 350" in said.err) == (0, False)
    rows = said.json()["data"] if form == "json" else said.out.splitlines()
    assert len(rows) == 350 + {"json": 0, "csv": 1, "human": 2}[form]


def test_stories_of_several_projects_say_which(alone: Shell) -> None:
    """Two stories 1.1 could not be told apart."""
    projects = Answer(200, {"data": [{"id": IDS[0], "slug": "one"}, {"id": IDS[1], "slug": "two"}]})
    with stub(listed("x", "y", project=1), projects) as server:
        lines = alone("next", "--format", "human", "--server", server.address).out.splitlines()
    assert [line.split()[0] for line in lines] == ["project", "───────", "one", "two"]


def test_stories_of_one_project_do_not(alone: Shell) -> None:
    """The control."""
    assert shown(alone, listed("x", "y"), "next", "--format", "human").out.split()[0] == "number"


def test_fields_choose_members_of_json_too(alone: Shell) -> None:
    """They were accepted and ignored."""
    said = shown(alone, listed("x"), "next", "--fields", "number,title")
    assert said.json() == {"data": [{"number": "1.0", "title": "x"}], "meta": {"total_count": 1}}


@pytest.mark.parametrize("form", ["human", "csv", "json"])
def test_a_field_that_is_none_is_refused_with_the_list(alone: Shell, form: str) -> None:
    said = shown(alone, listed("x"), "next", "--format", form, "--fields", "number,titel")
    assert (said.code, said.out) == (2, "")
    assert all(word in said.err for word in ("'titel'", "Did you mean title?", "agent_status"))


def test_after_a_deed_a_field_that_is_none_is_said_and_left_out(alone: Shell) -> None:
    answer = Answer(201, {"project": {"id": IDS[0], "slug": "one"}})
    said = shown(alone, answer, "project", "create", "one", "--fields", "slug,nmae")
    assert (said.code, said.json()) == (0, {"slug": "one"})
    assert "There is no field 'nmae'" in said.err


def test_a_stream_of_csv_has_quotes_and_one_header(alone: Shell) -> None:
    """Commas in a label became columns."""
    change = {
        "inserted_at": "t",
        "entity_type": "story",
        "action": "verified",
        "actor_label": "a, b",
        "entity_id": "=1",
    }
    two = [{**change, "position": position} for position in (7, 8)]
    more = Answer(200, {"data": two, "has_more": True, "cursor": "1"})
    with stub(more, Answer(401, {"error": {"code": "unauthorized"}})) as server:
        said = alone("changes", "--follow", "--format", "csv", "--server", server.address)
    row = """"t","story","verified","a, b","'=1"\n"""
    assert said.out == f'"inserted_at","entity_type","action","actor_label","entity_id"\n{row}{row}'
