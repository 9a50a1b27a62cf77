"""`loopctl webhook verify`: is this request one of ours?"""

import os
from dataclasses import dataclass
from pathlib import Path

from cyclopts import Parameter

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.options import PLAIN, Common, Input
from loopctl.cli.output import output_for
from loopctl.cli.reading import read_bytes, read_text
from loopctl.cli.settings import Settings
from loopctl.webhook_signatures import ID, LOOPCTL, SIGNATURE, TIMESTAMP, NotSigned, check

SECRET = "LOOPCTL_WEBHOOK_SECRET"  # noqa: S105  # the name of a variable
LARGEST_BODY = 1 << 20


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Said:
    """What came with the body.

    Parameters
    ----------
    headers
        A file with the headers of the request, one a line, - for standard input; or the next three.
    signature
        The value of X-Loopctl-Signature or of webhook-signature.
    id
        The value of webhook-id, for a webhook-signature.
    timestamp
        The value of webhook-timestamp, for a webhook-signature.
    secret
        Others on this machine may see it here: better in LOOPCTL_WEBHOOK_SECRET. Either spelling.
    """

    headers: Input | None = None
    signature: str | None = None
    id: str | None = None
    timestamp: str | None = None
    secret: str | None = None


UNSAID = Said()


def verify(body: Input, /, *, request: Said = UNSAID, common: Common = PLAIN) -> None:
    """Check the signature of a request's body, offline. Ends with 10 for one that nobody with the secret has sent now.

    Parameters
    ----------
    body
        The file with the body, byte for byte as it came; - for standard input.
    """
    secret = request.secret or os.environ.get(SECRET) or ""
    if not secret:
        raise Stop(Exit.USAGE, "No secret.", f"{SECRET}=… loopctl webhook verify BODY --signature sha256=…")
    headers = _headers(request)
    if not headers:
        raise Stop(Exit.USAGE, "No signature.", "Say --headers FILE, or --signature with --id and --timestamp")
    try:
        id_ = check(secret, headers, read_bytes(body, LARGEST_BODY))
    except NotSigned as problem:
        raise Stop(Exit.BAD, f"Not signed: {problem}.") from None
    signed = ["id", "time", "body"] if id_ else ["body"]
    output_for(common, Settings()).body({"signed": True, "delivery_id": id_ or None, "covers": signed})


def _headers(request: Said) -> dict[str, str]:
    if request.headers is not None:
        return _read(request.headers)
    if request.signature is None:
        return {}
    if request.signature.startswith("sha256="):
        return {LOOPCTL: request.signature}
    return {SIGNATURE: request.signature, ID: request.id or "", TIMESTAMP: request.timestamp or ""}


def _read(file: Path) -> dict[str, str]:
    pairs = (line.partition(":") for line in read_text(file).splitlines() if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
