"""Verifier keys: ours, those of others, and keys that must never be configured."""

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from loopctl.tlog.ed25519 import CURVE_D, PRIME, SMALL_ORDER, check_public_key
from loopctl.tlog.errors import TlogError
from loopctl.tlog.signer import Cosigner, LogSigner
from loopctl.tlog.vkey import KeyType, VerifierKey, is_key_name, parse_vkey, verifier_key
from tests.loopctl.tlog.samples import LOG, ORIGIN, SECOND, WITNESS, WORKED, private_key, rejects, vectors

KEYS = WORKED["keys"]


def test_the_worked_keys_have_the_worked_ids_and_texts() -> None:
    assert LOG.key.public_key.hex() == KEYS["log_public_key"]
    assert LOG.key.key_id.hex() == KEYS["log_key_id"]
    assert [LOG.key.text(), SECOND.key.text()] == [KEYS["log_vkey"], KEYS["second_log_vkey"]]
    assert WITNESS.key.public_key.hex() == KEYS["witness_public_key"]
    assert [WITNESS.key.key_id.hex(), WITNESS.key.text()] == [KEYS["witness_key_id"], KEYS["witness_vkey"]]
    as_type_1 = LogSigner(WITNESS.key.name, private_key(0x20)).key
    assert as_type_1.key_id.hex() == KEYS["witness_key_id_as_type_1"]


def test_the_worked_post_quantum_key_has_the_worked_id() -> None:
    public = MLDSA44PrivateKey.from_seed_bytes(bytes(range(32))).public_key().public_bytes_raw()
    key = verifier_key("witness.example/w1", KeyType.ML_DSA_44, public)
    assert sha256(public).hexdigest() == KEYS["ml_dsa_public_key_sha256"]
    assert key.key_id.hex() == KEYS["ml_dsa_key_id"]
    assert parse_vkey(key.text()) == key


@pytest.mark.parametrize("text", [vkey for note in vectors("published-notes")["notes"] for vkey in note["vkeys"]])
def test_the_keys_of_others_are_read_and_written_back(text: str) -> None:
    assert parse_vkey(text).text() == text


@given(st.text(max_size=300).filter(is_key_name), st.binary(min_size=32, max_size=32))
@settings(deadline=None)
def test_every_key_that_can_be_configured_is_read_back(name: str, seed: bytes) -> None:
    try:
        key = Cosigner(name, Ed25519PrivateKey.from_private_bytes(seed)).key
    except TlogError:
        assert len(name.encode()) > 255
        return
    assert parse_vkey(key.text()) == key


@pytest.mark.parametrize("change", [-1, 0, 1, 5, 9, 30, 31, 32, 40, 60])
def test_a_vkey_with_one_other_character_is_refused(change: int) -> None:
    text = list(KEYS["log_vkey"])
    text[change] = "A" if text[change] != "A" else "B"
    with pytest.raises(TlogError):
        parse_vkey("".join(text))


@pytest.mark.parametrize(
    "text",
    ["", "+", "++", "name", "a+147c6c28", KEYS["log_vkey"] + "\n", KEYS["log_vkey"].replace("147c", "147C"), "a b+c+d"],
)
def test_what_is_no_vkey_is_refused(text: str) -> None:
    with pytest.raises(TlogError):
        parse_vkey(text)


@pytest.mark.parametrize(("kind", "length"), [(1, 31), (1, 33), (4, 31), (6, 32), (6, 1311), (2, 32), (0, 32)])
def test_a_key_of_another_type_or_length_is_refused(kind: int, length: int) -> None:
    material = bytes([kind]) + bytes([9] * length)
    key_id = sha256(b"a\n" + material).digest()[:4].hex()
    with rejects("key_malformed"):
        parse_vkey(f"a+{key_id}+{base64.b64encode(material).decode()}")


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\tb", "a\u00a0b", "a\u2003b", "a\x1fb", "a" * 256, "\ud800"])
def test_a_name_with_blanks_or_plus_signs_is_refused(name: str) -> None:
    with rejects("key_malformed"):
        verifier_key(name, KeyType.ED25519, LOG.key.public_key)


@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("y", sorted(SMALL_ORDER))
def test_a_point_of_small_order_is_refused(y: int, sign: int) -> None:
    with rejects("key_weak"):
        check_public_key((y | sign << 255).to_bytes(32, "little"), "key")


@pytest.mark.parametrize("y", range(19))
def test_a_second_encoding_of_a_point_is_refused(y: int) -> None:
    with rejects("key_weak"):
        check_public_key((PRIME + y).to_bytes(32, "little"), "key")


def test_the_refused_points_are_exactly_those_of_small_order() -> None:
    """Multiplied by eight they vanish; the generator, the negative control, does not."""
    generator = (4 * pow(5, -1, PRIME)) % PRIME
    assert [_times_eight_is_neutral(y) for y in sorted(SMALL_ORDER)] == [True] * 5
    assert not _times_eight_is_neutral(generator)
    check_public_key(generator.to_bytes(32, "little"), "key")


def test_a_number_that_is_no_point_is_refused() -> None:
    outside = next(y for y in range(2, 50) if _square(y) and pow(_square(y), (PRIME - 1) // 2, PRIME) != 1)
    with rejects("key_weak"):
        check_public_key(outside.to_bytes(32, "little"), "key")


def test_a_key_id_is_no_proof_of_a_key() -> None:
    """It has four bytes; whoever has the same one still cannot sign. Here only the name differs."""
    other = VerifierKey(f"{ORIGIN}2", LOG.key.type, LOG.key.public_key)
    assert other.key_id != LOG.key.key_id


def _square(y: int) -> int:
    return (y * y - 1) * pow(CURVE_D * y * y + 1, -1, PRIME) % PRIME


def _times_eight_is_neutral(y: int) -> bool:
    square = _square(y)
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if (x * x - square) % PRIME:
        x = x * pow(2, (PRIME - 1) // 4, PRIME) % PRIME
    assert (x * x - square) % PRIME == 0
    point = (x, y)
    for _ in range(3):
        point = _doubled(point)
    return point == (0, 1)


def _doubled(point: tuple[int, int]) -> tuple[int, int]:
    x, y = point
    product = CURVE_D * x * x * y * y % PRIME
    return 2 * x * y * pow(1 + product, -1, PRIME) % PRIME, (y * y + x * x) * pow(1 - product, -1, PRIME) % PRIME
