"""The tenant log over HTTP, as JSON: heads, entries, proofs, receipts, keys."""

import base64
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter

from api.changes.paging import within_the_log
from api.http.asking import Asker
from api.http.endpoints import SentHeaders
from api.log.examples import CHAIN, KEYS, PROOF, TREE_HEAD
from api.log.reading import StoredEntry
from api.log.schemas import (
    Chain,
    ChainEntry,
    ChainQuery,
    Cosigned,
    Proof,
    ProofAnswer,
    ProofQuery,
    PublicKey,
    PublicKeys,
    TreeHead,
    TreeHeadAnswer,
    TreeHeadQuery,
    json_key_id,
)
from api.services import Provided
from domain.errors import Invalid, NotFound
from eventstore.heads.checkpoints import StoredHead
from eventstore.heads.cosignatures import Cosignature, with_lines
from eventstore.heads.log_keys import LogKey
from loopctl.tlog.entry import decode_entry
from loopctl.tlog.note import parse_note

PUBLIC = {"access": "public"}
AGENT = {"access": "agent+"}
TAGS = ["Log"]
ENTRIES_OF_A_PAGE = 100
JWK = "application/jwk+json"
PEM = "application/x-pem-file"
RECEIPT = "text/plain"

TenantId = Annotated[UUID, PathParameter(description="Whose log")]


@get(
    "/api/v1/audit/sth/{tenant_id:uuid}",
    opt=PUBLIC,
    tags=TAGS,
    summary="The signed tree head of a tenant's log",
    responses=TREE_HEAD,
    description="The newest; with `at` the smallest whose newest entry is at or behind that position.",
)
async def show_tree_head(
    services: Provided, tenant_id: TenantId, wanted: NamedDependency[TreeHeadQuery]
) -> TreeHeadAnswer:
    at = wanted.at
    if at is not None and not (at.isascii() and at.isdigit() and len(at) <= 18):
        raise NotFound("Not found")
    head, key = await services.log_reader.head(tenant_id, None if at is None else int(at) + 1)
    cosigned = await services.log_reader.cosignatures(tenant_id, head.size)
    return TreeHeadAnswer(_tree_head(tenant_id, head, key, cosigned))


@get(
    "/api/v1/audit/proof",
    opt=AGENT,
    tags=TAGS,
    summary="A proof that an entry is in the log, or that a head extends an older one",
    responses=PROOF,
    description="inclusion: `index`, optional `size`; consistency: `first`, optional `size`.",
)
async def show_proof(services: Provided, asking: Asker, wanted: NamedDependency[ProofQuery]) -> ProofAnswer:
    tenant_id, log = asking.caller.tenant_id, services.log_reader
    if wanted.kind == "inclusion":
        if wanted.index is None:
            raise Invalid(index="can't be blank")
        size, leaf, hashes = await log.inclusion(tenant_id, wanted.index, wanted.size)
        path = [*map(_base64url, hashes)]
        return ProofAnswer(Proof(wanted.kind, size, path, leaf_index=wanted.index, leaf_hash=_base64url(leaf)))
    if wanted.first is None:
        raise Invalid(first="can't be blank")
    size, hashes = await log.consistency(tenant_id, wanted.first, wanted.size)
    return ProofAnswer(Proof(wanted.kind, size, [*map(_base64url, hashes)], first_size=wanted.first))


@get(
    "/api/v1/audit/chain",
    opt=AGENT,
    tags=TAGS,
    summary="The entries of the log, in order",
    responses=CHAIN,
    description="Each with the exact bytes that were hashed; go on with `after` = next_after.",
)
async def list_entries(services: Provided, asking: Asker, wanted: NamedDependency[ChainQuery]) -> Chain:
    most = wanted.limit or wanted.page_size or ENTRIES_OF_A_PAGE
    with within_the_log(wanted.after):
        found, more = await services.log_reader.entries(asking.caller.tenant_id, wanted.after, most)
    return Chain([*map(_chain_entry, found)], more, found[-1].position if found else wanted.after)


@get(
    "/api/v1/audit/receipts/{position:int}",
    opt={**AGENT, "any_accept": True},
    tags=TAGS,
    summary="The receipt of an entry: a tlog-proof that can be checked offline for ever",
    media_type=RECEIPT,
)
async def show_receipt(
    services: Provided,
    asking: Asker,
    position: Annotated[int, PathParameter(description="Place of the entry in the log")],
) -> Response[bytes]:
    text = await services.log_reader.receipt(asking.caller.tenant_id, position)
    return Response(text, media_type="text/plain", headers={"Cache-Control": "no-store"})


@get(
    "/api/v1/tenants/{tenant_id:uuid}/audit_public_key",
    opt={**PUBLIC, "any_accept": True},
    tags=TAGS,
    summary="The key that signs the log now, as PEM or JWK",
    media_type=PEM,
)
async def show_public_key(services: Provided, sent_headers: SentHeaders, tenant_id: TenantId) -> Response[bytes]:
    newest = (await services.log_reader.keys(tenant_id))[-1].key.public_key
    if JWK.encode() in sent_headers.get(b"accept", b""):
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": _base64url(newest)}
        return Response(msgspec.json.encode(jwk), media_type=JWK)
    pem = Ed25519PublicKey.from_public_bytes(newest).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return Response(pem, media_type=PEM)


@get(
    "/api/v1/tenants/{tenant_id:uuid}/audit_public_keys",
    opt=PUBLIC,
    tags=TAGS,
    summary="Every key that the log ever had, and for which sizes each counts",
    responses=KEYS,
)
async def list_public_keys(services: Provided, tenant_id: TenantId) -> PublicKeys:
    keys = await services.log_reader.keys(tenant_id)
    return PublicKeys(keys[-1].key.name, [*map(_public_key, keys)])


def _tree_head(tenant_id: UUID, head: StoredHead, key: LogKey, cosigned: Sequence[Cosignature]) -> TreeHead:
    lines = parse_note(head.note).lines
    signature = next(line.signature for line in lines if (line.name, line.key_id) == (key.key.name, key.key.key_id))
    return TreeHead(
        tenant_id=tenant_id, chain_position=head.size - 1, size=head.size, merkle_root=_base64url(head.root),
        signed_at=head.signed_at, signature=_base64url(signature), key_id=json_key_id(key.key.public_key),
        public_key=_base64url(key.key.public_key), note=with_lines(head, cosigned).decode(),
        cosignatures=[Cosigned(each.agent_id, each.vkey, each.at) for each in cosigned],
    )  # fmt: skip


def _chain_entry(stored: StoredEntry) -> ChainEntry:
    entry = decode_entry(stored.entry)
    return ChainEntry(
        chain_position=stored.position, prev_entry_hash=_base64url(entry.prev), entry_hash=_base64url(stored.leaf_hash),
        action=entry.type, actor_lineage=list(entry.actor), entity_type=entry.entity[0], entity_id=entry.entity[1],
        payload=entry.value(), inserted_at=entry.ts, entry=stored.entry.decode(),
    )  # fmt: skip


def _public_key(key: LogKey) -> PublicKey:
    return PublicKey(
        vkey=key.key.text(), key_id=json_key_id(key.key.public_key), public_key=_base64url(key.key.public_key),
        first_size=key.first_size, last_size=key.last_size, reason=key.reason, created_at=key.created_at,
        retired_at=key.retired_at,
    )  # fmt: skip


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


ROUTES: Sequence[HTTPRouteHandler] = (
    show_tree_head,
    show_proof,
    list_entries,
    show_receipt,
    show_public_key,
    list_public_keys,
)
