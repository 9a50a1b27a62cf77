"""The wheel: built from the checkout, and put into an environment that holds nothing but what the wheel asks for."""

import email
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

BUILD_SECONDS = 180


def build_wheel(project: Path, folder: Path) -> Path:
    """Builds without isolation: the build backend is in the lock file, so nothing is fetched."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(project)]
    subprocess.run(command, check=True, capture_output=True, timeout=BUILD_SECONDS)
    [wheel] = folder.glob("*.whl")
    return wheel


def top_level(wheel: Path) -> set[str]:
    """What the wheel puts into site-packages, its own metadata left out."""
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    return {top for top in tops if not top.endswith(".dist-info")}


def requirements(wheel: Path) -> list[Requirement]:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = email.message_from_bytes(archive.read(name))
    return [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]


def with_their_own(wanted: list[Requirement], *extras: str) -> set[str]:
    """Canonical names of the requirements and everything that they require on this machine, as installed here."""
    found: set[str] = set()
    waiting = [(requirement, extra) for requirement in wanted for extra in ("", *extras)]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        if name in found and not requirement.extras:
            continue
        found.add(name)
        own = [Requirement(text) for text in distribution(name).requires or []]
        waiting += [(each, asked) for each in own for asked in ("", *requirement.extras)]
    return found


class BareEnvironment:
    """A virtual environment without pip. Dependencies are copied from the running one: no registry is asked."""

    def __init__(self, folder: Path) -> None:
        self._bin = folder / "bin"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=180)
        [self._packages] = (folder / "lib").glob("python*/site-packages")

    def copy_in(self, name: str) -> None:
        """Copies one installed distribution, its scripts left out."""
        installed = distribution(name)
        for file in installed.files or []:
            source, target = Path(str(installed.locate_file(file))), self._packages / file
            if ".." in file.parts or file.suffix == ".pyc" or not source.is_file():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)

    def install(self, wheel: Path) -> None:
        """As pip does it, without dependencies and without a registry."""
        command = [sys.executable, "-m", "pip", "--python", str(self._bin / "python"), "install", "--quiet"]
        command += ["--disable-pip-version-check", "--no-index", "--no-deps", str(wheel)]
        subprocess.run(command, check=True, capture_output=True, timeout=180)

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.defpath, "PYTHONPATH": "", "LANG": "C.UTF-8"}
        command = [str(self._bin / program), *arguments]
        return subprocess.run(
            command, env=environment, cwd=self._bin, capture_output=True, text=True, check=False, timeout=180
        )
