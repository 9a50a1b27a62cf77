"""Single changed bits in signed capabilities: none is accepted (06, B15).

`make soak ARGS="capability_flips 100000 SEED"`. In the control nobody looks at the signature.
"""

import random
import sys
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from bench.table import at_most
from loopctl.capability import MEMBERS, is_signed, sign

TOKENS = 200
Check = Callable[[Mapping[str, Any], bytes], bool]


class Report(Struct):
    flips: int
    accepted: int
    unreadable: int
    """What is no JSON object any more."""


def tokens(key: Ed25519PrivateKey, chance: random.Random) -> list[dict[str, Any]]:
    def one() -> dict[str, Any]:
        ids = [str(UUID(int=chance.getrandbits(128))) for _ in range(5)]
        return {
            "cap_id": ids[0], "tenant_id": ids[1], "typ": chance.choice(("start_cap", "verify_cap")),
            "story_id": ids[2], "issued_to_lineage": ids[3 : 3 + chance.randint(1, 2)],
            "issued_at": "2026-03-27T12:00:00.000000Z", "expires_at": "2026-03-27T13:00:00.000000Z",
            "nonce": f"{chance.getrandbits(200):x}", "kid": f"{chance.getrandbits(64):016x}",
        }  # fmt: skip

    return [sign(one(), key) for _ in range(TOKENS)]


def run(flips: int, seed: int, check: Check = is_signed) -> Report:
    chance = random.Random(seed)
    key = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
    public = key.public_key().public_bytes_raw()
    signed = tokens(key, chance)
    if not all(check(token, public) for token in signed):
        raise AssertionError("a whole token is refused")
    report = Report(flips, 0, 0)
    for _ in range(flips):
        token = chance.choice(signed)
        text = bytearray(msgspec.json.encode(token))
        bit = chance.randrange(len(text) * 8)
        text[bit // 8] ^= 1 << bit % 8
        try:
            read = msgspec.json.decode(bytes(text), type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError):
            report.unreadable += 1
            continue
        report.accepted += read != token and check(read, public)
    return report


def unsigned(token: Mapping[str, Any], _: bytes) -> bool:
    """The control: whatever has the members of a token."""
    return set(token) == {*MEMBERS, "signature"}


def main(arguments: list[str]) -> int:
    flips = int(arguments[0]) if arguments else 100_000
    seed = int(arguments[1]) if len(arguments) > 1 else random.randrange(2**32)
    report, control = run(flips, seed), run(1000, seed, unsigned)
    print(f"seed {seed}: {report.unreadable} of the changed texts are no JSON any more")
    at_most(f"B15: capabilities with one bit changed accepted, of {report.flips}", report.accepted, 0)
    print(f"control (no signature looked at): {control.accepted} of {control.flips} accepted, as it must be")
    return 1 if report.accepted or not control.accepted else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
