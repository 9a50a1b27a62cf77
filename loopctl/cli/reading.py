"""Everything that a command reads: files and standard input, as people's machines make them.

UTF-8 with or without a byte-order mark, UTF-16 and UTF-32 of either order. What is no text or no JSON ends with one
line that says where.
"""

import codecs
import re
import sys
from pathlib import Path
from typing import Any

from msgspec import DecodeError, ValidationError
from msgspec.json import decode

from loopctl.cli.exits import Exit, Stop

STANDARD_INPUT = "-"
LARGEST = 1 << 30
DEEPEST = 100
AT_BYTE = re.compile(r" \(byte ([0-9]+)\)$")
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins as UTF-16's does
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
UNMARKED = ((b"\0\0\0", 0, "utf-32-be"), (b"\0\0\0", 1, "utf-32-le"), (b"\0", 0, "utf-16-be"), (b"\0", 1, "utf-16-le"))
"""Text begins with a letter that ASCII has, as JSON does: where its zeros are."""


def read_json(file: Path) -> Any:
    """Of a file, or for - of standard input. Raises Stop."""
    return json_of(read_text(file), _name(file))


def json_argument(option: str, said: str | None) -> dict[str, Any] | None:
    """An object, typed behind an option or, as @FILE or -, read. Raises Stop for what is none: nothing is sent."""
    if said is None:
        return None
    found = any_json_argument(option, said)
    if not isinstance(found, dict):
        raise Stop(Exit.USAGE, f"{option} is no JSON object.", "Put it into single quotes.")
    return found


def any_json_argument(option: str, said: str) -> Any:
    if said == STANDARD_INPUT or said.startswith("@"):
        return read_json(Path(said.removeprefix("@")))
    try:
        said.encode()
    except UnicodeEncodeError:
        raise Stop(Exit.USAGE, f"{option} is no UTF-8.") from None
    return json_of(said, option, "Put it into single quotes.")


def read_text(file: Path) -> str:
    """Raises Stop."""
    return text_of(whole(file), _name(file))


def whole(file: Path) -> bytes:
    """Raises Stop, also for what is too large."""
    try:
        data = read_bytes(file, LARGEST)
    except OSError as error:
        raise Stop(Exit.USAGE, f"{_name(file)} cannot be read: {error.strerror or error}.") from None
    if len(data) > LARGEST:
        raise Stop(Exit.USAGE, f"{_name(file)} is larger than {LARGEST:,} bytes.")
    return data


def read_bytes(file: Path, most: int) -> bytes:
    """At most one byte more than that, so that too many are noticed. Raises OSError."""
    if str(file) == STANDARD_INPUT:
        return sys.stdin.buffer.read(most + 1)
    with file.open("rb") as opened:
        return opened.read(most + 1)


def text_of(data: bytes, name: str) -> str:
    """Without its byte-order mark. Raises Stop with the place of the first byte that is none of its encoding."""
    mark, encoding = _encoding(data)
    body = data[len(mark) :]
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        place = _place(body[: error.start].decode(encoding))
        hint = "Save it as UTF-8." if mark else "Save it as UTF-8; from Latin-1: iconv -f LATIN1 -t UTF-8"
        problem = f"byte 0x{body[error.start]:02x} is no {encoding.upper()}"
        raise Stop(Exit.USAGE, f"{name} cannot be read: {place}: {problem}.", hint) from None


def json_of(text: str, name: str, hint: str = "") -> Any:
    """Raises Stop with the place of what is no JSON."""
    data = text.encode()
    try:
        return decode(data)
    except RecursionError:
        place, problem = _place(_until_too_deep(text)), "it is nested too deeply"
    except ValidationError as error:
        place, problem = "", str(error)
    except DecodeError as error:
        place, problem = _malformed(data, str(error))
    except UnicodeDecodeError as error:
        place, problem = "", str(error)
    where = f"{name} is no JSON: {place}: " if place else f"{name} is no JSON: "
    raise Stop(Exit.USAGE, f"{where}{problem[:1].lower()}{problem[1:]}.", hint)


def _malformed(data: bytes, said: str) -> tuple[str, str]:
    match = AT_BYTE.search(said)
    if match is None:
        return _place(data.decode()), "it is empty" if not data.strip() else "it ends too early"
    before = data[: int(match[1])].decode(errors="ignore")
    return _place(before), said[: match.start()].removeprefix("JSON is malformed: ")


def _until_too_deep(text: str) -> str:
    depth, in_string, skipped = 0, False, False
    for at, letter in enumerate(text):
        if skipped or letter == "\\":
            skipped = not skipped
        elif letter == '"':
            in_string = not in_string
        elif not in_string:
            depth += (letter in "[{") - (letter in "]}")
            if depth > DEEPEST:
                return text[:at]
    return ""


def _encoding(data: bytes) -> tuple[bytes, str]:
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return mark, encoding
    return b"", next((encoding for zeros, at, encoding in UNMARKED if data.startswith(zeros, at)), "utf-8")


def _place(before: str) -> str:
    """Of what comes after it."""
    line = before.count("\n") + 1
    column = len(before) - before.rfind("\n")
    return f"line {line}, column {column}"


def _name(file: Path) -> str:
    return "Standard input" if str(file) == STANDARD_INPUT else str(file)
