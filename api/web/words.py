"""How values are written on pages."""

import shlex
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from api.web.standing import lane_of
from domain.usage.budget import DEFAULT_THRESHOLD

MINUTE, HOUR, DAY = 60, 3600, 86_400

STATUS_TONES = {
    "pending": "pending", "contracted": "contracted", "assigned": "contracted", "implementing": "implementing",
    "reported_done": "reported", "reported": "reported", "reviewing": "reviewing", "verified": "verified",
    "rejected": "rejected", "blocked": "blocked", "unverified": "pending", "active": "pending", "idle": "pending",
    "offline": "pending", "deactivated": "rejected", "succeeded": "verified", "delivered": "verified",
    "failed": "rejected", "exhausted": "rejected", "archived": "pending", "suspended": "rejected", "pass": "verified",
    "fail": "rejected",
}  # fmt: skip
"""What a badge looks like, by what it says."""


MOVES = {
    "contracted": "contracted", "assigned": "taken", "implementing": "started", "reported_done": "reported as done",
    "pending": "put back",
}  # fmt: skip
MADE = {"artifact_report": "artifact reported", "token_usage_report": "usage reported", "story": "written down",
        "article": "filed"}  # fmt: skip


def number(value: float) -> str:
    """Full digits with thousands commas."""
    return f"{value:,}"


def dollars(millicents: int) -> str:
    return f"${millicents / 100_000:,.2f}"


def percent(part: int, whole: int) -> int:
    return round(100 * part / whole) if whole else 0


def use(percent_used: int, warns_at: int = DEFAULT_THRESHOLD) -> str:
    """Of a budget, as a colour: none before its warning, as using it is neither good nor bad."""
    return "over" if percent_used >= 100 else "high" if percent_used >= warns_at else "middle"


def tone(status: str) -> str:
    return STATUS_TONES.get(status, "unknown")


def said(status: str) -> str:
    """As people read it: no underscores."""
    return status.replace("_", " ")


def happened(entry: Mapping[str, Any]) -> str:
    """An entry of the audit trail as people say it."""
    new = entry["new_state"] if isinstance(entry["new_state"], Mapping) else {}
    if entry["action"] in ("status_changed", "auto_reset"):
        return MOVES.get(new.get("agent_status", ""), said(entry["action"]))
    action = entry["action"].removeprefix(f"{entry['entity_type']}.").removeprefix(f"{entry['entity_type']}_")
    if action == "created":
        return MADE.get(entry["entity_type"], f"{said(entry['entity_type'])} made")
    return said(action)


def lane_reached(entry: Mapping[str, Any]) -> str:
    """The colour of its dot: where the story stands since then."""
    new = entry["new_state"] if isinstance(entry["new_state"], Mapping) else {}
    if entry["action"] in ("verified", "backfilled"):
        return "verified"
    if entry["action"] in ("rejected", "custody_violation"):
        return "rejected"
    return tone(new.get("agent_status", ""))


def story_of(entry: Mapping[str, Any]) -> str:
    """The id of the story that it is about; empty where it says none."""
    new = entry["new_state"] if isinstance(entry["new_state"], Mapping) else {}
    return str(entry["entity_id"] if entry["entity_type"] == "story" else new.get("story_id", ""))


def moment(value: datetime | str | None) -> str:
    """To the minute, in UTC."""
    at = _datetime(value)
    return at.strftime("%Y-%m-%d %H:%M") if at else "never"


def iso(value: datetime | str | None) -> str:
    at = _datetime(value)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""


def ago(value: datetime | str | None, now: datetime) -> str:
    """In the largest unit that fits; of what is to come ``in 5 min``."""
    at = _datetime(value)
    if at is None:
        return "never"
    seconds = int((now - at).total_seconds())
    return f"{span(seconds)} ago" if seconds >= 0 else f"in {span(-seconds)}"


def span(seconds: int) -> str:
    if seconds < MINUTE:
        return f"{seconds} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE} min"
    return f"{seconds // HOUR} h" if seconds < 2 * DAY else f"{seconds // DAY} d"


def short(value: object) -> str:
    """Of an id: enough to tell it from the others of a page."""
    return str(value)[-8:]


def plain_json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _datetime(value: datetime | str | None) -> datetime | None:
    at = datetime.fromisoformat(value) if isinstance(value, str) and value else value
    return at.astimezone(UTC) if isinstance(at, datetime) else None


FILTERS: Mapping[str, Callable[..., str | int]] = {
    "number": number, "dollars": dollars, "percent": percent, "tone": tone, "said": said, "moment": moment, "iso": iso,
    "use": use, "ago": ago, "span": span, "short": short, "plain_json": plain_json, "happened": happened,
    "lane_reached": lane_reached, "shell": shlex.quote, "story_of": story_of, "stands": lane_of,
}  # fmt: skip
