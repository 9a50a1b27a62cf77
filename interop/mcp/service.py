"""A service with a key for each role and a project, behind a door that adds the key: a checker has no place for one."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from msgspec import Struct

from interop.checkers import CHECKOUT
from loopctl.cli.demo.founding import new_crew, new_project
from loopctl.client import Client
from tests.support.running import up

SECONDS = 60
OF_THE_CONNECTION = ("connection", "transfer-encoding", "content-length")
PROJECT = "interop"
BACKLOG = {"epics": [{"number": 1, "title": "First", "stories": [{"number": "1.1", "title": "Begin"}]}]}


class Service(Struct, frozen=True):
    address: str
    """What clients are told; the door, which adds the agent's key."""
    inside: str
    """Past the door."""
    keys: dict[str, str]
    """By role; the reviewer is an agent, too."""


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that went away is the client's affair."""


class Door:
    """A reverse proxy that gives each request the key that was put into it."""

    def __init__(self) -> None:
        self.key = ""
        self.inside = 0
        """The port behind it."""
        self._server = Quiet(("127.0.0.1", 0), self._handler())
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever)

    def open(self) -> None:
        self._thread.start()

    def close(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        door = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def passed_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                inside = http.client.HTTPConnection("127.0.0.1", door.inside, timeout=SECONDS)
                # As they came, Host and Accept-Encoding among them.
                inside.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    inside.putheader(name, value)
                inside.putheader("Authorization", f"Bearer {door.key}")
                inside.endheaders(body)
                answer = inside.getresponse()
                content = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in OF_THE_CONNECTION:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                inside.close()

            do_GET = do_POST = do_DELETE = do_OPTIONS = passed_on  # noqa: N815  # names of the library

            def log_message(self, *_: object) -> None:
                """Nothing."""

        return Handler


@contextmanager
def service(folder: Path) -> Iterator[Service]:
    """As `make up` starts it, with its data in ``folder``."""
    door = Door()
    try:
        with up(folder / "data", "--public-url", door.address) as run:
            inside = run.wait_until_healthy()
            door.inside = int(inside.rpartition(":")[2])
            keys = _keys(folder / "data", inside)
            door.key = keys["agent"]
            door.open()
            yield Service(door.address, inside, keys)
    finally:
        door.close()


def _keys(data: Path, address: str) -> dict[str, str]:
    made = subprocess.run(
        [
            sys.executable, "-m", "operations", "create-tenant", "--name", "Interop", "--slug", "interop", "--email",
            "interop@example.com", "--data-dir", str(data),
        ],
        cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=SECONDS,
    )  # fmt: skip
    user = str(json.loads(made.stdout)["api_key"]["raw_key"])
    client = Client(address, user)
    try:
        crew = new_crew(client, address, (("ada",), ("radia",), "olga"))
        new_project(client, PROJECT, BACKLOG)
    finally:
        client.close()
    made_of = {"agent": crew.implementers["ada"], "reviewer": crew.reviewers["radia"]}
    return {"user": user, **made_of, "orchestrator": crew.orchestrator[1]}
