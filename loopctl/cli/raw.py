"""`loopctl api`: any request, for what has no command of its own."""

from typing import Annotated

from cyclopts import Parameter

from loopctl.cli.options import PLAIN, Common, JsonText
from loopctl.cli.reading import any_json_argument
from loopctl.cli.session import session
from loopctl.cli.settings import ANY, READING
from loopctl.cli.vocabulary import one_of

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def api(
    method: str, path: str, /, *, data: Annotated[JsonText | None, Parameter(name=["--data", "-d"])] = None,
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
    one_of("The method", method.upper(), METHODS, "Then the path: loopctl api GET stories/ready")
    body = None if data is None else any_json_argument("--data", data)
    with session(common, READING if method.upper() == "GET" else ANY) as asked:
        asked.show(asked.client.raw(method.upper(), path, body))
