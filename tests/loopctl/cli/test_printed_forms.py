"""Every form of the command that the documents print, character by character where it counts (spec 04, section 8)."""

import shlex

import pytest

from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.shell import Shell
from tests.loopctl.cli.stub import Answer, stub
from tests.support.running import Run

GOOD = (
    "skill get loopctl:review",
    "skill get loopctl:verify-artifacts",
    "skill list",
    "status --project {p}",
    "next --project {p}",
    "blocked --project {p}",
    "status 2.1",
    "auth whoami",
)
LOOP = (
    ("contract 2.1", "implementer"),
    ("claim US-2.1", "implementer"),
    ("start 2.1", "implementer"),
    ("request-review 2.1", "implementer"),
    ("""report 2.1 --artifact '{{"artifact_type": "commit_diff", "path": "a.patch"}}'""", "other"),
    ("review-complete 2.1 --review-type adversarial --summary Sound", "other"),
    ("""verify US-2.1 --result pass --summary "All ACs met, tests pass, artifacts verified" """, "orchestrator"),
    ("""reject 2.1 --reason "Missing LiveView tests for AC-6.2.3, no tenant isolation test" """, "orchestrator"),
    ("changes --project {p} --since 2026-03-27T12:00:00Z", "orchestrator"),
    ("""state save --project {p} --data '{{"phase": "two", "last_verified": "US-2.1"}}'""", "orchestrator"),
    ("""state save --project {p} --data '{{"phase": "three"}}'""", "orchestrator"),
    ("state load --project {p}", "orchestrator"),
)  # fmt: skip
LIST = Answer(
    200, {"data": [{"id": "0193a2b4-0000-7000-8000-000000000001", "slug": "my-app", "name": "loopctl:review"}]}
)
LATER = (
    ("skill list", "GET /api/v1/skills"),
    ("skill get loopctl:review", "GET /api/v1/skills/0193a2b4-0000-7000-8000-000000000001"),
    ("admin stats", "GET /api/v1/admin/stats"),
    ("token-usage --project my-app", "GET /api/v1/analytics/projects/0193a2b4-0000-7000-8000-000000000001"),
    ("cost-anomalies --project my-app", "GET /api/v1/cost-anomalies?project_id=0193a2b4-0000-7000-8000-000000000001"),
    ("budget set --project my-app --scope per_story --limit 200000", "POST /api/v1/token-budgets"),
)


def test_a_login_as_printed(alone: Shell, running: Run, keys: Keys) -> None:
    assert alone(*shlex.split(f"auth login --server {running.address} --key {keys.user}")).code == 0


@pytest.mark.parametrize("line", GOOD)
def test_a_question_as_printed(shell: Shell, project: str, line: str) -> None:
    assert shell(*shlex.split(line.format(p=project))).code == 0


def test_the_loop_as_printed(shell: Shell, keys: Keys, project: str) -> None:
    for line, who in LOOP:
        assert shell(*shlex.split(line.format(p=project)), key=getattr(keys, who)).code == 0, line


@pytest.mark.parametrize(("line", "asked"), LATER)
def test_what_a_server_may_not_know_yet_is_asked_for_as_the_contract_says(alone: Shell, line: str, asked: str) -> None:
    with stub(LIST) as server:
        assert alone(*shlex.split(line), "--server", server.address).code == 0
    assert f"{server.asked[-1].method} {server.asked[-1].path}" == asked


def test_a_server_that_does_not_know_skills_is_said(shell: Shell) -> None:
    with stub(Answer(404, {"error": {"status": 404, "code": "not_found", "message": "Not found"}})) as server:
        said = shell("skill", "list", "--server", server.address)
    assert (said.code, said.error()["error"]["message"]) == (4, "This server knows no skills.")


def test_what_a_server_does_not_do_yet_is_said_with_exit_8(shell: Shell) -> None:
    """Went red while it was a 404, as if the project were not there."""
    with stub(Answer(501, {"error": {"status": 501, "code": "not_built", "message": "Not built"}})) as server:
        said = shell("skill", "list", "--server", server.address)
    assert (said.code, said.error()["error"]["code"]) == (8, "not_built")
    assert said.error()["hint"] == "What this server does: loopctl api GET routes"
