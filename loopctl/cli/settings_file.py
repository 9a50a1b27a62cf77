"""~/.loopctl/config.json. What is not understood is refused with its line, and never written over."""

from collections.abc import Mapping
from difflib import get_close_matches
from json import JSONDecodeError, detect_encoding, loads
from pathlib import Path
from typing import Any

from msgspec.json import encode
from msgspec.json import format as laid_out

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.whole_file import held, write_whole

NAMES = (
    "server", "api_key", "agent_key", "orch_key", "user_key", "superadmin_key", "project", "format", "cosigner_key",
)  # fmt: skip
SPACES = 80
"""That are looked through for a member's colon."""


class BadSettings(Stop):
    """The file holds something else than settings."""

    def __init__(self, file: Path, problem: str, line: int | None = None) -> None:
        place = str(file) if line is None else f"{file}, line {line}"
        hint = f"Nothing was changed. Mend it, or put it aside: mv {file} {file}.old"
        super().__init__(Exit.USAGE, f"{place}: {problem}.", hint)


def read_settings(file: Path) -> dict[str, str]:
    """Nothing for a file that is not there or empty. Raises BadSettings."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BadSettings(file, f"it cannot be read ({error.strerror})") from None
    return _understood(file, content) if content.strip() else {}


def change_settings(file: Path, changes: Mapping[str, str | None]) -> dict[str, str]:
    """What the file says afterwards; None takes a setting away. Two at once lose nothing. Raises BadSettings."""
    place = file.resolve()  # a link stays one
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with held(place):
        merged = {name: value for name, value in {**read_settings(place), **changes}.items() if value}
        write_whole(place, laid_out(encode(merged)) + b"\n")
    return merged


def nearest(name: str) -> str | None:
    """The setting that is probably meant."""
    return next(iter(get_close_matches(name.lower(), NAMES, n=1, cutoff=0.8)), None)


def instead(name: str) -> str:
    """What is said of a name that is no setting."""
    near = nearest(name)
    return f"perhaps {near} is meant" if near else f"there are: {', '.join(NAMES)}"


def _understood(file: Path, content: bytes) -> dict[str, str]:
    encoding = detect_encoding(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadSettings(file, f"it is no text in {encoding}", line) from None
    try:
        found = loads(text, object_pairs_hook=_Members)
    except JSONDecodeError as error:
        raise BadSettings(file, f"it is no JSON ({error.msg})", error.lineno) from None
    except RecursionError:
        raise BadSettings(file, "it is nested too deeply", 1) from None
    except ValueError as error:
        raise BadSettings(file, f"it is no JSON ({error})") from None
    if not isinstance(found, _Members):
        raise BadSettings(file, "it is no JSON object of settings", 1)
    for place, (name, value) in enumerate(found):
        if problem := _problem(name, value, {earlier for earlier, _ in found[:place]}):
            raise BadSettings(file, problem, _line(text, name))
    return {name: value for name, value in found if value}


class _Members(list[tuple[str, Any]]):
    """Of an object, in their order; one that comes twice is there twice."""


def _problem(name: str, value: object, earlier: set[str]) -> str:
    if name not in NAMES:
        return f"there is no setting {name!r} ({instead(name)})"
    if name in earlier:
        return f"{name} is there twice"
    return "" if isinstance(value, str) else f"{name} is no text in double quotes"


def _line(text: str, name: str) -> int:
    """Of the last place where the name is a member."""
    quoted, end = f'"{name}"', len(text)
    while (end := text.rfind(quoted, 0, end)) > 0:
        if text[end + len(quoted) : end + len(quoted) + SPACES].lstrip().startswith(":"):
            break
    return text.count("\n", 0, max(end, 0)) + 1
