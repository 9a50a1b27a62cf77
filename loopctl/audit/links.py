"""Completeness of each entity's history: every entry names the entry of its entity before it (spec 05, section 4.2)."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import UNSET, Meta, MsgspecError, Struct, UnsetType
from msgspec.json import Decoder

from loopctl.audit.fault import Fault

Text = Annotated[str, Meta(min_length=1, max_length=255)]


class Link(Struct, frozen=True, gc=False):
    """What every entry is asked. The rest of it is checked to be JSON, and by its hash."""

    type: Text
    entity: tuple[Text, Text]
    eseq: int
    eprev: int | None
    commit: str | UnsetType = UNSET


DECODE = Decoder(Link).decode

End = tuple[int, int]
"""Position of an entity's last entry, and how many it has: what its next one has to say as ``eprev`` and ``eseq``."""

Ends = dict[str, dict[str, End]]
"""By kind and id of the entity."""


class BrokenLink(Fault):
    def __init__(self, position: int, end: End | None) -> None:
        before = "it is the first" if end is None else f"{end[1]} came before it, the last of them entry {end[0]}"
        problem = f"says otherwise of the history of its entity: {before}"
        super().__init__("entities", "entity_link", f"entry {position}", problem)
        self.position = position


def read_links(first: int, entries: Sequence[bytes]) -> list[Link]:
    """One by one: entries put together could be JSON together that none of them is alone."""
    links: list[Link] = []
    try:
        links.extend(map(DECODE, entries))  # in C, and what has been decoded before a failure is there
    except (MsgspecError, ValueError, RecursionError):
        place = f"entry {first + len(links)}"
        raise Fault("entities", "entry_malformed", place, "not JSON with the fields of an entry") from None
    return links


def follow(ends: Ends, first: int, links: Sequence[Link]) -> None:
    """Moves ``ends`` on by the entries from position ``first`` on. Raises BrokenLink."""
    position = first
    for link in links:
        kind, entity = link.entity
        of_kind = ends.get(kind)
        if of_kind is None:
            of_kind = ends[kind] = {}
        end = of_kind.get(entity)
        if end is None:
            if link.eseq != 0 or link.eprev is not None:
                raise BrokenLink(position, end)
        elif end[0] != link.eprev or end[1] != link.eseq:
            raise BrokenLink(position, end)
        of_kind[entity] = (position, link.eseq + 1)
        position += 1
