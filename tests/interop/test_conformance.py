"""What the conformance suite finds is held to the list of what cannot pass: all else is a fault."""

import json
from pathlib import Path

import pytest

from interop.checkers import CheckerFailed
from interop.mcp.conformance import EXPECTED, Ran, read, wrong

LISTED = {"prompts-list": ("prompts-list", "there are no prompts")}
FAILING = {"prompts-list": Ran(1, {"prompts-list": "Method not found"})}


def test_failures_that_are_listed_are_no_fault() -> None:
    assert wrong({"2025-11-25": FAILING, "2026-07-28": {"ping": Ran(2, {})}}, LISTED) == []


@pytest.mark.parametrize(
    ("ran", "said"),
    [
        (FAILING | {"ping": Ran(0, {"ping": "No answer"})}, "2025-11-25 ping: ping: No answer"),
        ({"prompts-list": Ran(0, {"prompts-list": "", "wire": "Bad"})}, "2025-11-25 prompts-list: wire: Bad"),
        ({"prompts-list": Ran(2, {})}, "2025-11-25 prompts-list: prompts-list no longer fails"),
        ({"ping": Ran(1, {})}, "prompts-list has not run"),
    ],
)
def test_what_is_not_as_listed_is_told(ran: dict[str, Ran], said: str) -> None:
    assert wrong({"2025-11-25": ran}, LISTED) == [said]


def test_results_are_read_by_scenario(tmp_path: Path) -> None:
    folder = tmp_path / "server-json-schema-2020-12-2026-11-30T10-54-40-929Z"
    folder.mkdir()
    checks = [{"id": "a", "status": "SUCCESS"}, {"id": "b", "status": "FAILURE", "errorMessage": "No\n tool"}]
    (folder / "checks.json").write_text(json.dumps([*checks, {"id": "c", "status": "SKIPPED"}]))
    assert dict(read(tmp_path)) == {"json-schema-2020-12": Ran(1, {"b": "No tool"})}
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "checks.json").write_text("[]")
    with pytest.raises(CheckerFailed):
        dict(read(tmp_path))


def test_every_failure_that_is_listed_has_a_reason() -> None:
    assert all(checks.split() and reason for checks, reason in EXPECTED.values())
