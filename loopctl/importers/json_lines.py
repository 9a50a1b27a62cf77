"""JSON that a source is written in: one document, or one on each line. What is none is said with its place."""

from collections.abc import Iterator
from typing import Any

from msgspec import DecodeError
from msgspec.json import decode

from loopctl.importers.items import Problems, SourceFile

CONFLICT = ("<<<<<<<", "=======", ">>>>>>>")


def document(problems: Problems, file: SourceFile) -> Any:
    """None when it is none."""
    try:
        return decode(file.text.encode())
    except RecursionError:
        problems.add(file.name, "is nested too deeply")
    except (DecodeError, UnicodeEncodeError) as error:
        problems.add(file.name, f"is no JSON: {error}")
    return None


def lines(problems: Problems, file: SourceFile) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects with their places. Empty lines are none."""
    for number, line in enumerate(file.text.split("\n"), 1):
        if not line.strip():
            continue
        place = f"{file.name}: line {number}"
        if line.startswith(CONFLICT):
            problems.add(place, "is left from a merge conflict: solve it first")
            continue
        found = document(problems, SourceFile(place, line))
        if isinstance(found, dict):
            yield place, found
        elif found is not None:
            problems.add(place, "is no object")
