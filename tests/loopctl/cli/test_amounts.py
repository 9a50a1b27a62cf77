"""Counts and costs as people read them (spec 02, section 1.6, appendix B.2)."""

import json

import pytest

from loopctl.cli.amounts import cost_line, short_tokens
from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.shell import Shell


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "0"), (0, "0"), (999, "999"), (1000, "1K"), (1500, "1.5K"), (1999, "1.9K"), (10_000, "10K"),
        (999_000, "999K"), (1_500_000, "1.5M"), (2_500_000, "2.5M"), (10_000_000, "10M"),
    ],
)  # fmt: skip
def test_counts_are_cut_after_one_decimal(count: int | None, text: str) -> None:
    assert short_tokens(count) == text


def test_what_cost_nothing_has_no_line() -> None:
    assert cost_line({"total_cost_millicents": 0, "total_cost_dollars": "0.00", "total_tokens": 9}) is None


def test_people_see_what_a_project_has_cost_beside_how_far_it_is(shell: Shell, project: str, keys: Keys) -> None:
    shell.environment(FORMAT="human")
    assert "Cost:" not in shell("status", "--project", project).err
    story = json.loads(shell("stories", "--project", project, "--format", "json").out)["data"][0]["id"]
    said = {"model_name": "m", "input_tokens": 1_900_000, "output_tokens": 100_000, "cost_millicents": 500_000}
    shell.good(
        "api", "POST", "token-usage", "--data", json.dumps({**said, "story_id": story}), "--format", "json",
        key=keys.implementer,
    )  # fmt: skip
    assert "Cost: $5.00  |  Tokens: 2M" in shell("status", "--project", project).err
    assert "Cost:" not in shell("status", "--project", project, "--format", "json").err
