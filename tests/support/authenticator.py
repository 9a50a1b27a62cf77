"""A security key in software: what a browser would bring back of one, right or with one thing wrong."""

import base64
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from msgspec import Struct, field

UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40
DAY = timedelta(days=1)
ORIGIN, RP_ID = "http://localhost:4000", "localhost"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Said(Struct, frozen=True, kw_only=True):
    """What browser and key say; a test changes one of it."""

    origin: str = ORIGIN
    rp_id: str = RP_ID
    type: str | None = None
    flags: int = UP | UV
    count: int | None = None
    """None: one more than the last time."""
    client: Mapping[str, Any] = {}
    """More members of clientDataJSON."""
    raw_client: bytes | None = None
    trailing: bytes = b""
    format: str = "none"
    maker: "Maker | None" = None
    """Whoever vouches for the key; without one it attests itself, if anything."""
    aaguid: bytes = bytes(16)


RIGHT = Said()


class Maker:
    """Of security keys: a root, and a certificate under it that attests them."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        root, self._private = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Maker")])
        made = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Batch 1")])

        def signed(subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, authority: bool) -> x509.Certificate:
            return (
                x509.CertificateBuilder(name, subject, key.public_key(), x509.random_serial_number(), now, now + DAY)
                .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
                .sign(root, SHA256())
            )

        self.root = signed(name, root, authority=True).public_bytes(Encoding.PEM)
        self.certificate = signed(made, self._private, authority=False).public_bytes(Encoding.DER)

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message, ec.ECDSA(SHA256()))


class SoftwareKey(Struct):
    """One credential. ``alg`` is -7, -8 or -257, and whatever else a test wants to see refused."""

    alg: int = -7
    count: int = 0
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    private: Any = None

    def __post_init__(self) -> None:
        makers: dict[int, Any] = {
            -8: ed25519.Ed25519PrivateKey.generate,
            -257: lambda: rsa.generate_private_key(65537, 2048),
        }
        self.private = makers.get(self.alg, lambda: ec.generate_private_key(ec.SECP256R1()))()

    def cose(self) -> bytes:
        public = self.private.public_key()
        if self.alg == -8:
            return cbor2.dumps({1: 1, 3: -8, -1: 6, -2: public.public_bytes_raw()})
        if self.alg == -257:
            numbers = public.public_numbers()
            return cbor2.dumps({1: 3, 3: -257, -1: numbers.n.to_bytes(256), -2: numbers.e.to_bytes(3)})
        numbers = public.public_numbers()
        return cbor2.dumps({1: 2, 3: self.alg, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})

    def sign(self, message: bytes) -> bytes:
        if self.alg == -8:
            signature: bytes = self.private.sign(message)
        elif self.alg == -257:
            signature = self.private.sign(message, PKCS1v15(), SHA256())
        else:
            signature = self.private.sign(message, ec.ECDSA(SHA256()))
        return signature

    def create(self, challenge: str, said: Said = RIGHT) -> dict[str, str]:
        """As navigator.credentials.create, in the members of POST /signup/attestation."""
        client = self._client(challenge, said, "webauthn.create")
        attested = said.aaguid + len(self.credential_id).to_bytes(2) + self.credential_id + self.cose()
        data = self._data(said, AT) + attested + said.trailing
        statement: dict[str, Any] = {}
        message = data + sha256(client).digest()
        if said.maker:
            statement = {"alg": -7, "sig": said.maker.sign(message), "x5c": [said.maker.certificate]}
        elif said.format == "packed":
            statement = {"alg": self.alg, "sig": self.sign(message)}
        attestation = cbor2.dumps({"fmt": said.format, "attStmt": statement, "authData": data})
        return {
            "credential_id": b64(self.credential_id), "attestation_object": b64(attestation),
            "client_data_json": b64(client),
        }  # fmt: skip

    def get(self, challenge: str, said: Said = RIGHT) -> dict[str, str]:
        """As navigator.credentials.get, in the members of a webauthn_assertion."""
        client = self._client(challenge, said, "webauthn.get")
        data = self._data(said, 0) + said.trailing
        return {
            "credential_id": b64(self.credential_id), "authenticator_data": b64(data), "client_data_json": b64(client),
            "signature": b64(self.sign(data + sha256(client).digest())),
        }  # fmt: skip

    def _client(self, challenge: str, said: Said, kind: str) -> bytes:
        if said.raw_client is not None:
            return said.raw_client
        whole = {"type": said.type or kind, "challenge": challenge, "origin": said.origin, "crossOrigin": False}
        return json.dumps({**whole, **said.client}, separators=(",", ":")).encode()

    def _data(self, said: Said, more: int) -> bytes:
        if said.count is None:
            self.count += 1
        count = self.count if said.count is None else said.count
        return sha256(said.rp_id.encode()).digest() + bytes([said.flags | more]) + count.to_bytes(4)
