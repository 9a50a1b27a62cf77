"""From a head that a client has checked to the one that the server shows now: keys, signature, consistency."""

import base64
from collections.abc import Generator
from typing import Any, TypeVar

from loopctl.seen import Ask, Contradiction, Kept
from loopctl.tlog.checkpoint import Checkpoint, check_extends, parse_checkpoint
from loopctl.tlog.entry import decode_entry
from loopctl.tlog.errors import TlogError
from loopctl.tlog.keys import KeyHistory, first_key
from loopctl.tlog.note import parse_note
from loopctl.tlog.rotation import check_rotation
from loopctl.tlog.trust import Trust, open_checkpoint
from loopctl.tlog.vkey import parse_vkey

T = TypeVar("T")
Steps = Generator[Any, Any, T]


def newest(ask: Ask, kept: Kept | None, now: float) -> Steps[Kept | None]:
    """What is to be kept from now on; None when the server has no log to show. Raises Contradiction."""
    if kept is None:
        return (yield from _first(ask, now))
    note = yield from ask(f"/t/{kept.tenant}/checkpoint")
    old = parse_checkpoint(parse_note(kept.note.encode()).text)
    try:
        keys = [*kept.keys, *(yield from _rotations(ask, kept))]
        head = open_checkpoint(str(note).encode(), Trust(_history(keys))).checkpoint
        if head.size < old.size:
            problem = f"it shows a head of size {head.size:,}, and has signed one of size {old.size:,}"
            raise Contradiction("log_rolled_back", problem, kept)
        check_extends(old, head, (yield from _proof(ask, old, head)))
    except TlogError as error:
        raise Contradiction("log_forked", f"what it shows now is no continuation of that ({error})", kept) from None
    return _kept(kept.tenant, keys, str(note), head, now)


def _first(ask: Ask, now: float) -> Steps[Kept | None]:
    """Trust on first use."""
    tenant = str((yield from ask("tenants/me"))["tenant"]["id"])
    told = (yield from ask(f"tenants/{tenant}/audit_public_keys"))["data"]
    note = yield from ask(f"/t/{tenant}/checkpoint")
    try:
        head = parse_checkpoint(parse_note(str(note).encode()).text)
        counting = [key for key in told if key["first_size"] <= head.size]
        keys = [(str(counting[-1]["vkey"]), 0)]
        open_checkpoint(str(note).encode(), Trust(_history(keys)))
    except (TlogError, LookupError):
        return None
    return _kept(tenant, keys, str(note), head, now)


def _rotations(ask: Ask, kept: Kept) -> Steps[list[tuple[str, int]]]:
    """Keys that came since, each signed for by the one before it, in an entry of the log. Raises TlogError."""
    newest_key = parse_vkey(kept.keys[-1][0])
    found = []
    told = (yield from ask(f"tenants/{kept.tenant}/audit_public_keys"))["data"]
    known = [place for place, key in enumerate(told) if key["vkey"] == kept.keys[-1][0]]
    for key in told[known[-1] + 1 :] if known else ():
        begins = int(key["first_size"])
        (entry,) = (yield from ask("audit/chain", after=begins - 2, limit=1))["data"]
        newest_key, _ = check_rotation(decode_entry(str(entry["entry"]).encode()), newest_key)
        found.append((newest_key.text(), begins))
    return found


def _history(keys: list[tuple[str, int]]) -> KeyHistory:
    history = first_key(parse_vkey(keys[0][0]))
    for text, begins in keys[1:]:
        history = history.rotated(parse_vkey(text), begins)
    return history


def _proof(ask: Ask, old: Checkpoint, new: Checkpoint) -> Steps[tuple[bytes, ...]]:
    if not 0 < old.size < new.size:
        return ()
    said: Any = yield from ask("audit/proof", kind="consistency", first=old.size, size=new.size)
    return tuple(base64.urlsafe_b64decode(f"{each}=") for each in said["data"]["hashes"])


def _kept(tenant: str, keys: list[tuple[str, int]], note: str, head: Checkpoint, now: float) -> Kept:
    root = base64.urlsafe_b64encode(head.root).rstrip(b"=").decode()
    return Kept(tenant, keys, note, head.size, root, parse_vkey(keys[-1][0]).key_id.hex(), now)
