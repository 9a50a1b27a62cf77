"""The routes of costs, for the list of them all (routes.py)."""

from tests.contract.route import read, write

USAGE = {
    "model_name": "m", "input_tokens": 1, "output_tokens": 1, "cost_millicents": 1, "agent_id": "$agent",
    "skill_version_id": None,
}  # fmt: skip
REPORT = {**USAGE, "story_id": "$story"}
DIFFERENCE = {"input_tokens": 1, "output_tokens": 1, "cost_millicents": 1}

COSTS = (
    write("POST", "/token-usage", "agent+", 201, "other", body=REPORT),
    write("POST", "/token-usage/{usage_id}/correction", "user+", 201, "user", body=DIFFERENCE),
    write("DELETE", "/token-usage/{usage_id}", "user+", 200, "user"),
    read("/stories/{story_id}/token-usage"),
)
