"""Exports of OpenTelemetry as OTLP's JSON, and what the service makes of them."""

from typing import Any

from tests.api.team import Work
from tests.api.work import Client

METRICS, TRACES, LOGS = "/otlp/v1/metrics", "/otlp/v1/traces", "/otlp/v1/logs"
DELTA, CUMULATIVE = 1, 2
NOW, MICRO = 1_774_612_800_000_000_000, 1_000
"""In nanoseconds."""


def attributes(**said: str) -> list[dict[str, Any]]:
    return [{"key": name.replace("__", "."), "value": {"stringValue": value}} for name, value in said.items()]


def point(amount: int | float, at: int = 2, start: int = 1, **said: str) -> dict[str, Any]:
    number = {"asInt": str(amount)} if isinstance(amount, int) else {"asDouble": amount}
    return {
        "startTimeUnixNano": str(start * MICRO),
        "timeUnixNano": str(NOW + at * MICRO),
        "attributes": attributes(**said),
        **number,
    }


def export(*points: dict[str, Any], name: str = "claude_code.token.usage", kind: int = DELTA, **resource: str) -> Any:
    metric = {"name": name, "sum": {"aggregationTemporality": kind, "isMonotonic": True, "dataPoints": list(points)}}
    return {
        "resourceMetrics": [
            {"resource": {"attributes": attributes(**resource)}, "scopeMetrics": [{"metrics": [metric]}]}
        ]
    }


def spans(*told: dict[str, Any], **resource: str) -> Any:
    inner = [{"name": "chat", "attributes": each["attributes"]} for each in told]
    return {"resourceSpans": [{"resource": {"attributes": attributes(**resource)}, "scopeSpans": [{"spans": inner}]}]}


def span(**counts: int | str) -> dict[str, Any]:
    return {
        "attributes": [
            {
                "key": "gen_ai." + name.replace("__", "."),
                "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value},
            }
            for name, value in counts.items()
        ]
    }


async def sent(who: Client, path: str, body: Any) -> Any:
    answer = await who.post(path, body)
    assert answer.status == 200, answer.body
    return answer.json()


async def metered(loop: Work, number: str = "1.1", signal: str = "metrics") -> Any:
    answer = await loop.team.orchestrator.get(f"/stories/{loop.stories[number]}/token-usage")
    return answer.json()["metered"][signal]


def of_story(loop: Work, number: str = "1.1") -> dict[str, Any]:
    return {"loopctl__story_id": loop.stories[number]}


def record(body: str, **said: int | float | str) -> dict[str, Any]:
    """Of a log; numbers as whole numbers, fractions or text, as exporters send them."""
    kinds = {int: "intValue", float: "doubleValue", str: "stringValue"}
    told = [
        {"key": name.replace("__", "."), "value": {kinds[type(value)]: str(value) if type(value) is int else value}}
        for name, value in said.items()
    ]
    return {"timeUnixNano": str(NOW), "body": {"stringValue": body}, "attributes": told}


def logs(*records: dict[str, Any], **resource: str) -> Any:
    scopes = [{"scope": {"name": "events"}, "logRecords": list(records)}]
    return {"resourceLogs": [{"resource": {"attributes": attributes(**resource)}, "scopeLogs": scopes}]}
