"""`loopctl webhook listen`: the tenant's events at a local address, with nothing that the internet could reach.

The command follows the change feed and sends what a webhook would have been sent, signed as a webhook's requests are. A
receiver is written and tried out with it; what reaches it in earnest is a webhook's affair.
"""

import secrets
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.feed import followed, moment
from loopctl.cli.naming import project_id_or_none
from loopctl.cli.options import ANYWHERE, Scope
from loopctl.cli.output import Columns, json_text, note
from loopctl.cli.session import Session, session
from loopctl.cli.settings import READING
from loopctl.cli.streams import nobody_reads
from loopctl.client import Query
from loopctl.webhook_signatures import ID, LOOPCTL, SIGNATURE, TIMESTAMP, sign_attempt, sign_body, standard_secret

FORWARDED: Columns = ("position", "event", "id", "answer")
SECONDS = 15.0
LOCAL = ("localhost", "127.0.0.1", "::1")


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """A redirect is an answer, as for a webhook."""


def listen(
    *, forward_to: str, events: str | None = None, since: str | None = None, secret: str | None = None,
    scope: Scope = ANYWHERE,
) -> None:  # fmt: skip
    """Send the tenant's events to a local address as they happen, signed as a webhook's are. Ctrl-C ends it.

    Parameters
    ----------
    forward_to
        Such as http://127.0.0.1:8000/hook.
    events
        Only these types, with commas between.
    since
        Begin in the past: a time, or how long ago: 10m, 2h.
    secret
        To sign with; without it one is made, and told.
    """
    if urlsplit(forward_to).hostname not in LOCAL:
        raise Stop(
            Exit.USAGE, f"{forward_to} is not on this machine.", "For others make a webhook: loopctl webhook create"
        )
    wanted = {part.strip() for part in events.split(",")} if events else None
    key = secret or secrets.token_hex(32)
    if secret is None:
        note(f"Signed with {key}, which for libraries of Standard Webhooks is {standard_secret(key)}")
    with session(scope, READING) as asked:
        query: dict[str, Query] = {"payloads": True, "project_id": project_id_or_none(asked, scope.project)}
        begin: dict[str, Query] = {"since": moment(since or "0s", time.time())}
        _forward(asked, query, begin, Forwarding(forward_to, key, wanted))


class Forwarding:
    def __init__(self, url: str, secret: str, wanted: set[str] | None) -> None:
        self._url = url
        self._secret = secret
        self._wanted = wanted
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect())

    def takes(self, payload: dict[str, Any]) -> bool:
        return self._wanted is None or payload.get("event") in self._wanted

    def send(self, payload: dict[str, Any]) -> str:
        """What the receiver answered, in a word."""
        body, id_, now = json_text(payload).encode(), str(payload.get("id")), str(int(time.time()))
        headers = {
            "Content-Type": "application/json", "User-Agent": "Loopctl-Webhook/1.0",
            LOOPCTL: sign_body(self._secret, body),
            ID: id_, TIMESTAMP: now, SIGNATURE: sign_attempt(self._secret, id_, now, body),
            "X-Webhook-ID": id_, "X-Loopctl-Event": str(payload.get("event")),
        }  # fmt: skip
        request = urllib.request.Request(self._url, body, headers, method="POST")  # noqa: S310  # checked: on this machine
        try:
            with self._opener.open(request, timeout=SECONDS) as answer:
                return f"HTTP {answer.status}"
        except urllib.error.HTTPError as error:
            return f"HTTP {error.code}"
        except (OSError, HTTPException) as error:
            return f"not sent: {getattr(error, 'reason', None) or error}"


def _forward(asked: Session, query: dict[str, Query], begin: dict[str, Query], forwarding: Forwarding) -> None:
    first = True
    try:
        for change in followed(asked, query, begin):
            payload = change.get("payload") if isinstance(change, dict) else None
            if not isinstance(payload, dict) or not forwarding.takes(payload):
                continue
            answer = forwarding.send(payload)
            line = {"position": payload.get("position"), "event": payload.get("event"), "id": payload.get("id")}
            asked.output.line({**line, "answer": answer}, FORWARDED, first=first)
            first = False
            if nobody_reads():
                return
    except KeyboardInterrupt:
        raise Stop(Exit.INTERRUPTED, "Interrupted.") from None
