"""Webhooks and their deliveries as the documentation shows them."""

from typing import Any

WEBHOOK: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000061",
    "url": "https://hooks.example.com/loopctl",
    "events": ["story.verified", "story.rejected"],
    "project_id": None,
    "ordered": True,
    "active": True,
    "disabled_reason": None,
    "disabled_at": None,
    "consecutive_failures": 0,
    "paused_until": None,
    "last_delivery_at": None,
    "last_error": None,
    "secret_rotated_at": None,
    "inserted_at": "2026-03-27T12:00:00.000000Z",
    "updated_at": "2026-03-27T12:00:00.000000Z",
}
SECRET: dict[str, Any] = {
    "signing_secret": "6f…64 hexadecimal digits, shown once",
    "standard_webhooks_secret": "whsec_…",
}
DELIVERY: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000068",
    "position": 9,
    "event_type": "story.verified",
    "status": "delivered",
    "attempts": 1,
    "next_attempt_at": None,
    "last_attempt_at": "2026-03-27T12:00:01.000000Z",
    "delivered_at": "2026-03-27T12:00:01.000000Z",
    "error": None,
    "inserted_at": "2026-03-27T12:00:00.000000Z",
}
ATTEMPT: dict[str, Any] = {
    "at": "2026-03-27T12:00:01.000000Z",
    "outcome": "HTTP 200",
    "seconds": 0.021,
}
WHOLE_DELIVERY: dict[str, Any] = {
    **DELIVERY,
    "payload": {"event": "story.verified", "story_id": "0193a2b4-0000-7000-8000-000000000004"},
    "headers": {"Content-Type": "application/json", "webhook-id": "0193a2b4-0000-7000-8000-000000000068"},
    "history": [ATTEMPT],
}
QUEUED: dict[str, Any] = {"webhook_event_id": "0193a2b4-0000-7000-8000-000000000068", "status": "pending"}
