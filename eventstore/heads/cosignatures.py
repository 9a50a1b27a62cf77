"""Signatures of agents under the heads that they have seen: checked once, kept for ever, shown with the head."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from msgspec import Struct, structs

from eventstore.database.transaction import TenantTx
from eventstore.heads.checkpoints import StoredHead, checkpoint_at
from loopctl.cosigning import name_of
from loopctl.tlog.cosignature import TIME_BYTES, check_cosignature
from loopctl.tlog.errors import TlogError
from loopctl.tlog.note import SignatureLine, parse_note
from loopctl.tlog.vkey import KeyType, VerifierKey, parse_vkey

KEY_ID_BYTES = 4
MOST_SHOWN = 16
"""Under one head, the first that came: a note has at most 64 lines, and the log's own are among them."""
LATEST_SECONDS = 300
"""A cosignature from the future says nothing; clocks differ by so much."""

KEEP = """
    INSERT INTO app.log_cosignature (tenant_id, size, agent_id, vkey, signature, received_at)
    VALUES ($1, $2, $3, $4, $5, clock_timestamp())
        ON CONFLICT DO NOTHING
"""

READ = """
    SELECT agent_id, vkey, signature
      FROM app.log_cosignature
     WHERE tenant_id = $1 AND size = $2
     ORDER BY received_at, agent_id
     LIMIT 16
"""


class NotCosigned(Exception):
    """The text says what is wrong with what was shown as a cosignature."""


class Cosignature(Struct, frozen=True):
    agent_id: UUID
    vkey: str
    signature: bytes
    """Time and signature, as in a line."""

    @property
    def at(self) -> datetime:
        """As the agent's clock said."""
        return datetime.fromtimestamp(int.from_bytes(self.signature[:TIME_BYTES], "big"), UTC)

    @property
    def line(self) -> SignatureLine:
        key = parse_vkey(self.vkey)
        return SignatureLine(key.name, key.key_id, self.signature)


def agent_key(vkey: str, origin: str, agent_id: UUID) -> VerifierKey:
    """The key of an agent of this log. Raises TlogError."""
    key = parse_vkey(vkey)
    name = name_of(origin, str(agent_id))
    if key.type is not KeyType.COSIGNATURE or key.name != name:
        raise TlogError("key_malformed", "cosigner", f"not an Ed25519 cosigner's (type 04) with the name {name}")
    return key


async def cosign(tx: TenantTx, agent: tuple[UUID, str], size: int, blob: bytes, now: float) -> None:
    """Keeps ``blob``, key id and signature, under the head that was signed for this size; ``agent`` is its id and its
    vkey. The first of an agent stays. Raises NotCosigned."""
    agent_id, vkey = agent
    key, head = parse_vkey(vkey), await checkpoint_at(tx, size)
    if head is None:
        raise NotCosigned(f"no head of size {size} was signed")
    if blob[:KEY_ID_BYTES] != key.key_id:
        raise NotCosigned(f"it is by another key than the agent's, whose key id is {key.key_id.hex()}")
    try:
        signed_at = check_cosignature(key, parse_note(head.note).text, blob[KEY_ID_BYTES:], "cosig")
    except TlogError as error:
        raise NotCosigned(error.problem) from None
    if signed_at > now + LATEST_SECONDS:
        raise NotCosigned("its time has not come yet")
    await tx.execute(KEEP, tx.tenant_id, size, agent_id, vkey, blob[KEY_ID_BYTES:])


async def cosignatures_of(tx: TenantTx, size: int) -> Sequence[Cosignature]:
    rows = await tx.fetch(READ, tx.tenant_id, size)
    return [Cosignature(row["agent_id"], row["vkey"], row["signature"]) for row in rows]


def with_lines(head: StoredHead, cosignatures: Sequence[Cosignature]) -> bytes:
    """The note with a line for each."""
    note = parse_note(head.note)
    return structs.replace(note, lines=(*note.lines, *(each.line for each in cosignatures))).encode()
