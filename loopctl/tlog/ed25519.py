"""Public keys that must never be configured, because libraries disagree about their signatures (RFC 8032, 5.1)."""

from loopctl.tlog.errors import TlogError

PRIME = 2**255 - 19
CURVE_D = -121665 * pow(121666, -1, PRIME) % PRIME

# Of the two pairs of points of order 8. Under a point of small order one signature is good for many messages.
ORDER_EIGHT = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
SMALL_ORDER = frozenset({0, 1, PRIME - 1, ORDER_EIGHT, PRIME - ORDER_EIGHT})
"""The y coordinates of all eight points of small order; the sign of x makes two keys of most of them."""


def check_public_key(key: bytes, place: str) -> None:
    """``key`` is the one encoding of a point of the curve that is not of small order."""
    if len(key) != 32:
        raise TlogError("key_malformed", place, f"an Ed25519 key has 32 bytes, not {len(key)}")
    y = int.from_bytes(key, "little") & (1 << 255) - 1
    if y >= PRIME:
        raise TlogError("key_weak", place, "the encoding of the point is not canonical")
    if y in SMALL_ORDER:
        raise TlogError("key_weak", place, "a point of small order")
    # x^2 = (y^2 - 1) / (d y^2 + 1) must be a square; x = 0, which has no sign, is a point of small order.
    square = (y * y - 1) * pow(CURVE_D * y * y + 1, -1, PRIME) % PRIME
    if pow(square, (PRIME - 1) // 2, PRIME) != 1:
        raise TlogError("key_weak", place, "not a point of the curve")
