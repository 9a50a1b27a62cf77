"""The line that each request leaves."""

import asyncio
import io
import json
import logging
from typing import Any

import pytest
import structlog
from litestar import get
from litestar.params import FromPath

from api.http.recording import FLUSH_SECONDS
from config import logs
from config.settings import LogLevel, Settings
from tests.api.asgi import ask, made


def lines(stream: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@get("/keys/{key:str}", opt={"access": "public"})
async def show_key(key: FromPath[str]) -> str:
    return key


async def test_a_request_leaves_one_line_with_allowed_fields_only() -> None:
    stream = io.BytesIO()
    app = made(log=stream)
    await ask(app, "/api/v1?token=hunter2", headers={"X-Request-Id": "trace-12345", "Authorization": "Bearer hunter2"})
    app.close()
    (line,) = lines(stream)
    assert line.keys() <= logs.FIELDS
    assert {name: line[name] for name in ("event", "level", "method", "path", "route", "status", "client")} == {
        "event": "request", "level": "info", "method": "GET", "path": "/api/v1", "route": "/api/v1", "status": 200,
        "client": "127.0.0.1",
    }  # fmt: skip
    assert line["request_id"] == "trace-12345"
    assert line["duration_ms"] >= 0
    assert line["timestamp"].endswith("Z")
    assert "hunter2" not in stream.getvalue().decode()


async def test_a_key_in_a_path_is_masked_and_a_line_break_in_it_makes_no_second_line() -> None:
    stream = io.BytesIO()
    app = made(show_key, log=stream)
    await ask(app, "/keys/lc_0123456789012345678901234567890123456789")
    await ask(app, "/keys/a\nb")
    app.close()
    assert [line["path"] for line in lines(stream)] == ["/keys/[masked]", "/keys/a\nb"]


async def test_health_is_not_worth_a_line_unless_debugging() -> None:
    for level, expected in (("info", 0), ("debug", 1)):
        stream = io.BytesIO()
        app = made(log=stream, settings=Settings(log_level=level))  # type: ignore[arg-type]  # one of the levels
        await ask(app, "/health")
        app.close()
        assert len(lines(stream)) == expected


@pytest.mark.parametrize("level", ["warning", "error"])
async def test_above_info_no_request_leaves_a_line(level: LogLevel) -> None:
    stream = io.BytesIO()
    app = made(log=stream, settings=Settings(log_level=level))
    await ask(app, "/api/v1")
    app.close()
    assert lines(stream) == []


async def test_lines_are_written_without_waiting_for_the_end() -> None:
    stream = io.BytesIO()
    app = made(log=stream)
    await ask(app, "/api/v1")
    await asyncio.sleep(FLUSH_SECONDS * 3)
    assert len(lines(stream)) == 1


async def test_what_a_handler_logs_names_the_request(capsys: pytest.CaptureFixture[str]) -> None:
    @get("/talks", opt={"access": "public"})
    async def talks() -> str:
        structlog.get_logger("test").info("here")
        return "said"

    root = logging.getLogger()
    handlers, level, configuration = root.handlers[:], root.level, structlog.get_config()
    stream = io.StringIO()
    try:
        logs.configure("api", "info", stream)
        await ask(made(talks), "/talks", headers={"X-Request-Id": "trace-98765"})
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**configuration)
    assert json.loads(stream.getvalue())["request_id"] == "trace-98765"
