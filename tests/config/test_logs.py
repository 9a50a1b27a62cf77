"""One JSON line an event, and no secret in it."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from config import logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Logging into a text, with the previous set-up put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    into = io.StringIO()
    logs.configure("test", "info", into)
    yield into
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_time_level_and_process(stream: io.StringIO) -> None:
    structlog.get_logger().info("served", status=200, path="/a\nb\r\x00")
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["process"], line["status"]) == ("served", "info", "test", 200)
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    "secret",
    [
        "lc_" + "a1B2" * 10,
        "lce_" + "a1B2" * 10,
        "whsec_" + "QUJD" * 10,
        "lcap1.eyJ2IjoxfQ.c2lnbmF0dXJl",
    ],
)
def test_a_key_in_any_field_is_masked(stream: io.StringIO, secret: str) -> None:
    structlog.get_logger().info(f"got {secret}", error=f"refused {secret}!", path=f"/x?k={secret}")
    assert secret not in stream.getvalue()
    assert stream.getvalue().count("[masked]") == 3


def test_a_password_in_an_address_and_a_bearer_token_are_masked(stream: io.StringIO) -> None:
    structlog.get_logger().error("lost", error="postgresql://app:hunter2@/db and Authorization: Bearer hunter3")
    assert "hunter" not in stream.getvalue()


def test_a_field_that_nobody_allowed_is_dropped_and_named(stream: io.StringIO) -> None:
    structlog.get_logger().info("served", headers={"authorization": "x"}, body="y")
    (line,) = lines(stream)
    assert line["dropped"] == ["body", "headers"]
    assert not {"headers", "body"} & line.keys()


def test_lines_of_other_libraries_have_the_same_form(stream: io.StringIO) -> None:
    logging.getLogger("somebody").warning("with %s", "lc_" + "a1B2" * 10)
    (line,) = lines(stream)
    assert line["event"] == "with [masked]"


def test_a_stack_trace_stays_on_one_line_and_masked(stream: io.StringIO) -> None:
    try:
        raise ValueError("lc_" + "a1B2" * 10)
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = lines(stream)
    assert "ValueError: [masked]" in line["exception"]


def test_quieter_levels_are_left_out(stream: io.StringIO) -> None:
    structlog.get_logger().debug("detail")
    assert stream.getvalue() == ""
