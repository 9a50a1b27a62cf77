"""The log on the wire (spec 01, sections 2.3, 4.2, 4.3; spec 05)."""

from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

from api.http.query import StrictQuery
from loopctl.audit.story_proof import StoryProof


class TreeHeadQuery(StrictQuery, frozen=True, kw_only=True):
    at: Annotated[str, Meta(description="A position")] | None = None


class ProofQuery(StrictQuery, frozen=True, kw_only=True):
    kind: Annotated[Literal["inclusion", "consistency"], Meta(description="What to prove")]
    index: Annotated[int, Meta(ge=0, description="Position of the entry")] | None = None
    first: Annotated[int, Meta(ge=1, description="Size of the older head")] | None = None
    size: Annotated[int, Meta(ge=1, description="Tree size; default that of the newest head")] | None = None


class ChainQuery(StrictQuery, frozen=True, kw_only=True):
    after: Annotated[int, Meta(ge=-1, description="Position of the last entry that you have")] = -1
    limit: Annotated[int, Meta(ge=1, le=1000, description="At most this many; default 100")] | None = None
    page_size: Annotated[int, Meta(ge=1, le=1000, description="The same as limit")] | None = None


class Cosigned(Struct, frozen=True):
    """By an agent, whose line is in the note. ``vkey`` is the key that it had: its events say which are its own."""

    agent_id: UUID
    vkey: str
    cosigned_at: datetime


class TreeHead(Struct, frozen=True):
    """``signature`` is that of the newest key over the checkpoint's text; all bytes unpadded base64url."""

    tenant_id: UUID
    chain_position: int
    size: int
    merkle_root: str
    signed_at: datetime
    signature: str
    key_id: str
    public_key: str
    note: str
    cosignatures: list[Cosigned]


class TreeHeadAnswer(Struct, frozen=True):
    data: TreeHead


class ChainEntry(Struct, frozen=True):
    """``entry`` is the exact bytes that were hashed: the leaf hash and the link can be computed from it alone."""

    chain_position: int
    prev_entry_hash: str
    entry_hash: str
    action: str
    actor_lineage: list[str]
    entity_type: str
    entity_id: str
    payload: dict[str, Any]
    inserted_at: str
    entry: str


class Chain(Struct, frozen=True):
    data: list[ChainEntry]
    has_more: bool
    next_after: int


class Proof(Struct, frozen=True):
    """``hashes`` are unpadded base64url, in the order of RFC 9162. ``leaf_index`` for inclusion, ``first_size`` for
    consistency."""

    kind: str
    tree_size: int
    hashes: list[str]
    leaf_index: int | None = None
    leaf_hash: str | None = None
    first_size: int | None = None


class ProofAnswer(Struct, frozen=True):
    data: Proof


class PublicKey(Struct, frozen=True):
    """``last_size`` is the largest head that the key's signature counts for; null for the key in use."""

    vkey: str
    key_id: str
    public_key: str
    first_size: int
    last_size: int | None
    reason: str
    created_at: datetime
    retired_at: datetime | None


class PublicKeys(Struct, frozen=True):
    origin: str
    data: list[PublicKey]


class StoryProofAnswer(Struct, frozen=True):
    """``data`` is the file that `loopctl log check-story` takes."""

    data: StoryProof


def json_key_id(public_key: bytes) -> str:
    """As clients of the JSON form know a key (spec 01, section 4.3); the id in a signed note is another one."""
    return sha256(public_key).hexdigest()[:16]
