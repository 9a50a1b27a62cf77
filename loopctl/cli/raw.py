"""`loopctl api`: any request, for what has no command of its own."""

import sys
from typing import Annotated

from cyclopts import Parameter
from msgspec import MsgspecError
from msgspec.json import decode

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.options import PLAIN, Common
from loopctl.cli.session import session

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def api(
    method: str, path: str, /, *, data: Annotated[str | None, Parameter(name=["--data", "-d"])] = None,
    common: Common = PLAIN,
) -> None:  # fmt: skip
    """Send any request. Retries, key and idempotency key are as for every command.

    Parameters
    ----------
    method
        GET, POST, PUT, PATCH or DELETE.
    path
        Below /api/v1, or from / on.
    data
        The body as JSON; @FILE reads a file, - standard input.
    """
    if method.upper() not in METHODS:
        raise Stop(Exit.USAGE, f"{method} is no method.", f"One of {', '.join(METHODS)}, then the path")
    with session(common) as asked:
        asked.show(asked.client.request(method.upper(), path, None if data is None else decode(_body(data))))


def _body(data: str) -> bytes:
    """Raises Stop for what is no JSON."""
    text = data.encode()
    if data == "-":
        text = sys.stdin.buffer.read()
    elif data.startswith("@"):
        with open(data[1:], "rb") as file:  # noqa: PTH123  # a name from the command line
            text = file.read()
    try:
        decode(text)
    except MsgspecError as error:
        raise Stop(Exit.USAGE, f"--data is no JSON: {error}.", "Put it into single quotes.") from None
    return text
