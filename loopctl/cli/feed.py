"""What has happened, and waiting for what will: changes, audit, wait."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cyclopts import Parameter

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.naming import project_id, project_id_or_none, story_id
from loopctl.cli.options import ANYWHERE, FIRST_PAGE, Flag, Pages, Scope
from loopctl.cli.output import EVENT, note
from loopctl.cli.session import Session, session
from loopctl.cli.settings import AUDITING, READING
from loopctl.cli.streams import nobody_reads
from loopctl.cli.vocabulary import Status, check_action
from loopctl.client import Query, Refused, Unreachable

POLL_SECONDS = 1.0
Look = Callable[[], tuple[bool, Any]]
"""Whether it is so, and what was seen."""


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Matching:
    """Which entries.

    Parameters
    ----------
    entity_type
        Such as story, epic, project or api_key; a wrong one is answered with the list.
    action
        Such as status_changed, verified or rejected; a wrong one is answered with the list.
    """

    entity_type: str | None = None
    action: str | None = None


ALL = Matching()
AGO = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def changes(
    *, since: str | None = None, cursor: str | None = None, follow: Flag = False, matching: Matching = ALL,
    scope: Scope = ANYWHERE,
) -> None:  # fmt: skip
    """Show what has changed, oldest first.

    Parameters
    ----------
    since
        A time (2026-03-27T12:00:00Z), or how long ago (30s, 10m, 2h, 7d). Without it and a cursor: an hour.
    cursor
        Go on behind this place: the `cursor` of an answer, or the `position` of the last change that you have.
    follow
        Go on for ever, one line for each change, also when the server is away for a while; Ctrl-C ends it.
    """
    if since and cursor:
        raise Stop(Exit.USAGE, "--since or --cursor, not both.")
    check_action(matching.entity_type, matching.action)
    wanted: dict[str, Query] = {"entity_type": matching.entity_type, "action": matching.action}
    with session(scope, READING) as asked:
        wanted["project_id"] = project_id_or_none(asked, scope.project)
        begin: dict[str, Query] = {"cursor": cursor} if cursor else {"since": moment(since or "1h", time.time())}
        if follow:
            _follow(asked, wanted, begin)
            return
        answer = asked.client.get("changes", **wanted, **begin)
        asked.show(answer, EVENT)
        asked.output.note(f"Go on: loopctl changes --cursor {answer.get('cursor')}")


def followed(
    asked: Session, wanted: dict[str, Query], begin: dict[str, Query], sleep: Callable[[float], None] = time.sleep
) -> Iterator[Any]:
    """Every change once, for ever: a server that has answered once is waited for, however long it is away."""
    while True:
        answer = asked.client.get("changes", **wanted, **begin)
        asked.client.patient()
        yield from answer["data"]
        begin = {"cursor": answer["cursor"]}
        if not answer.get("has_more"):
            sleep(POLL_SECONDS)


def _follow(asked: Session, wanted: dict[str, Query], begin: dict[str, Query]) -> None:
    """Until nobody reads. Raises Stop after Ctrl-C, with the place behind what was printed."""
    place = begin
    try:
        for change in followed(asked, wanted, begin):
            asked.output.line(change, EVENT, first=place is begin)
            place = {"cursor": change["position"]}
            if nobody_reads():
                return
    except KeyboardInterrupt:
        raise Stop(Exit.INTERRUPTED, "Interrupted.", _behind(place), **place) from None
    except (Refused, Unreachable):
        note(_behind(place))
        raise


def _behind(place: dict[str, Query]) -> str:
    ((name, value),) = place.items()
    return f"Go on behind it: loopctl changes --follow --{name} {value}"


def audit(
    *, since: str | None = None, until: str | None = None, matching: Matching = ALL, pages: Pages = FIRST_PAGE,
    scope: Scope = ANYWHERE,
) -> None:  # fmt: skip
    """Search the audit trail, newest first.

    Parameters
    ----------
    since
        A time, or how long ago: 30s, 10m, 2h, 7d.
    """
    check_action(matching.entity_type, matching.action)
    now = time.time()
    query: dict[str, Query] = {"entity_type": matching.entity_type, "action": matching.action}
    with session(scope, AUDITING) as asked:
        query["project_id"] = project_id_or_none(asked, scope.project)
        query["from"] = moment(since, now) if since else None
        query["to"] = moment(until, now) if until else None
        asked.show_list("audit", pages, EVENT, **query)


def wait(
    story: str | None = None, /, *, until: Status | None = None, timeout: float = 600.0,
    scope: Scope = ANYWHERE,
) -> None:  # fmt: skip
    """Wait until a story has a status, or until all of a project is verified.

    Parameters
    ----------
    story
        Its number or id; without it, the project is waited for.
    until
        A status of the story, its agent's or its verification's. Default: verified.
    timeout
        Seconds; then the exit code is 9. So long, a server that is away is waited for as well.
    """
    if not timeout >= 0:
        raise Stop(Exit.USAGE, "--timeout is a number of seconds, 0 or more.")
    if until and story is None:
        raise Stop(Exit.USAGE, "--until is for a story; a project is waited for until all of it is verified.")
    end = time.monotonic() + timeout
    with session(scope, READING) as asked, _within(asked, timeout):
        look = _story_in(asked, story, scope.project, until or "verified") if story else _verified(asked, scope.project)
        while not (found := look())[0]:
            if time.monotonic() >= end:
                raise Stop(Exit.WAITED, f"Not within {timeout:g} s.", "See where it is: loopctl status", found=found[1])
            time.sleep(min(POLL_SECONDS, max(0.0, end - time.monotonic())))
        asked.show(found[1])


@contextmanager
def _within(asked: Session, seconds: float) -> Iterator[None]:
    """What passes is waited for so long. Raises Stop."""
    asked.client.patient(seconds)
    try:
        yield
    except Unreachable as error:
        raise Stop(Exit.WAITED, f"Not within {seconds:g} s: {error}.", "Is it running? loopctl doctor") from None
    except Refused as refused:
        if not refused.passes:
            raise
        message = refused.error.get("message")
        raise Stop(Exit.WAITED, f"Not within {seconds:g} s: {message}.", "See where it is: loopctl status") from None


def moment(text: str, now: float) -> str:
    """As the wire has times. Raises Stop."""
    number, unit = text[:-1], text[-1:]
    if number.isdigit() and unit in AGO:
        ago = datetime.fromtimestamp(now, UTC) - timedelta(seconds=int(number) * AGO[unit])
        return ago.isoformat().replace("+00:00", "Z")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Stop(
            Exit.USAGE, f"{text!r} is no time.", "Such as 2026-03-27T12:00:00Z, or 10m for ten minutes ago"
        ) from None
    if found.tzinfo is None:
        note(f"{text} is taken as UTC")
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()


def _story_in(asked: Session, story: str, project: str | None, status: str) -> Look:
    id_ = story_id(asked, story, project)

    def look() -> tuple[bool, Any]:
        shown = asked.client.get(f"stories/{id_}")
        return status in (shown["story"]["agent_status"], shown["story"]["verified_status"]), shown

    return look


def _verified(asked: Session, project: str | None) -> Look:
    id_ = project_id(asked, project)

    def look() -> tuple[bool, Any]:
        shown = asked.client.get(f"projects/{id_}/progress")
        progress = shown["progress"]
        return progress["stories_by_verified_status"]["verified"] == progress["total_stories"], shown

    return look
