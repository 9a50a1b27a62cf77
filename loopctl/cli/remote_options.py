"""What `loopctl log fsck` has to know of a server beside the address of the log."""

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
