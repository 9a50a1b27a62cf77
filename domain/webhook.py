"""Webhooks: where a tenant wants to be told what happens, and of what (spec 02, section 8)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal, assert_never
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType, structs

from domain.errors import Conflict, Invalid
from domain.event import Event, Events, Recorded
from domain.fields import BLANK, INVALID, Problems, several

EVENT_TYPES: tuple[str, ...] = (
    "story.status_changed", "story.review_requested", "story.review_completed", "story.verified", "story.rejected",
    "story.auto_reset", "story.force_unclaimed", "story.backfilled", "story.commented", "story.flagged_for_rereview",
    "epic.completed", "artifact.reported", "agent.registered", "project.imported", "webhook.test",
    "token.budget_warning", "token.budget_exceeded", "token.anomaly_detected", "skill.cost_regression_detected",
    "article.created", "article.updated", "article.published", "article.unpublished", "article.archived",
    "article.superseded", "article_link.created", "article_link.deleted",
)  # fmt: skip
TEST = "webhook.test"
LONGEST_URL = 255
MOST_EVENTS = 100
"""Types named in one subscription, repetitions included."""

DisabledReason = Literal["failures", "gone"]
"""Deliveries were given up one after the other; or the receiver has said that it is gone (410)."""


class WebhookCreated(Event, frozen=True, kw_only=True):
    """The secret is in no event."""

    TAG: ClassVar[str] = "webhook.created"
    url: str
    events: Sequence[str]
    project_id: UUID | None = None
    ordered: bool = True


class WebhookUpdated(Event, frozen=True, kw_only=True):
    """Members that are left out did not change."""

    TAG: ClassVar[str] = "webhook.updated"
    active_was: bool
    url: str | UnsetType = UNSET
    events: Sequence[str] | UnsetType = UNSET
    project_id: UUID | UnsetType | None = UNSET
    ordered: bool | UnsetType = UNSET
    active: bool | UnsetType = UNSET


class WebhookDisabled(Event, frozen=True, kw_only=True):
    """By the service: nobody takes what is sent there. What was to be sent is held."""

    TAG: ClassVar[str] = "webhook.disabled"
    reason: DisabledReason
    consecutive_failures: int
    threshold: int
    last_error: str | None = None


class WebhookSecretRotated(Event, frozen=True, kw_only=True):
    """Until ``previous_until`` the secret before is signed with as well."""

    TAG: ClassVar[str] = "webhook.secret_rotated"
    previous_until: datetime


class WebhookTested(Event, frozen=True, kw_only=True):
    """Is itself delivered, as an event of ``event_type``."""

    TAG: ClassVar[str] = "webhook.tested"
    event_type: str


class WebhookRedelivered(Event, frozen=True, kw_only=True):
    """The delivery of the event at ``delivered_position`` begins anew."""

    TAG: ClassVar[str] = "webhook.redelivered"
    delivered_position: int


class WebhookReplayed(Event, frozen=True, kw_only=True):
    """``count`` deliveries begin anew, of events from ``from_position`` to ``to_position``, both included."""

    TAG: ClassVar[str] = "webhook.replayed"
    from_position: int
    to_position: int
    count: int


class WebhookDeleted(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "webhook.deleted"
    url: str


WebhookEvent = (
    WebhookCreated | WebhookUpdated | WebhookDisabled | WebhookSecretRotated | WebhookTested | WebhookRedelivered
    | WebhookReplayed | WebhookDeleted
)  # fmt: skip
WEBHOOK_EVENTS = Events[WebhookEvent](WebhookEvent)


class Webhook(Struct, frozen=True, kw_only=True):
    """A subscription as its events leave it; a row of app.webhook."""

    webhook_id: UUID
    url: str
    events: tuple[str, ...]
    project_id: UUID | None
    ordered: bool
    """Whether what happened to one story arrives in the order in which it happened."""
    active: bool
    disabled_reason: DisabledReason | None
    disabled_at: datetime | None
    secret_rotated_at: datetime | None
    created_at: datetime
    updated_at: datetime
    position: int
    """Of the newest event."""


class WebhookFields(Struct, frozen=True, kw_only=True):
    """As the client said them. ``url_problem`` is what speaks against connecting there."""

    url: str | UnsetType = UNSET
    url_problem: str | None = None
    events: Sequence[str] | UnsetType = UNSET
    project_id: UUID | UnsetType | None = UNSET
    project_is_there: bool = True
    ordered: bool | UnsetType = UNSET
    active: bool | UnsetType = UNSET


def create_webhook(fields: WebhookFields, webhooks: int, most_webhooks: int) -> WebhookCreated:
    """``webhooks`` is how many the tenant has, inactive ones included. Raises Invalid."""
    if webhooks >= most_webhooks:
        raise Invalid(
            f"Webhook limit reached for this tenant ({most_webhooks}): delete one, or raise max_webhooks",
            code="limit_reached",
        )
    problems = Problems()
    if fields.url is UNSET:
        problems.add("url", BLANK)
    if fields.events is UNSET:
        problems.add("events", BLANK)
    if fields.active is False:
        problems.add("active", f"{INVALID}: a new webhook is active; change it afterwards")
    _check(problems, fields)
    problems.raise_any()
    return WebhookCreated(
        url=fields.url or "", events=_distinct(fields.events or ()), project_id=fields.project_id or None,
        ordered=fields.ordered is not False,
    )  # fmt: skip


def update_webhook(webhook: Webhook, fields: WebhookFields) -> tuple[WebhookUpdated, ...]:
    """Nothing when nothing changes. Raises Invalid."""
    problems = Problems()
    _check(problems, fields)
    problems.raise_any()
    given: dict[str, Any] = {
        "url": fields.url, "events": fields.events if fields.events is UNSET else _distinct(fields.events),
        "project_id": fields.project_id, "ordered": fields.ordered, "active": fields.active,
    }  # fmt: skip
    changed = {name: value for name, value in given.items() if value is not UNSET and value != getattr(webhook, name)}
    return (WebhookUpdated(active_was=webhook.active, **changed),) if changed else ()


def disable_webhook(webhook: Webhook, disabled: WebhookDisabled) -> tuple[WebhookDisabled, ...]:
    """Nothing when somebody was first."""
    return (disabled,) if webhook.active else ()


def redeliver(delivery_state: str, position: int) -> WebhookRedelivered:
    """Raises Conflict for one that is still on its way."""
    if delivery_state == "pending":
        raise Conflict(
            "The delivery is on its way already", current_state=delivery_state, attempted_action="redeliver",
            hints=["Wait until it is delivered or given up; see its attempts and when the next one is due."],
        )  # fmt: skip
    return WebhookRedelivered(delivered_position=position)


def evolve_webhook(webhook: Webhook | None, recorded: Recorded) -> Webhook | None:
    """The webhook after one more event of its stream."""
    event = recorded.event
    if not WEBHOOK_EVENTS.has(event):
        return webhook
    if isinstance(event, WebhookCreated):
        return Webhook(
            webhook_id=recorded.stream.id, url=event.url, events=tuple(event.events), project_id=event.project_id,
            ordered=event.ordered, active=True, disabled_reason=None, disabled_at=None, secret_rotated_at=None,
            created_at=recorded.at, updated_at=recorded.at, position=recorded.position,
        )  # fmt: skip
    if webhook is None or isinstance(event, WebhookDeleted):
        return None
    return _changed(webhook, recorded, event)


def _changed(webhook: Webhook, recorded: Recorded, event: WebhookEvent) -> Webhook:
    changes: dict[str, Any] = {"updated_at": recorded.at}
    match event:
        case WebhookUpdated():
            names = ("url", "events", "project_id", "ordered", "active")
            changes |= {name: value for name in names if (value := getattr(event, name)) is not UNSET}
            if "events" in changes:
                changes["events"] = tuple(changes["events"])
            if "active" in changes:
                changes |= {"disabled_reason": None, "disabled_at": None}
        case WebhookDisabled():
            changes |= {"active": False, "disabled_reason": event.reason, "disabled_at": recorded.at}
        case WebhookSecretRotated():
            changes["secret_rotated_at"] = recorded.at
        case WebhookTested() | WebhookRedelivered() | WebhookReplayed() | WebhookCreated() | WebhookDeleted():
            changes = {}
        case _:
            assert_never(event)
    return structs.replace(webhook, **changes, position=recorded.position)


def _check(problems: Problems, fields: WebhookFields) -> None:
    if fields.url is not UNSET:
        if not fields.url:
            problems.add("url", BLANK)
        elif len(fields.url) > LONGEST_URL:
            problems.add("url", f"should be at most {LONGEST_URL} character(s)")
        elif fields.url_problem:
            problems.add("url", fields.url_problem)
    if fields.events is not UNSET:
        _check_events(problems, fields.events)
    if fields.project_id is not UNSET and fields.project_id is not None and not fields.project_is_there:
        problems.add("project_id", "does not exist")


def _check_events(problems: Problems, events: Sequence[str]) -> None:
    if not events:
        problems.add("events", f"{BLANK}: name at least one event type")
    elif len(events) > MOST_EVENTS:
        problems.add("events", f"should have at most {MOST_EVENTS} item(s)")
    elif unknown := [name for name in _distinct(events) if name not in EVENT_TYPES]:
        verdict = "is no event type" if len(unknown) == 1 else "are no event types"
        problems.add(
            "events", f"{INVALID}: {several(unknown)} {verdict}; GET /api/v1/webhooks/event-types lists them"
        )  # fmt: skip


def _distinct(events: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(events))
