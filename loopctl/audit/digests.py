"""What a log says its read models come to (spec 05, section 4.2). Whether they do, only a replay shows."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct, ValidationError, convert

from loopctl.audit.fault import Fault, faults
from loopctl.audit.links import Link
from loopctl.tlog.entry import Position, Text, decode_entry

DIGEST_TYPE = "projection.digested"


class TableDigest(Struct, frozen=True):
    table: Text
    columns: Annotated[tuple[Text, ...], Meta(min_length=1)]
    rows: Annotated[int, Meta(ge=0)]
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class StateDigested(Struct, frozen=True):
    """Data of the entry; other fields may stand beside these."""

    size: Position
    """How many entries the digests are of."""
    tables: tuple[TableDigest, ...]


class Digests:
    """Counts them, and refuses those that nobody could compare with anything."""

    def __init__(self) -> None:
        self.count = 0

    def see(self, first: int, links: Sequence[Link], entries: Sequence[bytes]) -> None:
        for position, (link, raw) in enumerate(zip(links, entries, strict=True), first):
            if link.type == DIGEST_TYPE:
                self._see(position, raw)

    def _see(self, position: int, raw: bytes) -> None:
        place = f"entry {position}"
        with faults("digests", place):
            value = decode_entry(raw).value()
        try:
            size = convert(value, StateDigested).size
        except ValidationError:
            raise Fault("digests", "digest_malformed", place, "does not say of how much it is, and what") from None
        if size > position:
            problem = f"is of the first {size} entries, which end behind it"
            raise Fault("digests", "digest_malformed", place, problem)
        self.count += 1
