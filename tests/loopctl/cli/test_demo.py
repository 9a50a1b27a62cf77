"""The demo against a running service: every process of it is a real one."""

import json
from pathlib import Path

import pytest

from tests.loopctl.cli.shell import Shell
from tests.support.running import Run

pytestmark = pytest.mark.slow

STORIES = 4


def test_a_demo_ends_with_everything_verified_and_the_log_good(alone: Shell, running: Run, tmp_path: Path) -> None:
    stories = [{"number": f"1.{number}", "title": f"Story {number}"} for number in range(1, STORIES + 1)]
    backlog = tmp_path / "backlog.json"
    backlog.write_text(json.dumps({"epics": [{"number": 1, "title": "One", "stories": stories}]}))
    code = alone("demo", "--project", str(backlog), "--data-dir", str(running.data), "--timeout", "60")
    assert code.code == 0, code.err
    assert f"{STORIES} of {STORIES} stories verified" in code.out
    assert "1 rejected once" in code.out
    assert "its lease expired, and somebody else had the story" in code.out
    for refusal in ("self_report_blocked", "self_verify_blocked", "self_review_blocked"):
        assert refusal in code.out
    assert "The history of story 1.3" in code.out
    assert "What this proves" in code.out
