"""The token of a CI's job: asked of GitHub's runner, or handed over by GitLab, for one project of one tenant."""

import re
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Struct

from loopctl.cli.exits import Exit, Stop

AUDIENCE = re.compile(r"urn:loopctl:[0-9a-f-]{36}:([0-9a-f-]{36})")
NO_AUDIENCE = "The project's audience: loopctl api GET projects/SLUG/ci-trust says it; set it as LOOPCTL_CI_AUDIENCE"
SECONDS = 30.0
LARGEST = 100_000
HERE = ("127.0.0.1", "::1", "localhost")


class Identity(Struct, frozen=True):
    """``project`` is the one that the audience names."""

    token: str
    project: str


def identity_of(environment: Mapping[str, str]) -> Identity | None:
    """None where the CI gives its jobs no token, or the project's audience is not set. Raises Stop."""
    audience = environment.get("LOOPCTL_CI_AUDIENCE")
    given = environment.get("LOOPCTL_ID_TOKEN") or None
    address = environment.get("ACTIONS_ID_TOKEN_REQUEST_URL")
    if not audience or not (given or address):
        return None
    match = AUDIENCE.fullmatch(audience)
    if match is None:
        raise Stop(Exit.USAGE, f"LOOPCTL_CI_AUDIENCE {audience[:120]!r} is no audience of a project.", NO_AUDIENCE)
    if given:
        return Identity(given, match[1])
    return Identity(
        _of_github(address or "", environment.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", ""), audience), match[1]
    )


class _Answer(Struct, frozen=True):
    value: str


def _of_github(address: str, bearer: str, audience: str) -> str:
    """Raises Stop."""
    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname not in HERE:
        raise Stop(Exit.USAGE, "ACTIONS_ID_TOKEN_REQUEST_URL is not encrypted: nothing was asked of it.")
    target = f"{parts.path}?{parts.query}&audience={quote(audience, safe='')}"
    connecting = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = connecting(parts.hostname or "", parts.port, timeout=SECONDS)
    try:
        connection.request("GET", target, headers={"Authorization": f"Bearer {bearer}", "Accept": "application/json"})
        answer = connection.getresponse()
        body = answer.read(LARGEST)
    except (OSError, HTTPException) as error:
        raise Stop(Exit.FAILED, f"The runner gives no token: {error}.") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise Stop(
            Exit.DENIED, f"The runner gives no token: it answered {answer.status}.",
            "The job needs the permission: permissions: {id-token: write, contents: read}",
        )  # fmt: skip
    try:
        return msgspec.json.decode(body, type=_Answer).value
    except msgspec.MsgspecError:
        raise Stop(Exit.FAILED, "The runner gives no token: its answer has another form.") from None
