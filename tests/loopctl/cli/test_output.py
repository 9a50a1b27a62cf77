"""JSON off a terminal, tables for people, CSV for spreadsheets."""

import json

from tests.loopctl.cli.shell import Shell


def test_off_a_terminal_the_answer_is_json_as_the_server_sent_it(shell: Shell, project: str) -> None:
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
