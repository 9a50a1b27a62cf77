"""Log records in which coding agents tell what each call of a model used (docs/costs.md)."""

from typing import Any

import msgspec
import pytest

from api.otlp.protobuf import logs_as_json
from tests.api.exports import LOGS, logs, metered, of_story, record, sent
from tests.api.logs import Service
from tests.api.team import Work, work

NAMES = ("input", "cache_read", "cache_write", "output")
CLAUDE: dict[str, Any] = {
    "event__name": "api_request", "model": "claude-sonnet-4-5", "session__id": "s-1", "input_tokens": 100,
    "cache_read_tokens": 2_000, "cache_creation_tokens": 300, "output_tokens": 40, "cost_usd": 0.0125,
}  # fmt: skip
CODEX: dict[str, Any] = {
    "event__name": "codex.sse_event", "event__kind": "response.completed", "model": "gpt-5", "conversation__id": "c-1",
    "input_token_count": 1_000, "cached_token_count": 600, "output_token_count": 50, "reasoning_token_count": 20,
}  # fmt: skip
GEMINI: dict[str, Any] = {
    "event__name": "gemini_cli.api_response", "model": "gemini-2.5-pro", "input_token_count": 12_000,
    "cached_content_token_count": 8_000, "output_token_count": 350, "thoughts_token_count": 420, "tool_token_count": 5,
}  # fmt: skip


@pytest.fixture
async def loop(served: Service) -> Work:
    return await work(served, "1.1", "1.2")


async def shown(loop: Work) -> list[int]:
    found = await metered(loop, signal="logs")
    return [found[f"total_{name}_tokens"] for name in NAMES]


async def told(loop: Work, body: str, **said: int | float | str) -> Any:
    return await sent(loop.team.implementer, LOGS, logs(record(body, **said), **of_story(loop)))


async def test_a_call_of_claude_code_has_four_counts_and_a_cost_in_dollars(loop: Work) -> None:
    assert await told(loop, "claude_code.api_request", **CLAUDE) == {}
    assert await shown(loop) == [100, 2_000, 300, 40]
    assert (await metered(loop, signal="logs"))["total_cost_millicents"] == 1_250
    assert await metered(loop) is None, "logs are no metrics"


async def test_numbers_may_be_text(loop: Work) -> None:
    await told(loop, "claude_code.api_request", **{name: str(value) for name, value in CLAUDE.items()})
    assert await shown(loop) == [100, 2_000, 300, 40]
    assert (await metered(loop, signal="logs"))["total_cost_millicents"] == 1_250


async def test_of_codex_the_end_of_a_response_counts_and_tokens_of_the_cache_once(loop: Work) -> None:
    await told(loop, "", **CODEX)
    await told(loop, "", **{**CODEX, "event__kind": "response.output_item.done"})
    assert await shown(loop) == [400, 600, 0, 50]


async def test_of_gemini_thoughts_are_output_and_tools_input(loop: Work) -> None:
    await told(loop, "", **GEMINI)
    assert await shown(loop) == [4_005, 8_000, 0, 770]


async def test_other_records_are_taken_and_left_aside(loop: Work) -> None:
    assert await told(loop, "claude_code.user_prompt", input_tokens=10) == {}
    assert await told(loop, "claude_code.tool_result", event__name="tool_result", output_tokens=10) == {}
    assert await metered(loop, signal="logs") is None


async def test_the_same_bytes_again_count_once_and_a_call_that_cannot_be_taken_is_counted(loop: Work) -> None:
    for _ in range(2):
        await told(loop, "claude_code.api_request", **CLAUDE)
    for wrong in ({"input_tokens": -1}, {"output_tokens": "many"}, {"cost_usd": "nan"}, {"cost_usd": -0.5}):
        said = await told(loop, "claude_code.api_request", **{**CLAUDE, **wrong})
        assert said["partialSuccess"]["rejectedLogRecords"] == "1", wrong
    assert await shown(loop) == [100, 2_000, 300, 40]


async def test_a_call_counts_as_a_whole_or_not_at_all_in_an_export_that_is_too_large(loop: Work) -> None:
    said = await sent(
        loop.team.implementer, LOGS,
        logs(*(record("claude_code.api_request", **CLAUDE) for _ in range(61)), **of_story(loop)),
    )  # fmt: skip
    assert said["partialSuccess"]["rejectedLogRecords"] == "1"
    assert await shown(loop) == [6_000, 120_000, 18_000, 2_400]


async def test_a_story_of_others_takes_nothing(loop: Work) -> None:
    elsewhere = await work(loop.team.user.service, "1.1")
    body = logs(record("claude_code.api_request", **CLAUDE), **of_story(elsewhere))
    assert (await sent(loop.team.implementer, LOGS, body))["partialSuccess"]["rejectedLogRecords"] != "0"
    assert await metered(elsewhere, signal="logs") is None


def test_protobuf_becomes_the_same_json() -> None:
    """ExportLogsServiceRequest of one record, written out by hand."""
    attribute = b"\x0a\x01k" + b"\x12\x02\x18\x07"
    log = b"\x09" + (5).to_bytes(8, "little") + b"\x2a\x03\x0a\x01b" + b"\x32" + bytes([len(attribute)]) + attribute
    log += b"\x62\x01n"
    scope = b"\x12" + bytes([len(log)]) + log
    resource = b"\x12" + bytes([len(scope)]) + scope
    read = msgspec.json.decode(logs_as_json(b"\x0a" + bytes([len(resource)]) + resource))
    assert read["resourceLogs"][0]["scopeLogs"][0]["logRecords"] == [
        {
            "timeUnixNano": "5", "body": {"stringValue": "b"}, "eventName": "n",
            "attributes": [{"key": "k", "value": {"intValue": "7"}}],
        }
    ]  # fmt: skip
