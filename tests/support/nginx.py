"""Where nginx is, if it is here: distributions put it where the paths of ordinary users do not lead."""

import os
import shutil

PLACES = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))


def find() -> str | None:
    return shutil.which("nginx", path=PLACES)
