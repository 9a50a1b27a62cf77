"""The heads that a client says it has seen, checked whenever it says one (spec 05, section 5.2; spec 01, section 1.13).

A claim without proof halts nothing, however wrong it is: it is refused, and asked for the signed head that it rests on.
"""

import base64
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Protocol
from uuid import UUID

import structlog
from msgspec import Struct

from api.http.refusal import Header, Refused
from domain.caller import Caller, PublishedHead

log = structlog.get_logger("api")

WITNESS = b"loopctl-witness"
LAST_KNOWN = b"x-loopctl-last-known-sth"
BOOTSTRAP = b"x-loopctl-sth-bootstrap"
NOTE = b"loopctl-witness-note"
SHOWN = frozenset({WITNESS, LAST_KNOWN, NOTE})
"""A request has one of these, or says of no head that it was seen."""

NO_HEAD_YET = "0:" + "A" * 22
"""What older clients send before they have seen a head."""
OLDER = re.compile(r"(0|[1-9][0-9]{0,17}):([A-Za-z0-9_-]{22})={0,2}")
CLAIM = re.compile(
    r"size=(?P<size>0|[1-9][0-9]{0,17}); ?root=(?P<root>[A-Za-z0-9_-]{43}); ?key=(?P<key>[0-9a-f]{8})"
    r"(?:; ?cosig=(?P<cosig>[A-Za-z0-9_-]{102}))?"
)
FORM = (
    "Loopctl-Witness: size=<decimal>; root=<32 bytes, unpadded base64url>; key=<key id of the log, 8 hex digits>, and "
    "where the agent has a cosigner's key: ; cosig=<its cosignature of that head, 76 bytes>. "
    "X-Loopctl-Last-Known-STH: <position>:<first 16 bytes of the head's signature, unpadded base64url>. Both stand in "
    "Loopctl-Head and X-Loopctl-Current-STH of every answer."
)
ALERT_SECONDS = 60.0
"""Between two lines of the log about one key's wrong claims."""
MOST_ALERTED = 10_000


class Standing(Protocol):
    """The log at one size: its root, None when it never had this size, and the marks of the head that was signed."""

    @property
    def root(self) -> bytes | None: ...
    @property
    def marks(self) -> tuple[str, ...]: ...


class Claim(Struct, frozen=True):
    size: int
    root: bytes = b""
    mark: str = ""
    """Of an older client, which knows no root."""
    cosig: bytes = b""
    """Key id and cosignature by the caller's agent; empty where there is none."""

    def agrees(self, found: Standing) -> bool:
        return self.root == found.root if self.root else self.mark in found.marks


class Witnessing(Struct, frozen=True):
    """What the gate asks about heads."""

    standing: Callable[[UUID, int], Awaitable[Standing]]
    judge: Callable[[Caller, bytes], Awaitable[object]]
    """A signed head that the client shows. Raises Refused, unless the log extends it."""
    cosign: Callable[[Caller, int, bytes], Awaitable[None]]
    """A cosignature of the head of this size, which the log has. Raises Refused where it is none."""
    clock: Callable[[], float]
    alerted: dict[UUID, float]

    async def check(self, caller: Caller, headers: Mapping[bytes, bytes]) -> None:
        """Raises Refused."""
        if caller.superadmin or caller.witness_mode == "off":
            return
        if NOTE in headers:
            await self.judge(caller, _note(headers[NOTE]))
        said = [claim_of(headers[WITNESS])] if WITNESS in headers else []
        said += older_claim_of(headers[LAST_KNOWN]) if LAST_KNOWN in headers else []
        if caller.witness_mode == "required" and SHOWN.isdisjoint(headers):
            if headers.get(BOOTSTRAP, b"").strip() != b"true":
                raise Refused("witness_header_missing", f"This tenant wants to be told the last head seen. {FORM}")
            return
        for claim in said:
            if not _is(claim, caller.head):
                await self._compare(caller, claim)
            if claim.cosig:
                await self.cosign(caller, claim.size, claim.cosig)

    async def _compare(self, caller: Caller, claim: Claim) -> None:
        found = await self.standing(caller.tenant_id, claim.size)
        if claim.agrees(found):
            return
        self._alert(caller, claim)
        if found.root is None:
            raise Refused("witness_ahead_unproven", claimed_size=claim.size)
        raise Refused("witness_divergence_unproven", claimed_size=claim.size)

    def _alert(self, caller: Caller, claim: Claim) -> None:
        now = self.clock()
        if self.alerted.get(caller.key_id, now) > now:
            return
        if len(self.alerted) >= MOST_ALERTED:
            self.alerted.clear()
        self.alerted[caller.key_id] = now + ALERT_SECONDS
        log.warning(
            "witness_unproven", tenant_id=str(caller.tenant_id), key_id=str(caller.key_id), claimed_size=claim.size
        )


def _is(claim: Claim, head: PublishedHead | None) -> bool:
    """As it is remembered of the caller, without asking anybody."""
    return head is not None and claim.size == head.size and claim.root == head.root


def claim_of(value: bytes) -> Claim:
    """Raises Refused."""
    found = CLAIM.fullmatch(value.decode("latin-1").strip())
    if found is not None:
        root, cosig = (base64.urlsafe_b64decode(f"{found[name] or ''}==") for name in ("root", "cosig"))
        if (_base64url(root), _base64url(cosig)) == (found["root"], found["cosig"] or ""):
            return Claim(int(found["size"]), root, cosig=cosig)
    raise Refused("witness_header_malformed", f"The witness header cannot be read. {FORM}")


def older_claim_of(value: bytes) -> list[Claim]:
    """None when the client says that it has seen no head. Raises Refused."""
    text = value.decode("latin-1").strip()
    found = OLDER.fullmatch(text)
    if found is None:
        raise Refused("witness_header_malformed", f"X-Loopctl-Last-Known-STH cannot be read. {FORM}")
    mark = found[2]
    return [] if f"{found[1]}:{mark}" == NO_HEAD_YET else [Claim(int(found[1]) + 1, mark=mark)]


@lru_cache(maxsize=4096)
def head_headers(head: PublishedHead) -> tuple[Header, ...]:
    root = _base64url(head.root).encode()
    return (
        (b"loopctl-head", b"size=%d; root=%b" % (head.size, root)),
        (b"x-loopctl-current-sth", b"%d:%b" % (head.size - 1, head.mark.encode())),
    )


def _note(value: bytes) -> bytes:
    try:
        return base64.b64decode(value.strip().ljust(-(-len(value.strip()) // 4) * 4, b"="), b"-_", validate=True)
    except ValueError:
        raise Refused("witness_header_malformed", "Loopctl-Witness-Note is no base64url of a signed head.") from None


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
