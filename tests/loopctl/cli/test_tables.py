"""Tables of any width: no line is wider than the terminal, and what identifies can be copied from it."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from rich.cells import cell_len

from loopctl.cli.agents import AGENT
from loopctl.cli.output import EVENT, KEY, PROJECT, STORY
from loopctl.cli.tables import WHOLE, table
from loopctl.cli.work import BLOCKED, HISTORY
from tests.loopctl.cli.outside import environment, on_a_terminal
from tests.loopctl.cli.stub import Answer, stub

ID = "0193a2b4-0000-7000-8000-00000000000{}"
LISTS = (PROJECT, STORY, KEY, EVENT, AGENT, BLOCKED, HISTORY, ("project", *STORY), ("check", "result", "finding"))
TIME = "2026-03-27T12:00:00.123456Z"
WIDE = some.text(some.sampled_from("ab漢字🎉é\x1b\u202e\n —\u0301"), max_size=90)


def value_of(column: str) -> some.SearchStrategy[str]:
    if column == "number":
        return some.sampled_from(("2.1", "US-12.110", "9999.9999"))
    if column.endswith("id"):
        return some.sampled_from([ID.format(digit) for digit in range(5)])
    return some.sampled_from(("p", "a-longer-slug")) if column in WHOLE else some.one_of(WIDE, some.just(TIME))


@some.composite
def tables(draw: some.DrawFn) -> tuple[tuple[str, ...], list[list[str]]]:
    columns = tuple(draw(some.sampled_from(LISTS)))
    return columns, draw(some.lists(some.tuples(*map(value_of, columns)).map(list), min_size=1, max_size=4))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(tables(), some.integers(40, 200))
def test_no_line_is_wider_and_what_identifies_is_whole(
    made: tuple[tuple[str, ...], list[list[str]]], width: int
) -> None:
    """Went red with ids cut by a letter, and with characters counted as one where they take two."""
    columns, rows = made
    lines = list(table(columns, rows, width))
    assert max(map(cell_len, lines)) <= width
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            if (column in WHOLE or column.endswith("id")) and not (column == "id" and "number" in columns):
                assert any(value in line for line in lines), (column, value)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(tables())
def test_without_a_terminal_nothing_is_shortened(made: tuple[tuple[str, ...], list[list[str]]]) -> None:
    columns, rows = made
    assert "…" not in "".join(table(columns, rows, None))
    assert len(list(table(columns, rows, None))) == len(rows) + 2


def test_a_backlog_at_80_columns() -> None:
    rows = [["2.1", "Rotate the keys of a tenant without an hour of refused requests", "implementing", "unverified",
             ID.format(1)]]  # fmt: skip
    assert list(table(STORY, rows, 80)) == [
        "number  title                                           agent status  verified…",
        "──────  ──────────────────────────────────────────────  ────────────  ──────────",
        "2.1     Rotate the keys of a tenant without an hour o…  implementing  unverified",
    ]


def test_a_history_at_80_columns() -> None:
    """Was "custod", and times of 27 letters."""
    rows = [[TIME, "custody_violation", "agent:ada", "reported_done", "unverified"]]
    assert list(table(HISTORY, rows, 80)) == [
        "inserted at           action             actor label  agent status   verified s…",
        "────────────────────  ─────────────────  ───────────  ─────────────  ───────────",
        "2026-03-27T12:00:00Z  custody_violation  agent:ada    reported_done  unverified",
    ]


def test_what_does_not_fit_stands_under_its_row() -> None:
    rows = [[TIME, "story", "review_completed", "agent:radia", ID.format(1)]]
    lines = list(table(EVENT, rows, 80))
    assert lines[-2:] == [
        "2026-03-27T12:00:00Z  story        review_completed  agent:radia",
        f"    {ID.format(1)}",
    ]


@pytest.mark.parametrize("width", [40, 80, 132])
def test_a_table_is_as_wide_as_its_terminal(tmp_path: Path, width: int) -> None:
    story = {"number": "2.1", "title": "漢字 " * 60, "agent_status": "pending", "verified_status": "unverified"}
    with stub(Answer(200, {"data": [story], "meta": {"total_count": 1}})) as server:
        env = environment(tmp_path, server.address, LOOPCTL_FORMAT="human")
        said = on_a_terminal("next", env=env, columns=width)
    assert (said.code, max(map(cell_len, said.out.splitlines())) <= width) == (0, True)
    assert "2.1" in said.out
    assert "…" in said.out
