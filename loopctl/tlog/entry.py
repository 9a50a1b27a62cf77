"""One entry of a log: its fields, its only spelling, its limits (spec 05, section 4.2)."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Literal

from msgspec import UNSET, Meta, MsgspecError, Struct, UnsetType
from msgspec.json import Decoder, Encoder

from loopctl.tlog.canonical import CanonicalJson, parse_canonical_json
from loopctl.tlog.errors import TlogError
from loopctl.tlog.hashing import NO_LEAF, SALT_BYTES
from loopctl.tlog.spelling import HASH_BYTES, LARGEST
from loopctl.tlog.tile import LARGEST_ENTRY

TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
TYPE = re.compile(r"[a-z][a-z0-9_]{0,62}(?:\.[a-z][a-z0-9_]{0,62})+")
KIND = re.compile(r"[a-z][a-z0-9_]{0,62}")
PLACE = re.compile(r" - at `\$\.([a-z]+)")

Position = Annotated[int, Meta(ge=0, lt=LARGEST)]
Hash = Annotated[bytes, Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]
Salt = Annotated[bytes, Meta(min_length=SALT_BYTES, max_length=SALT_BYTES)]
Text = Annotated[str, Meta(min_length=1, max_length=255)]


class EntryHead(Struct, frozen=True, kw_only=True):
    """Everything but the payload. The order of the fields is the order of the keys; bytes are base64."""

    v: Literal[1] = 1
    seq: Position
    """Position in the log, from 0."""
    prev: Hash
    """Leaf hash of the entry before; 32 zero bytes in the first."""
    ts: str
    """UTC with six digits of fraction and Z."""
    type: str
    """Tag of the event, such as ``story.claimed``."""
    actor: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=16)]
    """Who did it, and on whose behalf."""
    entity: tuple[Text, Text]
    """Kind and id of what it happened to."""
    eseq: Position
    """How many entries of the entity came before."""
    eprev: Position | None
    """``seq`` of the last of those; None when there is none."""
    salt: Salt
    """16 random bytes, without which leaf hashes of guessable entries would tell what the entries say."""

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.ts)


class Entry(EntryHead, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With its data, or the commitment to a payload that is stored elsewhere and can be erased, or both: then the data
    are what is not to be erased."""

    data: CanonicalJson | UnsetType = UNSET
    commit: Hash | UnsetType = UNSET

    def value(self) -> dict[str, object]:
        """The decoded data; empty when the entry has nothing but a commitment."""
        if self.data is UNSET:
            return {}
        value: dict[str, object] = parse_canonical_json(bytes(self.data))
        return value


ENCODER = Encoder()
DECODER = Decoder(Entry)
HEAD_DECODER = Decoder(EntryHead)


def encode_entry(entry: Entry) -> bytes:
    """The bytes that are stored, hashed and exported. Refuses every entry that decode_entry would refuse."""
    try:
        raw = ENCODER.encode(entry)
    except (TypeError, ValueError, OverflowError):
        raise TlogError("entry_malformed", "entry", "a value or character that JSON cannot express") from None
    _check(_parsed(raw))  # types and limits are checked by reading, so that they are written down once
    return raw


def decode_entry(raw: bytes) -> Entry:
    """Accepts exactly the bytes that encode_entry makes."""
    entry = _parsed(raw)
    _check(entry)
    if entry.data is not UNSET:
        parse_canonical_json(bytes(entry.data))
    if ENCODER.encode(entry) != raw:
        raise TlogError("entry_not_canonical", "entry", "a second spelling of the same entry")
    return entry


def decode_head(raw: bytes) -> EntryHead:
    """Faster, for entries that are known to be well-formed: checks types and limits and nothing else."""
    try:
        return HEAD_DECODER.decode(raw)
    except (MsgspecError, ValueError, RecursionError) as error:
        raise _malformed(error) from None


def _parsed(raw: bytes) -> Entry:
    if len(raw) > LARGEST_ENTRY:
        raise TlogError("entry_too_large", "entry", f"{len(raw)} bytes, over {LARGEST_ENTRY}")
    try:
        return DECODER.decode(raw)
    except (MsgspecError, ValueError, RecursionError) as error:
        raise _malformed(error) from None


def _malformed(error: Exception) -> TlogError:
    """Only the name of a field is taken from the message, which may quote the foreign bytes."""
    place = PLACE.search(str(error))
    field = place[1] if place and place[1] in Entry.__struct_fields__ else "entry"
    return TlogError("entry_malformed", field, "not JSON with the fields of an entry, of their types and lengths")


def timestamp(moment: datetime) -> str:
    """``moment`` must be in UTC."""
    if moment.tzinfo is not UTC and moment.utcoffset() != timedelta(0):
        raise ValueError("times in the log are UTC")
    return moment.isoformat(timespec="microseconds")[:26] + "Z"


def _check(entry: Entry) -> None:
    """What types and lengths do not say; JSON inside ``data`` is checked where it is made or read."""
    if not _links_back(entry):
        raise TlogError("entry_malformed", "eprev", "not the position of an earlier entry of the entity")
    if entry.seq == 0 and entry.prev != NO_LEAF:
        raise TlogError("entry_malformed", "prev", "a leaf hash before the first entry")
    if not _is_timestamp(entry.ts):
        raise TlogError("entry_malformed", "ts", "not a time in UTC with microseconds and Z")
    if not _is_type(entry.type) or not _is_kind(entry.entity[0]):
        raise TlogError("entry_malformed", "type, entity", "not lower-case tags")
    if entry.data is UNSET and entry.commit is UNSET:
        raise TlogError("entry_malformed", "data, commit", "neither of the two")
    if entry.data is not UNSET and not bytes(entry.data).startswith(b"{"):
        raise TlogError("entry_malformed", "data", "not an object")


def _links_back(entry: Entry) -> bool:
    """An entity's first entry has nothing before it, each later one has."""
    if entry.eprev is None:
        return entry.eseq == 0
    return 0 < entry.eseq <= entry.eprev + 1 <= entry.seq


def _is_timestamp(text: str) -> bool:
    if TIMESTAMP.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


@lru_cache(1024)
def _is_type(text: str) -> bool:
    return TYPE.fullmatch(text) is not None


@lru_cache(1024)
def _is_kind(text: str) -> bool:
    return KIND.fullmatch(text) is not None
