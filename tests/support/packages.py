"""``python -m tests.support.packages``: the servers of others that some tests talk to, from Debian's packages.

Where they cannot be installed, their tests are left out, and pytest's closing line says how many that are.
"""

import os
import shutil
import subprocess
import sys
from contextlib import suppress

from tests.support import nginx, pgbouncer

PACKAGES = {"nginx-light": nginx.find, "pgbouncer": pgbouncer.find}


def install() -> list[str]:
    """What is missing and could not be installed."""
    missing = [name for name, find in PACKAGES.items() if not find()]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (("update", "-qq"), ("install", "-yqq", "--no-install-recommends", *missing)):
            with suppress(subprocess.TimeoutExpired):
                subprocess.run(["apt-get", *arguments], check=False, stdout=subprocess.DEVNULL, env=quiet, timeout=120)
    return [name for name in missing if not PACKAGES[name]()]


if __name__ == "__main__":
    for name in install():
        sys.stderr.write(f"{name} is not here and cannot be installed: its tests will be left out.\n")
