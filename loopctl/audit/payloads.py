"""Payloads outside the log: which entries commit to one, and which of those were erased (spec 05, section 4.2)."""

from collections.abc import Sequence

from msgspec import UNSET, Struct, ValidationError, convert

from loopctl.audit.fault import Fault, faults
from loopctl.audit.links import Link
from loopctl.tlog.entry import Position, Text, decode_entry

ERASED_TYPE = "payload.erased"
MOST_LISTED = 1_000


class PayloadErased(Struct, frozen=True):
    """Data of the entry that records it; other fields may stand beside these."""

    seq: Position
    """The entry whose payload is gone."""
    reason: Text


class Payloads:
    """One bit of memory for each entry up to the last one with a commitment."""

    def __init__(self) -> None:
        self.committed = 0
        self.erased = 0
        self.listed: list[int] = []
        """The first of the erased ones."""
        self._present = bytearray()
        self._first = 0

    def resume(self, first: int) -> None:
        """Entries before ``first`` were seen by an earlier check: whether they had a payload is not known here."""
        self._first = first

    def see(self, first: int, links: Sequence[Link], entries: Sequence[bytes]) -> None:
        for offset, link in enumerate(links):
            if link.commit is not UNSET:
                self._commit(first + offset)
            elif link.type == ERASED_TYPE:
                self._erase(first + offset, entries[offset])

    def _commit(self, position: int) -> None:
        self.committed += 1
        place, bit = divmod(position, 8)
        self._present.extend(bytes(max(0, place + 1 - len(self._present))))
        self._present[place] |= 1 << bit

    def _erase(self, position: int, raw: bytes) -> None:
        with faults("payloads", f"entry {position}"):
            value = decode_entry(raw).value()
        try:
            seq = convert(value, PayloadErased).seq
        except ValidationError:
            raise _wrong_record(position, "does not say which payload was erased, and why") from None
        if seq < self._first:
            self.erased += 1
            return
        place, bit = divmod(seq, 8)
        if place >= len(self._present) or not self._present[place] >> bit & 1:
            raise _wrong_record(position, f"erases a payload of entry {seq}, which has none, or no longer")
        self._present[place] &= ~(1 << bit)
        self.erased += 1
        if len(self.listed) < MOST_LISTED:
            self.listed.append(seq)


def _wrong_record(position: int, problem: str) -> Fault:
    return Fault("payloads", "erasure_malformed", f"entry {position}", problem)
