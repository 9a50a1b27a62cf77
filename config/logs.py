"""JSON logs, one line an event, with an allow-list of fields and every key-like text masked."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

SECRETS = re.compile(
    r"\b(?:lce?_[0-9A-Za-z_-]{20,}|whsec_[0-9A-Za-z+/=_-]{8,}|lcap1\.[0-9A-Za-z_.-]{8,}|lcs_[0-9A-Za-z_-]{8,})"
    r"|(?<=://)[^/@\s:]*:[^/@\s]+(?=@)"
    r"|(?i:(?<=bearer )\S+)"
)
"""API and dispatch keys, webhook secrets, capabilities, sessions, passwords in addresses, bearer tokens."""

FIELDS = frozenset(
    {
        "actor",
        "address",
        "attempt",
        "bytes",
        "client",
        "code",
        "count",
        "duration_ms",
        "error",
        "error_class",
        "event",
        "exception",
        "exit_code",
        "job",
        "key_id",
        "level",
        "logger",
        "method",
        "migration",
        "name",
        "path",
        "pid",
        "position",
        "process",
        "queue",
        "reason",
        "request_id",
        "route",
        "seconds",
        "signal",
        "stack",
        "status",
        "tenant",
        "tick",
        "timestamp",
        "version",
    }
)
"""What may be logged. A field that is not here is dropped and named in ``dropped``."""


def mask(text: str) -> str:
    return SECRETS.sub("[masked]", text)


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drops unknown fields, masks secrets in the rest, keeps one event on one line."""
    dropped = sorted(event.keys() - FIELDS)
    for name in dropped:
        del event[name]
    if dropped:
        event["dropped"] = dropped
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = mask(value)
    return event


def configure(process: str, level: str = "info", stream: Any = None) -> None:
    """Sets up structlog and the standard library's logging for one process; ``process`` names it in every line."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        lambda _, __, event: {**event, "process": process},
    ]
    render: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        redact,
        structlog.processors.JSONRenderer(ensure_ascii=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
