"""The routes of costs, for the list of them all (routes.py)."""

from tests.contract.route import read, write

USAGE = {
    "model_name": "m", "input_tokens": 1, "output_tokens": 1, "cost_millicents": 1, "agent_id": "$agent",
    "skill_version_id": "$skill_version",
}  # fmt: skip
REPORT = {**USAGE, "story_id": "$story"}
BUDGET = {"scope_type": "story", "scope_id": "$story", "budget_millicents": 100, "budget_tokens": None, "per": None}
DIFFERENCE = {"input_tokens": 1, "output_tokens": 1, "cost_millicents": 1, "skill_version_id": "$skill_version"}
STORY_SAID = {"key": "loopctl.story_id", "value": {"stringValue": "$story"}}
POINT = {
    "attributes": [{"key": "type", "value": {"stringValue": "input"}}], "startTimeUnixNano": "1", "timeUnixNano": "2",
    "asInt": "10",
}  # fmt: skip
METRIC = {"name": "claude_code.token.usage", "sum": {"aggregationTemporality": 1, "dataPoints": [POINT]}}
SPAN = {"name": "chat", "attributes": [{"key": "gen_ai.usage.input_tokens", "value": {"intValue": "10"}}]}
RECORD = {
    "body": {"stringValue": "claude_code.api_request"},
    "attributes": [{"key": "input_tokens", "value": {"intValue": "10"}}],
}

COSTS = (
    write("POST", "/token-usage", "agent+", 201, "other", body=REPORT),
    write("POST", "/token-usage/{usage_id}/correction", "user+", 201, "user", body=DIFFERENCE),
    write("DELETE", "/token-usage/{usage_id}", "user+", 200, "user"),
    read("/stories/{story_id}/token-usage"),
    write("POST", "/token-budgets", "orchestrator+", 201, "user", body=BUDGET),
    write(
        "POST", "/projects/{project}/token-budgets", "orchestrator+", 201, "user", ids={"project": "$new_project"},
        body={"scope_type": "per_story", "token_limit": 10},
    ),
    read("/token-budgets", query={"scope_type": "story", "scope_id": "$story"}),
    read("/projects/{project}/token-budgets"),
    read("/token-budgets/effective", query={"scope_type": "story", "scope_id": "$story"}),
    read("/token-budgets/{budget_id}"),
    write("PATCH", "/token-budgets/{budget_id}", "orchestrator+", 200, "user", body={"budget_tokens": 7}),
    write("PUT", "/token-budgets/{budget_id}", "orchestrator+", 200, "user", body={"budget_tokens": 7}),
    write("DELETE", "/token-budgets/{budget_id}", "user+", 200, "user"),
    read("/cost-anomalies", "orchestrator+", "orchestrator", query={"project_id": "$project"}),
    read("/projects/{project}/cost-anomalies", "orchestrator+", "orchestrator"),
    write("PATCH", "/cost-anomalies/{anomaly_id}", "user+", 200, "user", body={"resolved": True, "note": "n"}),
    write(
        "POST", "/otlp/v1/metrics", "agent+", 200, "implementer",
        body={"resourceMetrics": [{"resource": {"attributes": [STORY_SAID]}, "scopeMetrics": [{"metrics": [METRIC]}]}]},
    ),
    write(
        "POST", "/otlp/v1/traces", "agent+", 200, "implementer",
        body={"resourceSpans": [{"resource": {"attributes": [STORY_SAID]}, "scopeSpans": [{"spans": [SPAN]}]}]},
    ),
    write(
        "POST", "/otlp/v1/logs", "agent+", 200, "implementer",
        body={"resourceLogs": [{"resource": {"attributes": [STORY_SAID]}, "scopeLogs": [{"logRecords": [RECORD]}]}]},
    ),
    read("/stories/{story_id}/behaviour", "orchestrator+", "orchestrator"),
    read("/analytics/agents", "orchestrator+", "orchestrator", query={"project_id": "$project"}),
    read("/analytics/epics", query={"project_id": "$project"}),
    read("/analytics/projects/{project}"),
    read("/projects/{project}/token-usage"),
    read("/analytics/models", query={"project_id": "$project", "since": "2026-01-01"}),
    read("/analytics/trends", "orchestrator+", "orchestrator", query={"project_id": "$project"}),
    read(
        "/analytics/model-mix", "orchestrator+", "orchestrator", query={"project_id": "$project", "agent_id": "$agent"}
    ),
    read(
        "/analytics/agents/{agent_id}/model-profile", "orchestrator+", "orchestrator", query={"project_id": "$project"}
    ),
)  # fmt: skip
