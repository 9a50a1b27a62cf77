"""What is said of a deed that was broken off: what is known of it, how to find out, how to repeat it without harm."""

from typing import Any

from loopctl.cli.exits import Exit, Stop
from loopctl.client import Client, Refused, Unreachable, Write

LOOK = (
    ("stories/next", "loopctl stories --agent-status assigned"),
    ("stories/{}", "loopctl status {}"),
    ("projects/{}/", "loopctl status --project {}"),
    ("projects/{}", "loopctl project info {}"),
    ("projects", "loopctl project list"),
    ("orchestrator/state/{}", "loopctl state load --project {}"),
    ("agents", "loopctl agent list"),
    ("api_keys", "loopctl keys list"),
    ("tenants/me", "loopctl tenant info"),
    ("admin/tenants/{}", "loopctl admin tenant {}"),
    ("token-budgets", "loopctl budget list"),
)
"""By the beginning of a path, which command shows what has become of a write there."""


class BrokenOff(Stop):
    """By Ctrl-C, or by a server that is gone in the middle."""

    def __init__(self, exit_code: Exit, message: str, write: Write | None, **facts: Any) -> None:
        hint = ""
        if write is not None:
            facts["idempotency_key"] = write.idempotency_key
            again = f"the same command with --idempotency-key {write.idempotency_key} is carried out once"
            hint = f"Find out: {look(write.path)}; or repeat it: {again}"
        super().__init__(exit_code, message, hint, **facts)


def interrupted(client: Client) -> BrokenOff:
    if client.under_way is not None:
        said = f"Interrupted while {_named(client.under_way)} was under way: it may have been carried out, or not."
    elif client.wrote:
        said = "Interrupted; what was asked for has been carried out."
    else:
        said = "Interrupted; nothing was changed."
    return BrokenOff(Exit.INTERRUPTED, said, client.under_way)


def unreachable(error: Unreachable, write: Write) -> BrokenOff:
    said = f"{error}; {_named(write)} may have been carried out, or not."
    return BrokenOff(Exit.FAILED, said, write, code="unreachable")


def perhaps_done(refused: Refused, write: Write) -> BrokenOff:
    """By whatever stands before the server, or by a server in trouble."""
    said = f"{refused.error.get('message', '')}; {_named(write)} may have been carried out, or not."
    return BrokenOff(Exit.UNAVAILABLE, said, write, code=refused.code or "unavailable", status=refused.status)


def look(path: str) -> str:
    """The command that shows what has become of a write to this path."""
    parts = path.strip("/").removeprefix("api/v1/").split("/")
    for pattern, command in LOOK:
        begin = pattern.rstrip("/").split("/")
        named = [there for place, there in zip(begin, parts, strict=False) if place == "{}"]
        fits = all(place in ("{}", there) for place, there in zip(begin, parts, strict=False))
        if fits and len(parts) >= len(begin) + pattern.endswith("/"):
            return command.format(*named)
    return "loopctl changes --since 10m"


def _named(write: Write) -> str:
    return f"{write.method} {write.path}"
