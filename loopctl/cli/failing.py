"""How a failure is told: one line of JSON on stderr, or for people a sentence and the next command."""

import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cyclopts import CycloptsError

from loopctl.cli.exits import HINTS, Exit, Stop, exit_of
from loopctl.cli.output import Output, json_text, note
from loopctl.cli.plain import escaped
from loopctl.cli.settings import Settings
from loopctl.cli.vocabulary import FORMATS, Format
from loopctl.client import Refused, Unreachable, Unusable

STORY = re.compile(r"(?:[uU][sS]-)?[0-9]+\.[0-9]+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ABOUT_KEYS = {401, 403, 409}
"""Statuses of refusals that another key might not get."""
NO_ROUTE = "This server does not know this; its routes: loopctl api GET routes"


class Told(NamedTuple):
    """``error`` is the server's where that said one; ``hint`` is what to do next, ``key`` which one asked."""

    error: Mapping[str, Any]
    hint: str
    code: Exit
    key: Mapping[str, str] = {}


def tell(tokens: Sequence[str], error: BaseException) -> int:
    """The exit code. With PYTHONDEVMODE=1, raises what nobody expected."""
    return _tell(Output(_format(tokens)), _told(tokens, error))


def _told(tokens: Sequence[str], error: BaseException) -> Told:
    match error:
        case Refused():
            said = {"status": error.status, **error.error}
            key = error.asked_with if error.status in ABOUT_KEYS else {}
            told = Told(said, hint_for(error, tokens), exit_of(error.status), key)
        case Stop():
            facts = {"code": error.exit_code.name.lower(), "message": error.message, **error.facts}
            told = Told(facts, error.hint, error.exit_code)
        case Unreachable():
            hint = "Is it running? Here: make up. Elsewhere: loopctl config set server URL; loopctl doctor"
            told = _own("unreachable", str(error), hint, Exit.FAILED)
        case Unusable():
            usage = error.code in ("no_address", "no_certificates")
            told = _own(error.code, str(error), error.hint, Exit.USAGE if usage else Exit.FAILED)
        case CycloptsError():
            known = [token for token in tokens[:1] if not token.startswith("-")]
            told = _own("usage", _first_line(error), f"loopctl {' '.join([*known, '--help'])}", Exit.USAGE)
        case KeyboardInterrupt():
            told = _own("interrupted", "Interrupted.", "", Exit.INTERRUPTED)
        case UnicodeEncodeError():
            told = _own("usage", "An argument has bytes that are no UTF-8.", "", Exit.USAGE)
        case OSError():
            message = f"{error.filename or ''}: {error.strerror or error}".removeprefix(": ")
            told = _own("failed", message, "", Exit.FAILED)
        case _ if sys.flags.dev_mode:
            raise error
        case _:
            message = f"This is a fault of loopctl itself: {type(error).__name__}: {error}"
            told = _own("fault", message, "PYTHONDEVMODE=1 shows where.", Exit.FAILED)
    return told


def _own(code: str, message: str, hint: str, exit_code: Exit) -> Told:
    return Told({"code": code, "message": message}, hint, exit_code)


def hint_for(refused: Refused, tokens: Sequence[str]) -> str:
    hint = HINTS.get(refused.code, "")
    story = next((token for token in tokens[1:] if STORY.fullmatch(token)), "STORY")
    return hint.replace("{story}", story)


def _tell(output: Output, told: Told) -> int:
    if output.form == "json":
        # The error is exactly the server's; what to do next, and with which key it was, are beside it.
        beside = {name: value for name, value in (("hint", told.hint), ("key", told.key)) if value}
        sys.stderr.write(escaped(json_text({"error": told.error, **beside})) + "\n")
        return told.code
    said = told.error
    note(f"Error: {said.get('message', said)}")
    for name in ("details", "files", "candidates", "blocking_dependencies", "idempotency_key"):
        if said.get(name):
            note(f"  {name}: {json_text(said[name])}")
    if key := told.key:
        note(f"  asked with {key['setting']} ({key['key']}) of {key['from']}")
    if told.hint:
        note(f"  {told.hint}")
    return told.code


def _format(tokens: Sequence[str]) -> Format:
    """What was asked for, however the rest of the line is wrong."""
    try:
        said = Settings().get("format")
    except Stop:
        # Perhaps this is what is being told.
        said = None
    for token, following in zip(tokens, [*tokens[1:], ""], strict=True):
        if token == "--format":  # noqa: S105  # an option, no password
            said = following
        if token.startswith("--format="):
            said = token.partition("=")[2]
    return next((each for each in FORMATS if each == said), "json")


def _first_line(error: CycloptsError) -> str:
    return " ".join(str(error).split())
