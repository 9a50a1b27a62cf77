"""An export of a log, replayed into the empty read models of a database that has not the tenant."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from uuid import UUID

from msgspec import UNSET, DecodeError, Struct, ValidationError
from msgspec.json import decode

from domain.erasure import PayloadErased
from domain.event import Recorded
from domain.events import EVENTS, UPCASTERS
from domain.state_digest import StateDigested
from eventstore.database.owning import owner_rehearsal
from eventstore.database.transaction import TenantTx
from eventstore.log.codec import READER, Codec, ReadEntry
from eventstore.log.lent import WrongText, lend_entries
from eventstore.log.payloads import Payload
from loopctl.audit.expected import Expected
from loopctl.audit.fault import Fault, Finding, Unreadable
from loopctl.audit.names import parse_path
from loopctl.audit.report import Report
from loopctl.audit.source import open_source
from loopctl.audit.verify import verify
from loopctl.tlog.tile import Bundle, parse_bundle
from operations.command import Declined
from projections.inline import PROJECTIONS
from projections.state_check import (
    Logged,
    StateChecked,
    Withheld,
    digests_of,
    erasures_of,
    follow_digests,
    table_of_texts,
)

CODEC = Codec(EVENTS, UPCASTERS)
ORIGIN = re.compile(r".+/t/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
LOOKED_AT = (StateDigested.TAG, PayloadErased.TAG)

Texts = Mapping[int, Payload]
"""By position."""


class TextsFile(Struct, frozen=True):
    """As `export-texts` prints it."""

    texts: tuple[Payload, ...]


class BadExport(Exception):
    def __init__(self, fault: Finding) -> None:
        super().__init__(fault.problem)
        self.fault = fault


def read_texts(file: Path) -> Texts:
    """Raises Declined."""
    try:
        return {each.position: each for each in decode(file.read_bytes(), type=TextsFile).texts}
    except (OSError, DecodeError, ValidationError):
        raise Declined(f"{file} holds no texts as `export-texts` prints them.") from None


async def replay_export(
    url: str, file: Path, expected: Expected, here: set[UUID], texts: Texts | None = None
) -> StateChecked:
    """In the database of ``url``, its owner's, which has the logs of ``here``. Raises BadExport, Declined."""
    report = _verified(file, expected)
    if report.fault is not None:
        raise BadExport(report.fault)
    named = ORIGIN.fullmatch(report.origin or "")
    if named is None:
        raise Declined("The export's origin names no tenant: it is of another service's log.")
    tenant_id = UUID(named[1])
    if tenant_id in here:
        raise Declined("This database has the log of that tenant: leave --export away, or name an empty database.")
    given = texts or {}
    logged = _logged(file, given)
    try:
        async with owner_rehearsal(url, tenant_id) as tx:
            seen = await follow_digests(tx, _lent(tx, file, given), PROJECTIONS, logged)
    except WrongText as wrong:
        raise Declined(f"The text of entry {wrong.position} is not the one that the log is committed to.") from None
    return StateChecked(report.size, seen)


async def _lent(tx: TenantTx, file: Path, texts: Texts) -> AsyncIterator[Sequence[Recorded]]:
    for page in _pages(file):
        yield await lend_entries(tx, CODEC, page, texts)


def _logged(file: Path, texts: Texts) -> Logged:
    """What the log says of its state, and which of its texts this replay has not."""
    committed: list[ReadEntry] = []
    said: list[Recorded] = []
    for page in _pages(file):
        for entry in map(READER.decode, page):
            if entry.commit is not UNSET:
                committed.append(entry)
            if entry.type in LOOKED_AT:
                said.append(CODEC.recorded(entry))
    erased = {seq: position for seq, (position, _) in erasures_of(said).items()}
    return Logged(
        digests_of(said),
        [
            Withheld(entry.seq, table_of_texts(entry.entity[0]), erased.get(entry.seq))
            for entry in committed
            if entry.seq not in texts
        ],
    )


def _verified(file: Path, expected: Expected) -> Report:
    try:
        return verify(open_source(file).members(), expected)
    except Unreadable as error:
        raise Declined(f"{file}: {error}.") from None
    except Fault as fault:
        raise Declined(f"{file}: {fault.finding.problem}.") from None


def _pages(file: Path) -> Iterator[list[bytes]]:
    """The entries of a bundle that was verified, 256 at a time."""
    for name, data in open_source(file).members():
        parsed = parse_path(name)
        if isinstance(parsed, Bundle):
            yield parse_bundle(parsed, data)
