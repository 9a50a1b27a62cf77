"""One command's way to the server: settings, key, client, output."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.options import Common, Pages
from loopctl.cli.output import Columns, Output, note
from loopctl.cli.settings import Settings
from loopctl.client import Client, Query

NO_SERVER = "loopctl auth login --server URL --key KEY, or set LOOPCTL_SERVER and LOOPCTL_API_KEY"


class Session:
    def __init__(self, client: Client, output: Output, settings: Settings) -> None:
        self.client = client
        self.output = output
        self.settings = settings

    @property
    def project(self) -> str | None:
        """The project that is meant when none is said."""
        return self.settings.get("project")

    def show_list(self, path: str, pages: Pages, columns: Columns, **query: Query) -> None:
        """A list, or all of its pages as one."""
        if pages.all:
            items = list(self.client.pages(path, **query))
            self.output.body({"data": items, "meta": {"total_count": len(items)}}, columns)
            return
        asked = {**query, "page_size": pages.limit, "page": pages.page}
        self.output.body(self.client.get(path, **asked), columns)

    def show(self, body: Any, columns: Columns = ()) -> None:
        self.output.body(body, columns)


@contextmanager
def session(common: Common, role: str = "user") -> Iterator[Session]:
    """``role`` is whose key the command needs when keys are kept by role. Raises Stop without a server."""
    settings = Settings()
    server = common.server or settings.get("server")
    if not server:
        raise Stop(Exit.USAGE, "No server is known.", NO_SERVER)
    client = connect(server, common.api_key or settings.key(role))
    try:
        yield Session(client, Output(common.format or settings.get("format"), common.fields), settings)
    finally:
        client.close()


def connect(server: str, api_key: str | None) -> Client:
    if not server.startswith(("http://", "https://")):
        raise Stop(Exit.USAGE, f"{server} is no address of a server.", "It begins with http:// or https://")
    return Client(server.rstrip("/"), api_key, notice=note)
