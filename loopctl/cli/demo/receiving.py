"""The receiver of the demo: a process that is told what happens, checks each signature, and says so.

It is there only where the service may send to this machine; who runs it says that (LOOPCTL_EGRESS_ALLOW).
"""

import socket
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.json import decode

from loopctl.cli.demo.duty import Duty
from loopctl.cli.demo.worker import Worker
from loopctl.cli.output import note
from loopctl.client import Client, Refused
from loopctl.webhook_signatures import NotSigned, check

NAME = "hook"
EVENTS = (
    "story.status_changed", "story.review_requested", "story.review_completed", "story.verified", "story.rejected",
    "story.auto_reset", "epic.completed",
)  # fmt: skip
ALLOWED = "LOOPCTL_EGRESS_ALLOW=127.0.0.0/8 LOOPCTL_EGRESS_ALLOW_HTTP=true make up"


class Hook(Struct, frozen=True):
    id: str
    secret: str
    url: str


def new_hook(client: Client, project_id: str) -> Hook | None:
    """A webhook to a port of this machine that nobody uses; None where the service sends nothing there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/hook"
    try:
        made = client.post("webhooks", {"url": url, "events": EVENTS, "project_id": project_id})["webhook"]
    except Refused:
        note(f"Nobody is told what happens: this service sends nothing to this machine. With a receiver: {ALLOWED}")
        return None
    return Hook(str(made["id"]), str(made["signing_secret"]), url)


def duty_of(hook: Hook | None, like: Duty) -> Sequence[Duty]:
    """``like`` is another's, for what all know."""
    if hook is None:
        return ()
    return (
        Duty(
            part="receiver",
            name=NAME,
            key=hook.secret,
            server=like.server,
            project_id=like.project_id,
            listens=hook.url,
        ),
    )


def receive(worker: Worker) -> None:
    """Until the process is ended. Its key is the secret of the webhook."""
    secret, seen = worker.duty.key, set[str]()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                id_ = check(secret, dict(self.headers), body)
            except NotSigned as problem:
                worker.tell("refuses", text=str(problem))
                self.send_error(401)
                return
            if id_ not in seen:
                seen.add(id_)
                event: dict[str, Any] = decode(body)
                story = {"number": "", "id": str(event.get("story_id", ""))}
                worker.tell("heard", story, str(event.get("event")))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """What is worth saying is told."""

    HTTPServer(("127.0.0.1", urlsplit(worker.duty.listens).port or 0), Receiver).serve_forever()
