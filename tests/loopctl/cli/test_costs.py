"""What work costs, from the command line: the efficiency table, a story's reports, budgets."""

import json
from uuid import uuid4

import pytest

from tests.api.exports import logs, record
from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.shell import Shell

TABLE = (
    ("worker-1", 219_450, 9, "sonnet", 332_000),
    ("worker-2", 381_200, 11, "opus", 418_000),
    ("worker-3", 142_880, 8, "sonnet", 332_000),
    ("worker-4", 512_000, 7, "opus", 501_000),
)
"""Agent, tokens, stories, model and budget, of which the documents print a share."""
PRINTED = """
| worker-3 | 142,880 | 8 | 17,860 | sonnet | 43% |
| worker-1 | 219,450 | 9 | 24,383 | sonnet | 66% |
| worker-2 | 381,200 | 11 | 34,654 | opus | 91% |
| worker-4 | 512,000 | 7 | 73,142 | opus | 102% |
"""


@pytest.fixture
def stories(shell: Shell, project: str) -> list[str]:
    """Ids of eleven."""
    for number in range(4, 12):
        shell.good("api", "POST", f"projects/{project}/stories", "--data", json.dumps(
            {"epic_number": 2, "number": f"2.{number}", "title": "S"}
        ))  # fmt: skip
    return [each["id"] for each in shell.good("stories", "--project", project)["data"]]


def test_the_efficiency_table_is_the_one_that_the_documents_print(
    shell: Shell, project: str, stories: list[str], keys: Keys
) -> None:
    suffix = f"-{uuid4().hex[:6]}"
    for name, tokens, count, model, limit in TABLE:
        wish = json.dumps({"name": name, "role": "agent"})
        made = shell.good("api", "POST", "api_keys", "--data", wish, key=keys.user)
        raw = made["api_key"]["raw_key"]
        body = {"name": name + suffix, "agent_type": "implementer"}
        agent = shell.good("api", "POST", "agents/register", "--data", json.dumps(body), key=raw)["agent"]["id"]
        for place, story in enumerate(stories[:count]):
            usage = {"story_id": story, "model_name": model, "input_tokens": tokens if place == 0 else 0}
            shell.good("api", "POST", "token-usage", "--data", json.dumps({**usage, "output_tokens": 0}), key=raw)
        shell.good("budget", "set", "--scope", "agent", "--agent", agent, "--limit", str(limit), key=keys.user)
    shell.environment(COLUMNS="80", FORMAT="human")
    said = shell("token-usage", "--by-agent", "--project", project, key=keys.user)
    lines = [line for line in said.out.replace(suffix, "").splitlines() if line.startswith("worker")]
    wanted = [line.strip("| ").split(" | ") for line in PRINTED.strip().splitlines()]
    assert [line.split() for line in lines] == wanted
    assert max(map(len, said.out.splitlines())) <= 80


def test_what_was_measured_is_a_column_where_anything_was(shell: Shell, project: str, keys: Keys) -> None:
    story = shell.good("stories", "--project", project, key=keys.user)["data"][0]["id"]
    usage = {"story_id": story, "model_name": "m", "input_tokens": 1_200, "output_tokens": 0, "cost_millicents": 3}
    shell.good("api", "POST", "token-usage", "--data", json.dumps(usage), key=keys.implementer)
    shell.environment(COLUMNS="80", FORMAT="human")
    before = shell("token-usage", "--by-agent", "--project", project, key=keys.user).out
    body = logs(record("claude_code.api_request", input_tokens=98_765), loopctl__story_id=story)
    shell("api", "POST", "otlp/v1/logs", "--data", json.dumps(body), key=keys.implementer)
    for by in ("--by-agent", "--by-epic"):
        said = shell("token-usage", by, "--project", project, key=keys.user).out
        assert "MEASURED" in said.upper()
        assert "98,765" in said
        assert max(map(len, said.splitlines())) <= 80
    assert "MEASURED" not in before.upper()
    of_story = shell("token-usage", "--story", story, "--project", project, key=keys.user)
    assert "Reported in all: 1,200 tokens, $0.00; measured: 98,765" in of_story.err


def test_a_budget_that_is_set_again_is_changed(shell: Shell, project: str) -> None:
    first = shell.good("budget", "set", "--project", project, "--scope", "per_story", "--limit", "200000")
    again = shell.good("budget", "set", "--project", project, "--scope", "per_story", "--limit", "300000", "--block")
    assert again["token_budget"]["id"] == first["token_budget"]["id"]
    assert (again["token_budget"]["per"], again["token_budget"]["enforcement"]) == ("story", "block")
    (listed,) = shell.good("budget", "list", "--project", project)["data"]
    assert listed["budget_tokens"] == 300_000


def test_what_a_story_and_a_project_cost_is_json_as_the_server_says_it(shell: Shell, project: str, keys: Keys) -> None:
    story = shell.good("stories", "--project", project, key=keys.user)["data"][0]["id"]
    usage = {"story_id": story, "model_name": "m", "input_tokens": 1, "output_tokens": 2, "cost_millicents": 3}
    shell.good("api", "POST", "token-usage", "--data", json.dumps(usage), key=keys.implementer)
    assert shell.good("token-usage", "--story", story, "--project", project)["totals"]["total_tokens"] == 3
    assert shell.good("token-usage", "--project", project)["data"]["report_count"] == 1
    assert shell.good("token-usage", "--by-epic", "--project", project)["data"][0]["total_cost_millicents"] == 3
