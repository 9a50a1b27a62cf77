"""Which account the embedded servers run as. PostgreSQL refuses to run as root."""

import os
import pwd
import shutil
from pathlib import Path

from msgspec import Struct

from config.refusal import StartRefused

CANDIDATES = ("loopctl", "nobody")
"""An account made for the purpose when the machine has one, else the account that owns nothing."""

WALK_THROUGH = (
    "--inh-caps=+dac_read_search",
    "--ambient-caps=+dac_read_search",
    # access(2), which PostgreSQL asks before it starts its own programs, otherwise ignores a right of a non-root user.
    "--securebits=+no_setuid_fixup",
)
"""For setpriv: the right to walk and read through private folders, and no other."""


class Account(Struct, frozen=True):
    """``uid`` and ``gid`` own the servers' files; ``prefix`` goes before a server's command line."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()

    def own(self, directory: Path, mode: int = 0o700) -> Path:
        """Makes the directory, with that mode, the account's."""
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(mode)
        if os.geteuid() == 0:
            os.chown(directory, self.uid, self.gid)
        return directory


def server_account(*paths: Path) -> Account:
    """The caller's own account; for root an unprivileged one that can reach ``paths``. Raises StartRefused."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    setpriv = shutil.which("setpriv")
    entry = next(filter(None, map(_entry, CANDIDATES)), None)
    if entry is None or setpriv is None:
        raise StartRefused(
            "PostgreSQL does not run as root here (no setpriv, or no account 'nobody'): use an ordinary user."
        )
    prefix = [setpriv, f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]
    if not all(map(_reachable_by_others, paths)):
        # A checkout below a private folder such as root's home: the right to walk and read through it, not to write.
        prefix += WALK_THROUGH
    return Account(entry.pw_uid, entry.pw_gid, tuple(prefix))


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _reachable_by_others(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents if parent.exists())
