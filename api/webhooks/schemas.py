"""Webhooks on the wire (spec 02, sections 8.1 and 17.4)."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from api.http.query import one_of
from api.pages import PageQuery
from api.times import read_time, wire_time
from domain.errors import Invalid
from domain.fields import must_be, must_be_one_of
from domain.webhook import EVENT_TYPES, TEST, Webhook, WebhookFields
from domain.webhook_payload import delivery_id
from loopctl.webhook_signatures import standard_secret
from projections.rows.webhook_deliveries import Wanted
from projections.rows.webhooks import Standing

Text = Annotated[str, Meta(max_length=65_536)]
State = Literal["pending", "delivered", "failed", "exhausted"]
ENDED: tuple[State, ...] = ("delivered", "failed", "exhausted")
UNDELIVERED: tuple[State, ...] = ("failed", "exhausted")
TIME_FORM = "must be ISO 8601 with an offset; a + in it is written %2B"


class WebhookBody(Struct, frozen=True, kw_only=True):
    """What is left out stays; null as project_id is every project."""

    url: Text | UnsetType | None = UNSET
    events: Annotated[list[Text], Meta(max_length=1000)] | UnsetType | None = UNSET
    project_id: UUID | UnsetType | None = UNSET
    ordered: bool | UnsetType | None = UNSET
    active: bool | UnsetType | None = UNSET

    @property
    def address(self) -> str | None:
        """Where it is to go, if that is said."""
        return self.url.strip() if self.url else None

    def fields(self, url_problem: str | None, *, project_is_there: bool) -> WebhookFields:
        return WebhookFields(
            url=UNSET if self.url in (UNSET, None) else self.address or "", url_problem=url_problem,
            events=UNSET if self.events is None else self.events, project_id=self.project_id,
            project_is_there=project_is_there, ordered=UNSET if self.ordered is None else self.ordered,
            active=UNSET if self.active is None else self.active,
        )  # fmt: skip


class CreateWebhookBody(WebhookBody, frozen=True, kw_only=True):
    """``url`` and ``events`` must be there."""


class TestBody(Struct, frozen=True, kw_only=True):
    event_type: Text | None = None

    def kind(self) -> str:
        """Raises Invalid."""
        if self.event_type and self.event_type not in EVENT_TYPES:
            raise Invalid(event_type=must_be_one_of(EVENT_TYPES))
        return self.event_type or TEST


class ReplayBody(Struct, frozen=True, kw_only=True):
    """By position in the log, everything that the webhook is for; by time, or with statuses, deliveries that there
    are."""

    from_position: Annotated[int, Meta(ge=0)] | None = None
    to_position: Annotated[int, Meta(ge=0)] | None = None
    since: Text | None = None
    until: Text | None = None
    statuses: Annotated[list[Text], Meta(max_length=10)] | None = None

    def wish(self) -> "Replay":
        """Raises Invalid."""
        by_position = self.from_position is not None or self.to_position is not None
        if by_position == (self.since is not None or self.until is not None):
            raise Invalid(from_position="say from_position and to_position, or since and until, and not both")
        if self.statuses is not None and (not self.statuses or any(each not in ENDED for each in self.statuses)):
            raise Invalid(statuses=must_be(f"some of {', '.join(ENDED)}"))
        if by_position and (self.from_position is None or self.to_position is None):
            raise Invalid(**{"to_position" if self.to_position is None else "from_position": "can't be blank"})
        if self.from_position is not None and self.to_position is not None and self.from_position > self.to_position:
            raise Invalid(to_position="must not be before from_position")
        return Replay(
            by_position=by_position, from_position=self.from_position, to_position=self.to_position,
            since=_time("since", self.since), until=_time("until", self.until),
            statuses=tuple(self.statuses) if self.statuses else None,
        )  # fmt: skip


class Replay(Struct, frozen=True, kw_only=True):
    """What of a webhook's deliveries is to begin anew."""

    by_position: bool
    from_position: int | None
    to_position: int | None
    since: datetime | None
    until: datetime | None
    statuses: tuple[str, ...] | None


class DeliveriesQuery(PageQuery, frozen=True, kw_only=True):
    status: Annotated[State, Meta(description="Only these.")] | UnsetType = UNSET
    event_type: Annotated[str, one_of("Only of this type.", *EVENT_TYPES)] | UnsetType = UNSET
    since: Annotated[str, Meta(description="Not before this time: ISO 8601 with offset.")] | UnsetType = UNSET
    until: Annotated[str, Meta(description="Not after this time: ISO 8601 with offset.")] | UnsetType = UNSET

    def wanted(self) -> Wanted:
        """Raises Invalid."""
        return Wanted(
            state=self.status or None, event_type=self.event_type or None, since=_time("since", self.since or None),
            until=_time("until", self.until or None),
        )  # fmt: skip


def _time(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    at = read_time(text)
    if at is None:
        raise Invalid(**{name: TIME_FORM})
    return at


def webhook_body(webhook: Webhook, standing: Standing) -> dict[str, Any]:
    return {
        "id": webhook.webhook_id,
        "url": webhook.url,
        "events": webhook.events,
        "project_id": webhook.project_id,
        "ordered": webhook.ordered,
        "active": webhook.active,
        "disabled_reason": webhook.disabled_reason,
        "disabled_at": wire_time(webhook.disabled_at),
        "consecutive_failures": standing.consecutive_failures,
        "paused_until": wire_time(standing.paused_until),
        "last_delivery_at": wire_time(standing.last_delivery_at),
        "last_error": standing.last_error,
        "secret_rotated_at": wire_time(webhook.secret_rotated_at),
        "inserted_at": wire_time(webhook.created_at),
        "updated_at": wire_time(webhook.updated_at),
    }


def secret_members(secret: str) -> dict[str, str]:
    """One secret, as the signature of the body takes it and as libraries for Standard Webhooks do."""
    return {"signing_secret": secret, "standard_webhooks_secret": standard_secret(secret)}


def delivery_body(webhook_id: UUID, row: Any) -> dict[str, Any]:
    return {
        "id": delivery_id(webhook_id, row["position"]),
        "position": row["position"],
        "event_type": row["event_type"],
        "status": row["state"],
        "attempts": row["attempts"],
        "next_attempt_at": wire_time(row["next_at"]) if row["state"] == "pending" else None,
        "last_attempt_at": wire_time(row["last_attempt_at"]),
        "delivered_at": wire_time(row["delivered_at"]),
        "error": row["error"],
        "inserted_at": wire_time(row["created_at"]),
    }


def whole_delivery_body(webhook_id: UUID, row: Any, body: bytes) -> dict[str, Any]:
    id_ = str(delivery_id(webhook_id, row["position"]))
    return {
        **delivery_body(webhook_id, row),
        "payload": msgspec.Raw(body),
        "headers": {
            "Content-Type": "application/json",
            "User-Agent": "Loopctl-Webhook/1.0",
            "webhook-id": id_,
            "X-Webhook-ID": id_,
            "X-Loopctl-Event": row["event_type"],
        },
        "history": msgspec.Raw(row["history"].encode()),
    }
