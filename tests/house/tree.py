"""The files of the checkout as the house rules see them: tracked, or new and not ignored."""

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

CHECKOUT = Path(__file__).resolve().parents[2]


class Source(NamedTuple):
    """One text file; ``name`` is relative to the checkout, with forward slashes."""

    name: str
    text: str

    @property
    def package(self) -> str:
        """Top folder, empty for a file that lies in none."""
        return self.name.partition("/")[0] if "/" in self.name else ""

    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.name)


def names() -> list[str]:
    """Every file of the checkout; one that is deleted but not yet committed is left out."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=CHECKOUT, capture_output=True, check=True, timeout=180).stdout.decode()
    return sorted({name for name in listed.split("\0") if name and (CHECKOUT / name).is_file()})


def sources(*endings: str) -> Iterator[Source]:
    """Text files whose names end so, all of them without an ending. Binary files are left out."""
    for name in names():
        if not endings or name.endswith(endings):
            text = _text(CHECKOUT / name)
            if text is not None:
                yield Source(name, text)


def project() -> dict[str, Any]:
    return tomllib.loads((CHECKOUT / "pyproject.toml").read_text())


def server_packages() -> list[str]:
    """The folders that stay out of the wheel, the ones that the import contracts name."""
    roots: list[str] = project()["tool"]["importlinter"]["root_packages"]
    return [root for root in roots if root != "loopctl"]


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return None
