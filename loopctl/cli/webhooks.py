"""`loopctl webhook`: where the tenant's events are sent, and what became of them."""

from dataclasses import dataclass
from typing import Any

from cyclopts import App, Parameter

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.listening import listen
from loopctl.cli.naming import project_id_or_none
from loopctl.cli.options import ANYWHERE, FIRST_PAGE, PLAIN, Common, Flag, Pages, Scope
from loopctl.cli.output import Columns, note
from loopctl.cli.session import session
from loopctl.cli.settings import OWNING
from loopctl.cli.signatures import verify
from loopctl.cli.stepping import said

app = App(name="webhook")
app.command(listen)
app.command(verify)

WEBHOOK: Columns = ("id", "url", "events", "active", "consecutive_failures", "last_delivery_at", "last_error")
DELIVERY: Columns = ("id", "position", "event_type", "status", "attempts", "next_attempt_at", "error")
SHOWN_ONCE = "The secret is shown this once: give it to the receiver now."


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Part:
    """Of the past.

    Parameters
    ----------
    from_position
        First position in the log.
    to_position
        Last position in the log.
    since
        Not before this time: 2026-03-27T12:00:00Z.
    until
        Not after this time.
    status
        Only deliveries that are delivered, failed or exhausted; with commas between several.
    """

    from_position: int | None = None
    to_position: int | None = None
    since: str | None = None
    until: str | None = None
    status: str | None = None


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Change:
    """What changes of a webhook.

    Parameters
    ----------
    url
        Where to: https, to a public address.
    events
        Which types, with commas between: story.verified,story.rejected. `loopctl webhook types` lists them.
    all_projects
        Of every project, and no longer of one.
    activate
        Begin again; what was held is sent.
    deactivate
        Send nothing, and hold what is on its way.
    ordered
        What happens to one story arrives in its order; --no-ordered lets it overtake.
    """

    url: str | None = None
    events: str | None = None
    all_projects: Flag = False
    activate: Flag = False
    deactivate: Flag = False
    ordered: bool | None = None


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Which:
    """Which deliveries.

    Parameters
    ----------
    status
        Only these: pending, delivered, failed or exhausted.
    event
        Only of this type.
    """

    status: str | None = None
    event: str | None = None


NOTHING, ANY_PART, ANY = Change(), Part(), Which()


@app.command
def create(*, url: str, events: str, ordered: bool = True, scope: Scope = ANYWHERE) -> None:
    """Subscribe an address to events. The secret that requests are signed with is shown this once.

    Parameters
    ----------
    url
        Where to: https, to a public address. It is in the log, so put no secret into it.
    events
        Which types, with commas between: story.verified,story.rejected. `loopctl webhook types` lists them.
    ordered
        What happens to one story arrives in its order; --no-ordered lets it overtake.
    """
    with session(scope, OWNING) as asked:
        body: dict[str, Any] = {"url": url, "events": _listed(events), "ordered": ordered}
        if scope.project:
            body["project_id"] = project_id_or_none(asked, scope.project)
        asked.show(asked.client.post("webhooks", body))
        note(SHOWN_ONCE)


@app.command(name="list")
def list_(*, pages: Pages = FIRST_PAGE, common: Common = PLAIN) -> None:
    """List the webhooks, the newest first."""
    with session(common, OWNING) as asked:
        asked.show_list("webhooks", pages, WEBHOOK)


@app.command
def types(*, common: Common = PLAIN) -> None:
    """List the types of events."""
    with session(common, OWNING) as asked:
        asked.show(asked.client.get("webhooks/event-types"))


@app.command
def show(webhook: str, /, *, common: Common = PLAIN) -> None:
    """Show a webhook: whether it is active, how its receiver does, and since when it is paused.

    Parameters
    ----------
    webhook
        Its id.
    """
    with session(common, OWNING) as asked:
        asked.show(asked.client.get(f"webhooks/{webhook}"))


@app.command
def update(webhook: str, /, *, change: Change = NOTHING, scope: Scope = ANYWHERE) -> None:
    """Change a webhook. Active again, it is sent what was held.

    Parameters
    ----------
    webhook
        Its id.
    """
    if change.activate and change.deactivate:
        raise Stop(Exit.USAGE, "--activate or --deactivate, not both.")
    active = True if change.activate else False if change.deactivate else None
    with session(scope, OWNING) as asked:
        events = None if change.events is None else _listed(change.events)
        body = said(url=change.url, events=events, ordered=change.ordered, active=active)
        if change.all_projects:
            body["project_id"] = None
        elif scope.project:
            body["project_id"] = project_id_or_none(asked, scope.project)
        asked.show(asked.client.request("PATCH", f"webhooks/{webhook}", body))


@app.command
def delete(webhook: str, /, *, common: Common = PLAIN) -> None:
    """Delete a webhook, with its deliveries.

    Parameters
    ----------
    webhook
        Its id.
    """
    with session(common, OWNING) as asked:
        asked.show(asked.client.request("DELETE", f"webhooks/{webhook}"))


@app.command(name="test")
def send_test(webhook: str, /, *, event: str | None = None, common: Common = PLAIN) -> None:
    """Send a test event, also to a webhook that is not active.

    Parameters
    ----------
    webhook
        Its id.
    event
        An example of this type; else webhook.test.
    """
    with session(common, OWNING) as asked:
        asked.show(asked.client.post(f"webhooks/{webhook}/test", said(event_type=event)))


@app.command
def deliveries(
    webhook: str, delivery: str | None = None, /, *, which: Which = ANY, pages: Pages = FIRST_PAGE,
    common: Common = PLAIN,
) -> None:  # fmt: skip
    """List what was sent and what became of it, the newest first; or show one delivery with all its attempts.

    Parameters
    ----------
    webhook
        Its id.
    delivery
        Id of one of them.
    """
    with session(common, OWNING) as asked:
        path = f"webhooks/{webhook}/deliveries"
        if delivery is not None:
            asked.show(asked.client.get(f"{path}/{delivery}"))
        else:
            asked.show_list(path, pages, DELIVERY, status=which.status, event_type=which.event)


@app.command
def redeliver(webhook: str, delivery: str, /, *, common: Common = PLAIN) -> None:
    """Deliver once more, with the same id and the same bytes.

    Parameters
    ----------
    webhook
        Its id.
    delivery
        Id of the delivery.
    """
    with session(common, OWNING) as asked:
        asked.show(asked.client.post(f"webhooks/{webhook}/deliveries/{delivery}/redeliver", {}))


@app.command
def replay(webhook: str, /, *, part: Part = ANY_PART, common: Common = PLAIN) -> None:
    """Deliver a part of the past once more: by positions of the log everything, by time what was given up.

    Parameters
    ----------
    webhook
        Its id.
    """
    statuses = None if part.status is None else _listed(part.status)
    body = said(
        from_position=part.from_position, to_position=part.to_position, since=part.since, until=part.until,
        statuses=statuses,
    )  # fmt: skip
    with session(common, OWNING) as asked:
        asked.show(asked.client.post(f"webhooks/{webhook}/replay", body))


@app.command
def rotate(webhook: str, /, *, common: Common = PLAIN) -> None:
    """Replace a webhook's secret. For a day, requests are signed with both.

    Parameters
    ----------
    webhook
        Its id.
    """
    with session(common, OWNING) as asked:
        asked.show(asked.client.post(f"webhooks/{webhook}/rotate-secret", {}))
        note(SHOWN_ONCE)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
