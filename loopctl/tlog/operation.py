"""What a person confirms with a security key: one request, and no other (spec 06, section 4.5).

The challenge that the key signs is made of the whole request, so that anybody who has the entry of the log can check
that a person touched a key for exactly this.
"""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from loopctl.tlog.signer import authenticated_encoding

PURPOSE = b"loopctl/webauthn/op/v1"
MEMBER = "webauthn_assertion"
"""Of a body: it is about the request, and no part of it."""


@dataclass(frozen=True)
class Operation:
    """``path`` with its query, as it is sent; ``body_hash`` as ``body_hash`` makes it; ``key_id`` of the caller."""

    tenant_id: UUID
    method: str
    path: str
    body_hash: bytes
    key_id: UUID


def canonical_body(body: Any) -> bytes:
    """A decoded JSON body in one spelling, without the assertion. No body is an empty object."""
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name != MEMBER}
    whole = {} if body is None else body
    return json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def body_hash(body: Any) -> bytes:
    return sha256(canonical_body(body)).digest()


def operation_challenge(nonce: bytes, operation: Operation) -> bytes:
    """32 bytes. ``nonce`` is the server's, fresh for each."""
    return sha256(
        authenticated_encoding(
            PURPOSE, nonce, operation.tenant_id.bytes, operation.method.encode(), operation.path.encode(),
            operation.body_hash, operation.key_id.bytes,
        )
    ).digest()  # fmt: skip
