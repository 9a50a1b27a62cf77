"""How requests of webhooks are signed, and how a receiver checks them: twice, with one secret.

``X-Loopctl-Signature`` is an HMAC of the body, which any shell can make; it says nothing of when. The three headers
of Standard Webhooks 1.0.0 sign the delivery's id and the time of the attempt as well: what a receiver should check.
"""

import base64
import hmac
import time
from collections.abc import Mapping
from hashlib import sha256

LOOPCTL = "x-loopctl-signature"
PREVIOUS = "x-loopctl-signature-previous"
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE_SECONDS = 300.0
LONGEST_TIMESTAMP = 15
PREFIX = "whsec_"


class NotSigned(Exception):
    """The request is not one that whoever has the secret has sent, or not now. The message says what is wrong."""


def standard_secret(secret: str) -> str:
    """The same secret as libraries for Standard Webhooks want it: ``whsec_`` and its characters in base64."""
    return PREFIX + base64.b64encode(secret.encode()).decode()


def sign_body(secret: str, body: bytes) -> str:
    """For X-Loopctl-Signature."""
    return "sha256=" + hmac.digest(secret.encode(), body, sha256).hex()


def sign_attempt(secret: str, id_: str, timestamp: str, body: bytes) -> str:
    """For webhook-signature."""
    signed = b".".join((id_.encode(), timestamp.encode(), body))
    return "v1," + base64.b64encode(hmac.digest(secret.encode(), signed, sha256)).decode()


def check(secret: str, headers: Mapping[str, str], body: bytes, now: float | None = None) -> str:
    """The id of the delivery, by which repetitions are known; "" where only the body is signed. ``secret`` in either
    form. Raises NotSigned."""
    key = _plain(secret)
    said = {name.lower(): value for name, value in headers.items()}
    if SIGNATURE in said:
        return _check_attempt(key, said, body, time.time() if now is None else now)
    given = [said[name] for name in (LOOPCTL, PREVIOUS) if name in said]
    if not given:
        raise NotSigned(f"there is neither {SIGNATURE} nor {LOOPCTL}")
    if not any(hmac.compare_digest(each.encode(), sign_body(key, body).encode()) for each in given):
        raise NotSigned("the body is not what was signed, or it was signed with another secret")
    return ""


def _check_attempt(secret: str, said: Mapping[str, str], body: bytes, now: float) -> str:
    id_, timestamp = said.get(ID, ""), said.get(TIMESTAMP, "")
    if not id_ or not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > LONGEST_TIMESTAMP:
        raise NotSigned(f"{ID} or {TIMESTAMP} is missing or cannot be read")
    expected = sign_attempt(secret, id_, timestamp, body).encode()
    if not any(hmac.compare_digest(each.encode(), expected) for each in said[SIGNATURE].split()):
        raise NotSigned("id, time and body are not what was signed, or were signed with another secret")
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise NotSigned(f"it was sent {abs(now - int(timestamp)):.0f} s away from now: a repetition, or a wrong clock")
    return id_


def _plain(secret: str) -> str:
    if not secret.startswith(PREFIX):
        return secret
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True).decode("ascii")
    except ValueError:
        raise NotSigned(f"the secret is not {PREFIX} and base64") from None
