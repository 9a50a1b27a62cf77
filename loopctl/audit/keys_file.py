"""``keys.json``: which keys the log has had, each with the sizes that it counts for."""

from hashlib import sha256
from typing import Literal

from msgspec import Struct, ValidationError, convert, to_builtins
from msgspec.structs import replace

from loopctl.audit.fault import Fault, faults
from loopctl.tlog.canonical import canonical_json, parse_canonical_json
from loopctl.tlog.checkpoint import check_origin
from loopctl.tlog.entry import TIMESTAMP
from loopctl.tlog.keys import KeyEpoch, key_history
from loopctl.tlog.spelling import LARGEST, base64_text
from loopctl.tlog.vkey import KeyType, VerifierKey, parse_vkey

PLACE = "keys.json"
MOST_KEYS = 1_000

Purpose = Literal["log", "timestamp", "witness"]
Format = Literal["loopctl-log-bundle/v1"]
FORMAT: Format = "loopctl-log-bundle/v1"


class KeyRecord(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Times are UTC with microseconds and Z, and signed by nobody."""

    vkey: str
    purpose: Purpose
    first_size: int
    last_size: int | None = None
    """The last head with a line by this key; None while it signs."""
    created_at: str
    retired_at: str | None = None
    reason: str
    """Why the log got this key; for a rotation the word in its entry."""


class LogKeys(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Log keys oldest first; those of other purposes in any order."""

    origin: str
    keys: tuple[KeyRecord, ...]
    format: Format = FORMAT
    digest: str = ""
    """Of everything else in the file. It tells damage, not forgery: whoever can write the file can write this too."""


class LogKeyClaim(Struct, frozen=True):
    """What the file says of a log key; a rotation in the log has to bear it out."""

    epoch: KeyEpoch
    reason: str


class KnownKeys(Struct, frozen=True):
    origin: str
    log: tuple[LogKeyClaim, ...]
    beside: tuple[KeyEpoch, ...]
    """Keys that sign heads together with the log: its clock, and witnesses."""


def encode_keys(keys: LogKeys) -> bytes:
    return bytes(canonical_json(replace(keys, digest=_digest(keys))))


def parse_keys(raw: bytes) -> KnownKeys:
    with faults("keys", PLACE):
        value = parse_canonical_json(raw)
    try:
        keys = convert(value, LogKeys)
    except ValidationError:
        raise Fault("keys", "keys_malformed", PLACE, f"not the keys of a bundle ({FORMAT})") from None
    if keys.digest != _digest(keys):
        raise Fault("keys", "keys_damaged", PLACE, "does not have the digest that it says")
    with faults("keys", PLACE):
        return _known(keys)


def _known(keys: LogKeys) -> KnownKeys:
    check_origin(keys.origin)
    log, beside = [], []
    for number, record in enumerate(keys.keys[:MOST_KEYS], start=1):
        claim = LogKeyClaim(KeyEpoch(_key(keys.origin, record, number), *_sizes(record, number)), record.reason)
        if record.purpose == "log":
            log.append(claim)
        else:
            beside.append(claim.epoch)
    history = key_history([claim.epoch for claim in log])
    if history.origin != keys.origin or history.epochs[0].first_size != 0 or len(keys.keys) > MOST_KEYS:
        raise Fault("keys", "keys_malformed", PLACE, "no key of this log from its first entry on, or too many keys")
    return KnownKeys(keys.origin, tuple(log), tuple(beside))


def _key(origin: str, record: KeyRecord, number: int) -> VerifierKey:
    with faults("keys", f"{PLACE}, key {number}"):
        key = parse_vkey(record.vkey)
    match record.purpose:
        case "log":
            fits = key.type is KeyType.ED25519 and key.name == origin
        case "timestamp":
            fits = key.type is KeyType.COSIGNATURE
        case "witness":
            fits = key.type in (KeyType.COSIGNATURE, KeyType.ML_DSA_44)
    times = [record.created_at, *([] if record.retired_at is None else [record.retired_at])]
    if not fits or not all(map(TIMESTAMP.fullmatch, times)):
        raise Fault(
            "keys", "keys_malformed", f"{PLACE}, key {number}", "of another log, another type, or without a time"
        )
    return key


def _sizes(record: KeyRecord, number: int) -> tuple[int, int | None]:
    last = LARGEST if record.last_size is None else record.last_size
    if not 0 <= record.first_size <= last <= LARGEST:
        raise Fault("keys", "keys_malformed", f"{PLACE}, key {number}", "ends before it begins")
    return record.first_size, record.last_size


def _digest(keys: LogKeys) -> str:
    content = {name: value for name, value in to_builtins(keys).items() if name != "digest"}
    return base64_text(sha256(bytes(canonical_json(content))).digest())
