"""What commands of `loopctl log` are told beside what they check: of a server, and of whom to believe."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Remote:
    """Options for a log on a server.

    Parameters
    ----------
    keep
        A directory for what was read: an interrupted check goes on there, and in the end it is an export.
    api_key
        A key of the tenant, without which its entries cannot be read and only the hashes are checked. Others on this
        machine may see it here: better in LOOPCTL_API_KEY.
    """

    keep: Path | None = None
    api_key: Annotated[str | None, Parameter(env_var="LOOPCTL_API_KEY", show_default=False)] = None


@Parameter(name="*")
@dataclass(frozen=True)  # as above
class Believed:
    """Whom to believe.

    Parameters
    ----------
    vkey
        A key that you trust, told to you by somebody else than who made the file. A key of the log is followed through
        all rotations of an export; a witness's must have signed the head too. Can be given several times.
    policy
        A file that says which witnesses, or how many of which groups, must have cosigned the head (of an export the
        newest or the one that you have kept), and which logs it is for (C2SP tlog-policy).
    """

    vkey: Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=False)] = ()
    policy: Path | None = None


NOBODY = Believed()
