"""The verdict, for programs and for people."""

from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct

from loopctl.audit.fault import Finding
from loopctl.audit.heads import RotationSeen
from loopctl.tlog.rotation import COMPROMISE

SHOWN_POSITIONS = 10

BUNDLE_TRUSTED = (
    "The log's first key was taken from the bundle itself: this shows that the bundle is whole, not whose it is. "
    "To know that, give the key that you were told elsewhere with --vkey."
)
KEY_GIVEN = "The bundle's keys lead from one to the next, and the given ones are among them."


class Trusted(Struct, frozen=True):
    by: Literal["vkey", "bundle"]
    log_keys: int
    """Of the given ones, as the following."""
    cosigners: int
    statement: str


class Counts(Struct, frozen=True):
    """How much has been checked, all of it or up to the fault."""

    entries: int
    heads: int
    cosignatures: int
    log_keys: int
    entities: int
    payloads: int
    payloads_erased: int
    digests: int
    """Of the read models. They are compared by a replay, not here."""


class Report(Struct, frozen=True):
    """``size`` and ``root`` (base64) are of the checked entries, which are all of the log when the verdict is good."""

    verdict: Literal["good", "bad"]
    origin: str | None
    size: int
    root: str
    trusted: Trusted
    checked: Counts
    rotations: tuple[RotationSeen, ...]
    erased: tuple[int, ...]
    """Entries whose payload was erased, the first thousand of them."""
    notices: tuple[str, ...]
    fault: Finding | None


class NotRead(Struct, frozen=True):
    verdict: Literal["unreadable"]
    problem: str


def trusted(log_keys: int, cosigners: int) -> Trusted:
    if log_keys:
        return Trusted("vkey", log_keys, cosigners, KEY_GIVEN)
    return Trusted("bundle", log_keys, cosigners, BUNDLE_TRUSTED)


def text(report: Report) -> str:
    return printable(_lines(report))


def printable(lines: Iterable[str]) -> str:
    """Origins and key names are what others chose: nothing in them may steer a terminal or turn the text around."""
    escaped = (
        "".join(each if each.isprintable() else f"\\u{{{ord(each):x}}}" for each in line) + "\n" for line in lines
    )
    return "".join(escaped)


def _lines(report: Report) -> Iterator[str]:
    checked, fault = report.checked, report.fault
    if fault is None:
        yield f"good: {report.origin}, {report.size:,} entries, root {report.root}"
    else:
        yield f"bad: {fault.place}: {fault.problem} ({fault.check}, {fault.code})"
        yield f"  before that  {report.size:,} entries of {report.origin or 'an unknown log'} were checked"
    yield f"  heads        {checked.heads:,} signed, each a prefix of the next; {checked.cosignatures:,} cosignatures"
    yield f"  keys         {checked.log_keys} of the log; {report.trusted.statement}"
    for rotation in report.rotations:
        yield from _rotation(rotation)
    yield f"  entities     {checked.entities:,}, their histories without a gap"
    erased = f"{checked.payloads_erased:,} erased{_places(report.erased)}"
    yield f"  payloads     {checked.payloads:,} outside the log, {erased}"
    if checked.digests:
        yield f"  digests      {checked.digests:,} of the read models, for a replay to compare; not compared here"
    for notice in report.notices:
        yield f"  notice       {notice}"


def _rotation(rotation: RotationSeen) -> Iterator[str]:
    keys = f"from {rotation.old_key_id} to {rotation.new_vkey}"
    yield f"  rotation     at size {rotation.boundary:,} {keys}, {rotation.reason}"
    if rotation.reason == COMPROMISE:
        rest = f"the {rotation.cosigners} given witnesses that signed this head, and on receipts"
        yield f"               the old key was in other hands: what is older rests on {rest}"


def _places(erased: tuple[int, ...]) -> str:
    if not erased:
        return ""
    more = ", ..." if len(erased) > SHOWN_POSITIONS else ""
    return f" (of entries {', '.join(map(str, erased[:SHOWN_POSITIONS]))}{more})"
