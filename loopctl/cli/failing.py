"""How a failure is told: one line of JSON on stderr, or for people a sentence and the next command."""

import re
import sys
from collections.abc import Sequence
from typing import Any

from cyclopts import CycloptsError
from msgspec.json import encode

from loopctl.cli.exits import HINTS, Exit, Stop, exit_of
from loopctl.cli.output import Output
from loopctl.cli.settings import Settings
from loopctl.client import Refused, Unreachable

STORY = re.compile(r"(?:[uU][sS]-)?[0-9]+\.[0-9]+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NO_ROUTE = "This server does not know this; its routes: loopctl api GET routes"


def tell(tokens: Sequence[str], error: Exception) -> int:
    """The exit code. Raises what nobody expected."""
    output = Output(_format(tokens))
    match error:
        case Refused():
            return _refused(output, error, tokens)
        case Stop():
            facts = {"code": error.exit_code.name.lower(), "message": error.message, **error.facts}
            return _tell(output, facts, error.hint, error.exit_code)
        case Unreachable():
            hint = "Is it running? Here: make up. Elsewhere: loopctl config set server URL; loopctl doctor"
            return _tell(output, {"code": "unreachable", "message": str(error)}, hint, Exit.FAILED)
        case CycloptsError():
            known = [token for token in tokens[:1] if not token.startswith("-")]
            hint = f"loopctl {' '.join([*known, '--help'])}"
            return _tell(output, {"code": "usage", "message": _first_line(error)}, hint, Exit.USAGE)
        case OSError():
            message = f"{error.filename or ''}: {error.strerror}".removeprefix(": ")
            return _tell(output, {"code": "failed", "message": message}, "", Exit.FAILED)
        case _:
            raise error


def _refused(output: Output, refused: Refused, tokens: Sequence[str]) -> int:
    said: dict[str, Any] = {**refused.error}
    said.setdefault("status", refused.status)
    return _tell(output, said, hint_for(refused, tokens), exit_of(refused.status))


def hint_for(refused: Refused, tokens: Sequence[str]) -> str:
    hint = HINTS.get(refused.code, "")
    story = next((token for token in tokens[1:] if STORY.fullmatch(token)), "STORY")
    return hint.replace("{story}", story)


def _tell(output: Output, said: dict[str, Any], hint: str, code: Exit) -> int:
    if output.form == "json":
        # The error is exactly the server's; what to do next is beside it.
        sys.stderr.write(encode({"error": said, **({"hint": hint} if hint else {})}).decode() + "\n")
        return code
    sys.stderr.write(f"Error: {said.get('message', said)}\n")
    for name in ("details", "candidates", "blocking_dependencies"):
        if said.get(name):
            sys.stderr.write(f"  {name}: {encode(said[name]).decode()}\n")
    if hint:
        sys.stderr.write(f"  {hint}\n")
    return code


def _format(tokens: Sequence[str]) -> str | None:
    """What was asked for, however the rest of the line is wrong."""
    for token, following in zip(tokens, [*tokens[1:], ""], strict=True):
        if token == "--format":  # noqa: S105  # an option, no password
            return following
        if token.startswith("--format="):
            return token.partition("=")[2]
    return Settings().get("format")


def _first_line(error: CycloptsError) -> str:
    return " ".join(str(error).split())
