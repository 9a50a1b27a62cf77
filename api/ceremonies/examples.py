"""Ceremonies as the documentation shows them."""

from typing import Any

from api.authenticators.examples import CHALLENGE

CEREMONY = "0193a2b4-0000-4000-8000-000000000071"
BEGUN: dict[str, Any] = {
    "ceremony_id": CEREMONY,
    "url": f"https://loopctl.example/ceremonies/{CEREMONY}",
    "user_code": "BCDF-GHJK",
    "poll_secret": "c2VjcmV0",
    **CHALLENGE,
}
STANDING: dict[str, Any] = {
    "ceremony_id": CEREMONY,
    "status": "pending",
    "expires_at": "2026-03-27T12:02:00.000000Z",
}
CONFIRMED: dict[str, Any] = {"ceremony_id": CEREMONY, "status": "confirmed"}
SHOWN: dict[str, Any] = {
    **CHALLENGE,
    "status": "pending",
    "user_code": "BCDF-GHJK",
    "method": "DELETE",
    "path": "/api/v1/projects/my-app",
    "body": {},
    "key_name": "root",
}
