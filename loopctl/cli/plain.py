"""Other people's words on a terminal and in a spreadsheet: shown, and never obeyed."""

import re

OBEYED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters, those of C1 too, and what turns the direction of writing. Tabs and ends of lines are not here."""
GAP = re.compile("[\t\n\v\f\r\x85\u2028\u2029]+")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", *"\uff1d\uff0b\uff0d\uff20")
"""What spreadsheets compute instead of showing it, when a cell begins with it."""


def escaped(text: str) -> str:
    """As JSON escapes: in a string of JSON it is the same string still."""
    return text if text.isascii() and text.isprintable() else OBEYED.sub(_escape, text)


def lines(text: str) -> str:
    return escaped(text.replace("\r", " "))


def one_line(text: str) -> str:
    return escaped(GAP.sub(" ", text))


def spreadsheet_cell(text: str) -> str:
    """A formula becomes a text, by the apostrophe that spreadsheets take for that; everything else stays as it is."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
